use resonate::prelude::*;

#[durable]
async fn charge(card: impl ToString, history: Vec<impl ToString>) -> String {
    format!("{}, {}", card.to_string(), history.len())
}

fn main() {}
