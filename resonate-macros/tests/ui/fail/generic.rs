use resonate::prelude::*;

#[durable]
async fn charge<T: Serialize, const N: usize>(items: [T; N]) -> usize {
    items.len()
}

fn main() {}
