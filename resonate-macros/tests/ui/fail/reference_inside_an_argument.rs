use resonate::prelude::*;

#[durable]
async fn charge(cards: Vec<&str>, backup: Option<&[u8]>) -> usize {
    cards.len() + backup.map_or(0, <[u8]>::len)
}

fn main() {}
