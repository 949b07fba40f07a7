use resonate::prelude::*;

#[durable(service, "payments", retry(3), version = )]
async fn charge(cents: u64) -> u64 {
    cents
}

fn main() {}
