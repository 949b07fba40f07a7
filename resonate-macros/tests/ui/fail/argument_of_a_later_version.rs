use resonate::prelude::*;

#[durable(concurrency = 5, key = "card", service = "payments")]
async fn charge(cents: u64) -> u64 {
    cents
}

fn main() {}
