use resonate::prelude::*;

#[durable]
async fn charge<'a>(card: &'a str, shop: &'a str) -> usize {
    card.len() + shop.len()
}

fn main() {}
