use resonate::prelude::*;

use std::borrow::Cow;

#[durable]
async fn charge(card: Cow<'_, str>) -> usize {
    card.len()
}

fn main() {}
