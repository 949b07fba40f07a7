//! Nothing that the attribute adds is anything a lint could complain about.
#![deny(warnings, missing_docs, unused, nonstandard_style, let_underscore)]
#![deny(
    unreachable_pub,
    unused_qualifications,
    unused_lifetimes,
    unused_results,
    elided_lifetimes_in_paths
)]
#![deny(
    missing_debug_implementations,
    single_use_lifetimes,
    trivial_casts,
    variant_size_differences
)]
use resonate::prelude::*;

/// Is called by nobody in this crate: a worker serves it.
#[durable(service = "payments", retry = Retry::exponential(), version = 2, priority = -1, codec = "json")]
async fn charge(card: &str, (cents, _): (u64, u8), _shop: String) -> Result<u64> {
    Ok(cents + card.len() as u64)
}

#[durable]
async fn sweep() {}

#[durable]
async fn post(entry: &str) -> Result<u64>;

pub(crate) fn main() {}
