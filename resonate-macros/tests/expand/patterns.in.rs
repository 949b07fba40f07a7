#[durable]
async fn place((x, y): (u64, u64), mut budget: u64, _: u8, Order { id, .. }: Order, r#type: u8) -> u64 {
    budget -= x * y;
    budget + id + u64::from(r#type)
}
