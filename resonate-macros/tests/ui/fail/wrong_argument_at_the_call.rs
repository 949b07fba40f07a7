use resonate::prelude::*;

#[durable]
async fn charge(card: &str, cents: u64) -> u64 {
    cents + card.len() as u64
}

#[durable]
async fn checkout(card: String) -> u64 {
    charge(card, "1200").await
}

fn main() {}
