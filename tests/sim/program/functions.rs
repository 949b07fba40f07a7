//! The durable functions: for each service one that does what a program says, and leaves that call nothing.

use std::{sync::Arc, time::Duration};

use resonate::{Call, Error, Retry, durable};

use super::{Answer, Keyed, Op, Wrong, run::Body, value_of, value_of_key};
use crate::{ledger::Ledger, process::Doom};

#[durable(service = "red")]
async fn red(op: &Op) -> Result<u64, Wrong> {
    Body::new(0, op).run(op).await
}

#[durable(service = "green", retry = Retry::fixed(Duration::from_millis(300)))]
async fn green(op: &Op) -> Result<u64, Wrong> {
    Body::new(1, op).run(op).await
}

#[durable(service = "blue", retry = Retry::exponential().initial(Duration::from_secs(1)))]
async fn blue(op: &Op) -> Result<u64, Wrong> {
    Body::new(2, op).run(op).await
}

#[durable(service = "red")]
async fn red_leaf(no: u32, millis: u64, fails: u8, panics: u8) -> resonate::Result<u64> {
    work(no, millis, fails, panics).await
}

#[durable(service = "green", retry = Retry::fixed(Duration::from_millis(300)))]
async fn green_leaf(no: u32, millis: u64, fails: u8, panics: u8) -> resonate::Result<u64> {
    work(no, millis, fails, panics).await
}

#[durable(service = "blue")]
async fn blue_leaf(no: u32, millis: u64, fails: u8, panics: u8) -> resonate::Result<u64> {
    work(no, millis, fails, panics).await
}

/// The call that does this.
pub(crate) fn call(to: u8, op: &Op) -> Call<Answer> {
    match to {
        0 => red(op),
        1 => green(op),
        _ => blue(op),
    }
}

async fn work(no: u32, millis: u64, fails: u8, panics: u8) -> resonate::Result<u64> {
    let ledger = resonate::state::<Arc<Ledger>>();
    let execution = resonate::execution();
    ledger.runs(execution.id(), execution.version());
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let tries = ledger.tries(execution.id());
    if tries <= u32::from(panics) {
        panic!("{}", crate::PLANNED);
    }
    if tries <= u32::from(panics) + u32::from(fails) {
        return Err(Error::new("as the program wants it"));
    }
    Ok(value_of(no))
}

/// The leaf of a service.
pub(crate) fn leaf(
    to: u8,
    (no, millis): (u32, u64),
    (fails, panics): (u8, u8),
) -> Call<resonate::Result<u64>> {
    match to {
        0 => red_leaf(no, millis, fails, panics),
        1 => green_leaf(no, millis, fails, panics),
        _ => blue_leaf(no, millis, fails, panics),
    }
}

#[durable(service = "green")]
async fn green_large(no: u32, what: String) -> resonate::Result<String> {
    let ledger = resonate::state::<Arc<Ledger>>();
    let execution = resonate::execution();
    ledger.runs(execution.id(), execution.version());
    if !what.bytes().all(|byte| byte == filler(no)) {
        return Err(Error::new("its argument has changed").into_terminal());
    }
    Ok(what)
}

/// Gives back what it gets, which is so large.
pub(crate) fn large(no: u32, bytes: usize) -> Call<resonate::Result<String>> {
    green_large(no, char::from(filler(no)).to_string().repeat(bytes))
}

fn filler(no: u32) -> u8 {
    b'a' + u8::try_from(no % 26).unwrap()
}

#[durable(service = "red")]
async fn red_deadly(no: u32) -> resonate::Result<u64> {
    let ledger = resonate::state::<Arc<Ledger>>();
    let execution = resonate::execution();
    if ledger.kills(execution.id(), execution.version()) {
        resonate::state::<Doom>().strike().await;
    }
    Ok(value_of(no))
}

/// Takes every worker down that runs it, until somebody mends it.
pub(crate) fn deadly(no: u32) -> Call<resonate::Result<u64>> {
    red_deadly(no)
}

#[durable(service = "red", key = key)]
async fn red_alone(key: u8, no: u32, millis: u64) -> resonate::Result<u64> {
    let _ = key;
    with_its_key(millis).await;
    Ok(value_of(no))
}

#[durable(service = "green", key = key, latest_wins)]
async fn green_latest(no: u32, key: u8, millis: u64) -> resonate::Result<u64> {
    let _ = key;
    with_its_key(millis).await;
    Ok(value_of(no))
}

#[durable(service = "blue", key = key, debounce = "2s")]
async fn blue_merged(key: u8, no: u32, millis: u64) -> resonate::Result<u64> {
    let _ = no;
    with_its_key(millis).await;
    Ok(value_of_key(key))
}

/// Has its key while it runs, and while it waits.
async fn with_its_key(millis: u64) {
    let ledger = resonate::state::<Arc<Ledger>>();
    let execution = resonate::execution();
    ledger.runs_with_its_key(execution.id(), execution.version());
    if millis > 0 {
        resonate::sleep(Duration::from_millis(millis)).await;
    }
}

/// One of those with this key.
pub(crate) fn keyed(keyed: Keyed, key: u8, no: u32, millis: u64) -> Call<resonate::Result<u64>> {
    match keyed {
        Keyed::Alone => red_alone(key, no, millis),
        Keyed::Latest => green_latest(no, key, millis),
        Keyed::Merged => blue_merged(key, no, millis),
    }
}

/// Undoes a call that gave this.
#[durable(service = "blue", retry = Retry::fixed(Duration::from_millis(300)))]
pub(super) async fn blue_undo(value: u64) -> resonate::Result<u64> {
    let ledger = resonate::state::<Arc<Ledger>>();
    let execution = resonate::execution();
    ledger.runs(execution.id(), execution.version());
    ledger.undoes(execution.id(), value);
    tokio::time::sleep(Duration::from_millis(value % 3_000)).await;
    if value.is_multiple_of(3) && ledger.tries(execution.id()) <= 1 {
        return Err(Error::new("as the program wants it"));
    }
    Ok(value)
}
