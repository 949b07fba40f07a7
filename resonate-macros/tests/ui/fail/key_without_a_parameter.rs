use resonate::prelude::*;

#[durable(key = customr)]
async fn bill(customer: u64, month: &str) {}

#[durable(key = account)]
async fn transfer(cents: u64) {}

#[durable(key = account)]
async fn tidy((_from, _to): (u64, u64)) {}

fn main() {}
