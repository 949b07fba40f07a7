use resonate::prelude::*;

#[durable]
async fn charge(total: &mut u64, cents: u64) {
    *total += cents;
}

fn main() {}
