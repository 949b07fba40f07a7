use resonate::prelude::*;

#[durable(per_key = 2, rate_per_key = "1/s")]
async fn bill(customer: u64) {}

#[durable(key = customer, per_key = 2, latest_wins)]
async fn greet(customer: u64) {}

fn main() {}
