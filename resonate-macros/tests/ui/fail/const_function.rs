use resonate::prelude::*;

#[durable]
const async fn charge(cents: u64) -> u64 {
    cents
}

fn main() {}
