use resonate::prelude::*;

#[derive(Default, Serialize, Deserialize)]
struct Cart;

#[durable]
impl Cart {
    async fn open() -> Cart {
        Cart
    }

    async fn close(self) {}

    async fn lend<'a>(&'a self) {}
}

fn main() {}
