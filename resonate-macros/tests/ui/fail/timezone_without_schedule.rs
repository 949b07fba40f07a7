use resonate::prelude::*;

#[durable(timezone = "Europe/Berlin")]
async fn report() -> u64 {
    1
}

fn main() {}
