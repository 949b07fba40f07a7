//! A function that runs on a schedule, and a test in which a week passes at once: `cargo test --example nightly`.

use resonate::{Overlap, prelude::*};

#[durable(service = "shop")]
async fn report(shop: String) -> Result<String> {
    Ok(format!("{shop}: all is well at {}", now().as_millis()))
}

#[tokio::main]
async fn main() -> Result<()> {
    let resonate = Resonate::builder().in_memory().start().await?;
    // The same plan again changes nothing, so this belongs into the start of a program.
    let nightly = resonate
        .schedule("nightly", "0 3 * * *", report("berlin".into()))
        .timezone("Europe/Berlin")
        .overlap(Overlap::Queue)
        .catch_up(hours(6))
        .await?;
    let next = nightly.next().map(|at| nightly.firing(at));
    println!("the next firing is the promise {next:?}");

    // Not everybody has time until three in the morning.
    if let Some(firing) = nightly.trigger().await? {
        println!("{firing}: {}", resonate.get::<String>(&firing).await?);
    }
    resonate.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use resonate::testing::World;

    use super::*;

    #[resonate::test]
    async fn a_week_has_seven_nights(world: World) -> Result<()> {
        let nightly = world
            .resonate()
            .schedule("nightly", "0 3 * * *", report("berlin".into()))
            .timezone("Europe/Berlin")
            .await?;
        world.advance(days(7)).await;
        let reports = nightly.firings().await?;
        assert_eq!((reports.len(), world.runs("shop/report")), (7, 7));
        Ok(())
    }
}
