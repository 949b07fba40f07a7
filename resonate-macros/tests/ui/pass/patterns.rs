#![deny(unused)]
use resonate::prelude::*;

#[derive(Serialize, Deserialize)]
pub struct Order {
    id: u64,
    cents: u64,
}

#[durable]
#[rustfmt::skip]
async fn place((x, y): (u64, u64), mut budget: u64, _: u8, Order { id, .. }: Order, whole @ [first, ..]: [u8; 4], argument_2: u8) -> u64 {
    budget -= x * y;
    budget + id + u64::from(whole[1]) + u64::from(first) + u64::from(argument_2)
}

pub(crate) fn main() {
    let order = Order { id: 1, cents: 2 };
    let _cents = order.cents;
    let _call = place((1, 2), 3, 4, order, [0; 4], 5);
}
