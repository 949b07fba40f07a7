use resonate::prelude::*;

pub struct Customer(pub u64);

#[durable(key = customer)]
pub async fn bill(customer: Customer) {
    drop(customer);
}

fn main() {}
