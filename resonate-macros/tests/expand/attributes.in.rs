#[durable(
    name = "settle_up",
    service = "back-office",
    version = 2,
    retry = Retry::exponential().max_attempts(5),
    timeout = hours(1),
    codec = "bincode",
    priority = -3,
)]
/// Settles the accounts of a day.
#[deprecated = "use `close`"]
#[allow(clippy::too_many_lines)]
#[tracing::instrument(skip_all)]
pub async fn settle(day: u32) -> Result<()> {
    close(day).await
}
