use resonate::prelude::*;

#[durable(retries = 3)]
async fn charge(cents: u64) -> u64 {
    cents
}

#[durable(idempotent)]
async fn refund(cents: u64) -> u64 {
    cents
}

fn main() {}
