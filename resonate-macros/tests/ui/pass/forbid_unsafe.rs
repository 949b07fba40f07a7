#![forbid(unsafe_code)]
use resonate::prelude::*;

#[durable]
async fn charge(card: &str, cents: u64) -> Result<u64> {
    Ok(cents + card.len() as u64)
}

pub(crate) fn main() {
    let _call = charge("4242", 1200);
}
