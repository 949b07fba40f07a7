use resonate::prelude::*;

#[durable]
async unsafe fn charge(cents: u64) -> u64 {
    cents
}

fn main() {}
