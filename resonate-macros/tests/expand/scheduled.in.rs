#[durable(schedule = "0 3 * * *", timezone = "Europe/Berlin")]
async fn report() -> u64 {
    1
}
