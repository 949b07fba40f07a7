use resonate::prelude::*;

#[derive(Default, Serialize, Deserialize)]
struct Cart(u8);

#[durable(timeout = hours(1))]
impl Cart {
    #[durable(service = "shop", expire = hours(1))]
    async fn clear(&mut self) {}

    #[durable(priority = 1)]
    fn helper(&self) {}
}

#[durable(expire = hours(1))]
async fn charge() {}

fn main() {}
