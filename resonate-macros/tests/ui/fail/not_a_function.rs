use resonate::prelude::*;

#[durable]
struct Shop {
    cents: u64,
}

fn main() {}
