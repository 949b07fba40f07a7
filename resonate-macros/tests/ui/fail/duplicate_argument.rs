use resonate::prelude::*;

#[durable(service = "payments", version = 2, service = "billing")]
async fn charge(cents: u64) -> u64 {
    cents
}

fn main() {}
