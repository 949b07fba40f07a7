use resonate::prelude::*;

#[durable(schedule = "0 3 * * *")]
async fn report(day: u64) -> u64 {
    day
}

fn main() {}
