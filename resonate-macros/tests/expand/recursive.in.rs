#[durable]
async fn countdown(from: u64) -> u64 {
    if from == 0 { 0 } else { countdown(from - 1).await }
}
