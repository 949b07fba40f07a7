use resonate::prelude::*;

#[durable]
async fn charge(card: &str) -> Result<&str> {
    Ok(card)
}

fn main() {}
