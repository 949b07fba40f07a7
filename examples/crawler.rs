//! A crawler that is polite: 60 pages of three hosts, however many workers crawl, at most ten pages a second of each host,
//! two at a time of one host, and 16 in all.
//!
//! The server keeps the limits, so starting this program twice makes it no ruder. `resonate queues` shows who waits and why.

use resonate::prelude::*;
use tokio::time::{Duration, Instant};

/// What is said here holds for the whole fleet: `key` names the argument that calls have in common.
#[durable(key = host, per_key = 2, rate_per_key = "10/s", concurrency = 16)]
async fn fetch(host: &str, path: &str) -> Result<usize> {
    // A request would be here.
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(host.len() + path.len())
}

/// Asks for everything at once; who may start when is not its matter.
#[durable]
async fn crawl(hosts: Vec<String>, pages: u32) -> Result<usize> {
    let urls = (0..pages).flat_map(|page| hosts.iter().map(move |host| (host, page)));
    let urls: Vec<_> = urls.collect();
    let sizes = map(&urls, |(host, page)| fetch(host, &format!("/{page}"))).await?;
    Ok(sizes.iter().sum())
}

#[tokio::main]
async fn main() -> Result<()> {
    let resonate = Resonate::builder().in_memory().start().await?;
    let began = Instant::now();
    let hosts = ["a.example", "b.example", "c.example"].map(str::to_owned);
    let bytes = crawl(hosts.to_vec(), 20).id("crawl-1").await?;
    let took = began.elapsed();
    println!("60 pages with {bytes} bytes, after {took:.2?}");
    assert!(
        took >= Duration::from_millis(900),
        "a host was asked too often"
    );
    resonate.shutdown().await;
    Ok(())
}
