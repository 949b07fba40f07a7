use resonate::prelude::*;

#[derive(Default, Serialize, Deserialize)]
struct Cart(u8);

#[durable]
impl Cart {
    async fn add(&mut self, item: &mut String) {}

    async fn item(&self) -> &str {
        ""
    }

    async fn all<T>(&self, of: impl Iterator<Item = T>) {}

    async fn other(&self);
}

fn main() {}
