use resonate::prelude::*;

#[durable(retries = 3)]
fn charge(card: &mut String) -> u64 {
    card.clear();
    1200
}

#[durable]
async fn checkout(mut card: String) -> u64 {
    charge(&mut card).await
}

fn main() {}
