use resonate::prelude::*;

#[durable(schedule = "0 3 * * *", timezone = "in Berlin")]
async fn report() -> u64 {
    1
}

fn main() {}
