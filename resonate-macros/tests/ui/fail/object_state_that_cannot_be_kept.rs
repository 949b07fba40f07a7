use resonate::prelude::*;

#[derive(Default)]
struct Cart;

#[durable]
impl Cart {
    async fn clear(&mut self) {}
}

fn main() {}
