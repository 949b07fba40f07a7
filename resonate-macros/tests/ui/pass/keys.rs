//! What may be a key, and what may be said of it.
#![forbid(unsafe_code)]
#![deny(warnings)]

use resonate::prelude::*;

#[derive(Serialize, Deserialize)]
pub struct Customer {
    pub id: u64,
}

#[durable(key = host, per_key = 2, rate_per_key = "10/min", concurrency = 8)]
pub async fn fetch(host: &str, mut path: String) -> Result<String> {
    path.push_str(host);
    Ok(path)
}

#[durable(latest_wins, key = customer)]
pub async fn greet(greeting: u64, customer: &Customer) -> u64 {
    greeting + customer.id
}

#[durable(key = r#type, debounce = "500ms")]
pub async fn index(r#type: Vec<u64>) -> usize {
    r#type.len()
}

#[durable(debounce = "1h", latest_wins)]
pub async fn rebuild();

fn main() {}
