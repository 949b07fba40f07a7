use resonate::prelude::*;

#[durable(service = "shop", schedule = "*/15 8-18 * * MON-FRI", timezone = "Europe/Berlin")]
async fn report() -> u64 {
    1
}

#[durable(schedule = "30 0 3 1 JAN,JUL *")]
async fn close() {}

fn main() {
    drop((report(), close()));
}
