use resonate::prelude::*;

#[derive(Default, Serialize, Deserialize)]
struct Shelf<T>(Vec<T>);

#[durable]
impl<T> Shelf<T> {
    async fn clear(&mut self) {}
}

#[durable]
impl Shelf<u8> {
    async fn fill(&mut self) {}
}

fn main() {}
