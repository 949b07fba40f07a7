use resonate::prelude::*;

#[durable(codec = "xml")]
async fn charge(cents: u64) -> u64 {
    cents
}

fn main() {}
