use resonate::prelude::*;

#[durable(schedule = "0 25 * * *", timezone = "Europe/Berlin")]
async fn report() -> u64 {
    1
}

fn main() {}
