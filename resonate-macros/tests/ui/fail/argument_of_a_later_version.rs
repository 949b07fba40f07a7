use resonate::prelude::*;

#[durable(concurrency = 5, schedule = "0 3 * * *", service = "payments")]
async fn charge(cents: u64) -> u64 {
    cents
}

fn main() {}
