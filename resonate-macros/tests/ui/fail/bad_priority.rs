use resonate::prelude::*;

#[durable(priority = 128)]
async fn charge(cents: u64) -> u64 {
    cents
}

fn main() {}
