#[durable(allow = "env")]
async fn stamp(name: String) -> u64 {
    let zone = std::env::var("ZONE");
    write(&name, SystemTime::now(), zone).await
}
