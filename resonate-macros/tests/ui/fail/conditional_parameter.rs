use resonate::prelude::*;

#[durable]
async fn charge(cents: u64, #[cfg(test)] probe: u64) -> u64 {
    cents
}

fn main() {}
