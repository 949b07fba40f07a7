use resonate::prelude::*;

#[durable]
async fn charge(cents: u64) -> String {
    cents + 1
}

fn main() {}
