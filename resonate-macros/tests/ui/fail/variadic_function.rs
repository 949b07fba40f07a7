use resonate::prelude::*;

#[durable]
async fn charge(cents: u64, _: ...) -> u64 {
    cents
}

fn main() {}
