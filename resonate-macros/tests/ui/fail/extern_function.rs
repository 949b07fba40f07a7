use resonate::prelude::*;

#[durable]
async extern "C" fn charge(cents: u64) -> u64 {
    cents
}

fn main() {}
