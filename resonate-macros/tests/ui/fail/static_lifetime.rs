use resonate::prelude::*;

#[durable]
async fn charge(card: &'static str) -> usize {
    card.len()
}

fn main() {}
