use resonate::prelude::*;

#[durable]
async fn grüße(cents: u64) -> u64 {
    cents
}

fn main() {}
