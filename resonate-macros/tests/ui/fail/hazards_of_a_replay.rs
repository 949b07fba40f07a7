use std::time::{Duration, Instant, SystemTime};

use resonate::prelude::*;

#[durable]
async fn waits() -> Result<u64> {
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let _ = tokio::time::timeout(Duration::from_secs(1), async {}).await;
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.tick().await;
    let stamp = SystemTime::now();
    step(|| async { Ok::<_, Error>(SystemTime::now() == stamp) }).await?;
    Ok(began.elapsed().as_secs())
}

#[durable]
async fn draws() -> Result<bool> {
    let (id, number) = (Uuid::new_v4(), rand::random::<u64>());
    promise("approval").label("id", id + number).await
}

#[durable]
async fn starts() -> Result<()> {
    tokio::spawn(async {});
    std::thread::spawn(|| {});
    starts().await
}

#[durable]
async fn reads() -> Result<()> {
    static mut COUNT: u64 = 0;
    let _ = std::env::var("REGION");
    let _ = std::fs::read_to_string("prices.json");
    resonate::sleep(seconds(1)).await;
    Ok(())
}

#[durable(allow = ["time", "chance"])]
async fn allows_what_is_nothing() -> Result<()> {
    Ok(())
}

#[durable(allow = "time")]
async fn allows_one_of_two() -> Result<u64> {
    let began = Instant::now();
    sleep(days(1)).await;
    Ok(began.elapsed().as_secs() + fastrand::u64(..))
}

fn main() {}
