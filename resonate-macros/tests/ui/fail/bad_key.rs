use resonate::prelude::*;

#[durable(key = "customer")]
async fn bill(customer: u64) {}

#[durable(key = customer, rate_per_key = "often", per_key = 0)]
async fn remind(customer: u64) {}

#[durable(key = customer, latest_wins = true, debounce = "5 seconds")]
async fn greet(customer: u64) {}

fn main() {}
