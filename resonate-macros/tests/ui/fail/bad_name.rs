use resonate::prelude::*;

#[durable(name = "take-money", service = "")]
async fn charge(cents: u64) -> u64 {
    cents
}

fn main() {}
