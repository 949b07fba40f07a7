//! Two services: `front` calls `back`, of which it knows the declaration only, as if it were another team's program.
//!
//! `two_services` runs both in this process. To see them apart, start `resonate dev`, and then, in any order,
//! `two_services back` and `two_services front` with `RESONATE_URL=http://127.0.0.1:8001`. Kill `back` and start it
//! again: `front` waits meanwhile.

use resonate::prelude::*;

mod back {
    use resonate::prelude::*;

    /// What one costs, in cents.
    #[durable(service = "back")]
    async fn price(item: String) -> Result<u64> {
        match item.as_str() {
            "tea" => Ok(350),
            "cake" => Ok(420),
            other => Err(Error::terminal(format!("we have no {other}"))),
        }
    }
}

/// A declaration: no body, which is elsewhere. If the two disagree, the second process is refused with the difference.
#[durable(service = "back")]
async fn price(item: &str) -> Result<u64>;

/// Asks for the price of each, at once.
#[durable(service = "front")]
async fn bill(items: &[String]) -> Result<u64> {
    let prices = futures::future::try_join_all(items.iter().map(|item| price(item))).await?;
    Ok(prices.iter().sum())
}

#[tokio::main]
async fn main() -> Result<()> {
    let role = std::env::args().nth(1);
    let resonate = match role.as_deref() {
        Some("back") => {
            let back = Resonate::builder().serve(["back"]).start().await?;
            return back.run_until_shutdown().await;
        }
        Some("front") => Resonate::builder().serve(["front"]).start().await?,
        Some(other) => {
            return Err(Error::new(format!(
                "there is `front` and `back`, but no `{other}`"
            )));
        }
        None => Resonate::builder().in_memory().start().await?,
    };
    let cents = bill(&["tea".to_owned(), "cake".to_owned()])
        .id("bill-1")
        .await?;
    println!("tea and cake: {cents} cents");
    resonate.shutdown().await;
    Ok(())
}
