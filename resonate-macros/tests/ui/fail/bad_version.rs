use resonate::prelude::*;

#[durable(version = 0)]
async fn charge(cents: u64) -> u64 {
    cents
}

#[durable(version = "2")]
async fn refund(cents: u64) -> u64 {
    cents
}

fn main() {}
