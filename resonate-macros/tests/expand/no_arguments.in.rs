#[durable]
async fn sweep() {
    clean().await;
}
