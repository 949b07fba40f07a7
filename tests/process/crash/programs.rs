//! What crashes: a tour of everything durable, and the checkout of the example. Three services, and a line in the effects
//! for everything that really ran.
//!
//! The line begins with the number of its stage. A stage begins when the results of the one before were shown, so they
//! are recorded, so nothing of an earlier stage may run again.

use std::time::Duration;

use futures::future::try_join_all;
use resonate::{Timestamp, prelude::*};

use crate::effects::effect;

/// What [`tour`] gives, whatever died meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Souvenirs {
    /// `uuid()` and `now()` were those that the step had seen.
    is_same_again: bool,
    approved: bool,
    paid: Receipt,
    parcels: Vec<String>,
    timer_or_slow: String,
    quick_or_timer: String,
    helped: u64,
    flaky: u64,
    spawned: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipt {
    cents: u64,
}

#[derive(Serialize, Deserialize)]
struct Quote {
    key: String,
    at: Timestamp,
    cents: u64,
}

/// Everything there is: a step, a promise, calls, a timer, fan-out, two races, a retry, handles.
#[durable(service = "tour")]
pub(super) async fn tour(cents: u64) -> Result<Souvenirs> {
    let (key, at) = (uuid(), now());
    let quoted = || async {
        effect("1_quote");
        let (key, cents) = (key.clone(), cents * 2);
        Ok::<_, Error>(Quote { key, at, cents })
    };
    let quote = step(quoted).label("quote").await?;
    let approved = promise::<bool>("approval").await?;
    let paid = pay(quote.cents).await.map_err(Error::terminal)?;
    sleep(Duration::from_millis(20)).await;
    let parcels = try_join_all((0..3).map(|item| pack(3, item))).await?;
    let timer_or_slow = select! {
        slow = dawdle() => slow?,
        () = sleep(Duration::from_millis(20)) => "the timer".to_owned(),
    };
    let quick_or_timer = select! {
        quick = pack(4, 7) => quick?,
        () = sleep(hours(1)) => "the timer".to_owned(),
    };
    let helped = help(cents).await?;
    let flaky = flaky().await?;
    let handles = [pack(8, 1).spawn(), pack(8, 2).remote().spawn()];
    let spawned = try_join_all(handles).await?;
    Ok(Souvenirs {
        is_same_again: quote.key == key && quote.at == at,
        approved,
        paid,
        parcels,
        timer_or_slow,
        quick_or_timer,
        helped,
        flaky,
        spawned,
    })
}

/// A call of the same service, which steps and calls itself.
#[durable(service = "tour")]
async fn help(cents: u64) -> Result<u64> {
    let more = step(|| async {
        effect("5_help");
        Ok::<_, Error>(cents + 1)
    });
    let more = more.await?;
    Ok(pack(6, more).await?.len() as u64)
}

#[durable(service = "stock", retry = Retry::exponential())]
async fn flaky() -> Result<u64> {
    if resonate::execution().attempt() == 1 {
        return Err(Error::new("the first attempt fails"));
    }
    effect("7_flaky");
    Ok(7)
}

#[durable(service = "stock")]
async fn pack(stage: u64, item: u64) -> Result<String> {
    effect(format_args!("{stage}_pack{item}"));
    Ok(format!("parcel {item}"))
}

#[durable(service = "stock")]
async fn dawdle() -> Result<String> {
    sleep(hours(1)).await;
    Ok("the slow one".to_owned())
}

/// Why an order is not sent.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(super) enum Refused {
    #[error("no money")]
    NoMoney,
    #[error("out of stock")]
    OutOfStock,
    #[error(transparent)]
    Failed(#[from] Error),
}

#[durable(service = "till", retry = Retry::exponential().when(Refused::is_failure))]
async fn pay(cents: u64) -> Result<Receipt, Refused> {
    effect("2_pay");
    if cents == 13 {
        return Err(Refused::NoMoney);
    }
    Ok(Receipt { cents })
}

impl Refused {
    fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

#[durable(service = "till")]
async fn refund(receipt: &Receipt) -> Result<u64> {
    effect("5_refund");
    Ok(receipt.cents)
}

/// As the example has it: approval, payment, reservation, a label for each item; or a refund.
#[durable(service = "tour")]
pub(super) async fn checkout(cents: u64, items: Vec<u64>) -> Result<Vec<String>, Refused> {
    if !promise::<bool>("approval").await? {
        return Err(Refused::NoMoney);
    }
    let receipt = pay(cents).await?;
    match send(&items).await {
        Ok(labels) => Ok(labels),
        Err(error) => {
            refund(&receipt).await?;
            Err(error)
        }
    }
}

async fn send(items: &[u64]) -> Result<Vec<String>, Refused> {
    reserve(items).await?;
    Ok(try_join_all(items.iter().map(|item| pack(4, *item))).await?)
}

#[durable(service = "stock")]
async fn reserve(items: &[u64]) -> Result<(), Refused> {
    effect("3_reserve");
    if items.contains(&0) {
        return Err(Refused::OutOfStock);
    }
    Ok(())
}
