use resonate::prelude::*;

#[durable(schedule = "0 3 * *")]
async fn report() -> u64 {
    1
}

fn main() {}
