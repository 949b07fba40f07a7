use resonate::prelude::*;

#[durable]
async fn charge(card: &dyn ToString) -> String {
    card.to_string()
}

fn main() {}
