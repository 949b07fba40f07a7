use resonate::prelude::*;

#[durable(service = "shop", schedule = "0 3 * * *")]
async fn report() -> u64;

fn main() {}
