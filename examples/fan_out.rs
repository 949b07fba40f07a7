//! Fan out, fan in: 1,000 calls at once, and the sum of what they return.
//!
//! At most 100 are under way at once. Where each of them runs (here, or on any other worker of the service) makes no
//! difference to the sum.

use resonate::prelude::*;
use tokio::time::Instant;

/// A leaf: it calls nothing.
#[durable]
async fn square(n: u64) -> Result<u64> {
    Ok(n * n)
}

/// Waits for all of them.
#[durable]
async fn sum_of_squares(n: u64) -> Result<u64> {
    let squares = map(1..=n, square).await?;
    Ok(squares.iter().sum())
}

#[tokio::main]
async fn main() -> Result<()> {
    let resonate = Resonate::builder().in_memory().start().await?;
    let began = Instant::now();
    let sum = sum_of_squares(1_000).id("sum-1").await?;
    println!(
        "the sum of 1,000 squares is {sum}, after {:.2?}",
        began.elapsed()
    );
    assert_eq!(sum, 333_833_500);
    resonate.shutdown().await;
    Ok(())
}
