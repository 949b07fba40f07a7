use resonate::prelude::*;

#[durable]
async fn charge(card: Card, by: &Clerk) -> Result<Receipt> {
    Ok(card.charge(by))
}

fn main() {}
