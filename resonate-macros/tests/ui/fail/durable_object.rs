use resonate::prelude::*;

struct Cart;

#[durable]
impl Cart {
    async fn clear(&mut self) {}
}

fn main() {}
