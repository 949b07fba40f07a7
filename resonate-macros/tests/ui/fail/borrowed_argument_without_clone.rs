use resonate::prelude::*;

#[derive(Serialize, Deserialize)]
struct Card;

#[durable]
async fn charge(card: &Card, cents: u64) -> u64 {
    let Card = card;
    cents
}

fn main() {}
