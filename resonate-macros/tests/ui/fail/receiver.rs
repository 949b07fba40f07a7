use resonate::prelude::*;

struct Shop;

impl Shop {
    #[durable]
    async fn charge(&self, cents: u64) -> u64 {
        cents
    }
}

fn main() {}
