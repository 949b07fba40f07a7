use resonate::prelude::*;

#[durable]
async fn remind(customer: String) -> Result<u64> {
    let began = std::time::SystemTime::now();
    sleep(days(1)).await;
    tokio::spawn(async move { drop(customer) });
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let chance = fastrand::u64(..);
    Ok(began.elapsed().map_or(0, |since| since.as_secs()) + chance)
}

#[durable(allow = "chance")]
async fn unknown() -> Result<()> {
    sleep(days(1)).await;
    Ok(())
}

/// A leaf, and what is allowed or in a step.
#[durable(allow = ["time", "spawn"])]
async fn fine() -> Result<u64> {
    sleep(days(1)).await;
    tokio::spawn(async {});
    let drawn = step(|| async { Ok::<_, Error>(fastrand::u64(..)) }).await?;
    let _ = std::time::Instant::now();
    Ok(drawn)
}

fn main() {}
