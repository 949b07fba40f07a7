//! What may be a key, and what may be said of it.

use resonate::prelude::*;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Customer {
    id: u64,
}

#[durable(key = host, per_key = 2, rate_per_key = "10/min", concurrency = 8)]
async fn fetch(host: &str, mut path: String) -> Result<String> {
    path.push_str(host);
    Ok(path)
}

#[durable(latest_wins, key = customer)]
async fn greet(greeting: u64, customer: &Customer) -> u64 {
    greeting + customer.id
}

#[durable(key = r#type, debounce = "500ms")]
async fn count(r#type: Vec<u64>) -> usize {
    r#type.len()
}

#[durable(debounce = "1h", latest_wins)]
async fn rebuild();

pub(crate) fn main() {
    let customer = Customer { id: 7 };
    drop((fetch("a.com", "/".to_owned()), greet(1, &customer)));
    drop((count(vec![1]), rebuild()));
}
