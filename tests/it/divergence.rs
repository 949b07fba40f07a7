//! A program that no longer fits its history: halted, visible, with both sides and their source lines.
//!
//! The functions read a switch, as a new build would; the switch is turned while nobody has the execution.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use resonate::prelude::*;

use crate::world::{World, note};

#[durable(service = "divergence")]
async fn charge(cents: u64) -> u64 {
    cents
}

#[durable(service = "divergence")]
async fn refund(cents: u64) -> u64 {
    cents
}

#[durable(service = "divergence")]
async fn ship(item: &str) -> usize {
    item.len()
}

/// Runs `begin` on one worker until it waits for `go`, turns the switch, and lets another worker go on.
async fn changed<R: Send + 'static>(
    begin: Call<Result<R>>,
    changed: &AtomicBool,
) -> (World, String) {
    let world = World::serving(&[]).await;
    let first = world.join(&["divergence"]).await;
    let running = world.begin(begin.id("changed"));
    world.until_state("changed", "suspended").await;
    first.shutdown().await;
    changed.store(true, Ordering::SeqCst);
    let second = world.join(&["divergence"]).await;
    world.resonate.resolve("changed.go", &()).await.unwrap();
    let reason = world.until_halted("changed").await;
    assert!(!running.is_finished(), "a halted execution has no answer");
    second.shutdown().await;
    (world, reason)
}

fn place(line: u32) -> String {
    format!("{}:{line}", file!())
}

const ADVICE: &str =
    "run it with the code it began with, or give the new code a function version of its own";

static RENAMED: AtomicBool = AtomicBool::new(false);
const CHARGE_LINE: u32 = line!() + 7;

#[durable(service = "divergence")]
async fn renames() -> Result<()> {
    step(|| async { Ok::<_, Error>(1) }).await?;
    // The lines of the two calls are part of the message.
    match RENAMED.load(Ordering::SeqCst) {
        false => charge(1200).await,
        true => refund(1200).await,
    };
    promise::<()>("go").await
}

#[tokio::test]
async fn another_function_is_told_with_both_source_lines() {
    let (_world, reason) = changed(renames(), &RENAMED).await;
    let (was, is) = (place(CHARGE_LINE), place(CHARGE_LINE + 1));
    assert_eq!(
        reason,
        format!(
            "call 2 of renames was `charge` at {was}, is now `refund` at {is} (renamed); {ADVICE}"
        )
    );
}

static INSERTED: AtomicBool = AtomicBool::new(false);

#[durable(service = "divergence")]
async fn inserts() -> Result<()> {
    if INSERTED.load(Ordering::SeqCst) {
        ship("new").await;
    }
    charge(1200).await;
    promise::<()>("go").await
}

#[tokio::test]
async fn a_call_that_was_not_there_is_inserted() {
    let (_world, reason) = changed(inserts(), &INSERTED).await;
    assert!(
        reason.starts_with("call 1 of inserts was `charge` at "),
        "{reason}"
    );
    assert!(
        reason.contains(", is now `ship` at ") && reason.contains(" (inserted); "),
        "{reason}"
    );
}

static REMOVED: AtomicBool = AtomicBool::new(false);

#[durable(service = "divergence")]
async fn removes() -> Result<()> {
    if !REMOVED.load(Ordering::SeqCst) {
        charge(1200).await;
    }
    ship("x").await;
    promise::<()>("go").await
}

#[tokio::test]
async fn a_call_that_is_gone_is_removed() {
    let (_world, reason) = changed(removes(), &REMOVED).await;
    assert!(
        reason.starts_with("call 1 of removes was `charge` at "),
        "{reason}"
    );
    assert!(
        reason.contains(", is now `ship` at ") && reason.contains(" (removed); "),
        "{reason}"
    );
}

static REORDERED: AtomicBool = AtomicBool::new(false);

#[durable(service = "divergence")]
async fn reorders() -> Result<()> {
    let is_changed = REORDERED.load(Ordering::SeqCst);
    if is_changed {
        ship("x").await;
    }
    charge(1200).await;
    if !is_changed {
        ship("x").await;
    }
    promise::<()>("go").await
}

#[tokio::test]
async fn calls_in_another_order_are_not_what_history_holds() {
    let (_world, reason) = changed(reorders(), &REORDERED).await;
    assert!(
        reason.starts_with("call 1 of reorders was `charge` at "),
        "{reason}"
    );
    assert!(reason.contains(", is now `ship` at "), "{reason}");
}

static RETYPED: AtomicBool = AtomicBool::new(false);

#[durable(service = "divergence")]
async fn retypes() -> Result<()> {
    if RETYPED.load(Ordering::SeqCst) {
        sleep(resonate::hours(1)).await;
    } else {
        step(|| async { Ok::<_, Error>(1) }).label("sleep").await?;
    }
    promise::<()>("go").await
}

#[tokio::test]
async fn the_same_name_of_another_kind_is_retyped() {
    let (_world, reason) = changed(retypes(), &RETYPED).await;
    assert!(
        reason.starts_with("call 1 of retypes was ") && reason.contains(" (retyped); "),
        "{reason}"
    );
}

static SHORTENED: AtomicBool = AtomicBool::new(false);

#[durable(service = "divergence")]
async fn shortens() -> Result<u64> {
    if SHORTENED.load(Ordering::SeqCst) {
        return Ok(1);
    }
    let charged = charge(1200).await;
    promise::<()>("go").await?;
    Ok(charged)
}

#[tokio::test]
async fn a_function_that_ends_before_its_history_is_halted_and_gives_no_answer() {
    let (_world, reason) = changed(shortens(), &SHORTENED).await;
    assert!(
        reason.starts_with("call 1 of shortens was `charge` at "),
        "{reason}"
    );
    assert!(reason.contains(", is now missing (removed); "), "{reason}");
}

static WAITS_FOR_LESS: AtomicBool = AtomicBool::new(false);

#[durable(service = "divergence")]
async fn waits_for_less() -> Result<()> {
    if !WAITS_FOR_LESS.load(Ordering::SeqCst) {
        charge(1200).await;
        promise::<()>("go").await?;
    }
    promise::<()>("forever").await
}

#[tokio::test]
async fn a_function_that_waits_for_something_else_is_halted_too() {
    let (_world, reason) = changed(waits_for_less(), &WAITS_FOR_LESS).await;
    assert!(
        reason.starts_with("call 1 of waits_for_less was `charge` at "),
        "{reason}"
    );
}

static SAID_WHAT: AtomicU32 = AtomicU32::new(0);

#[durable(service = "divergence")]
async fn says_something_else() -> Result<u64> {
    let cents = SAID_WHAT.fetch_add(1, Ordering::SeqCst).into();
    let charged = charge(cents).remote().await;
    promise::<()>("go").await?;
    note("went on");
    Ok(charged)
}

#[tokio::test]
async fn other_arguments_are_no_divergence_and_the_first_ones_hold() {
    let world = World::serving(&[]).await;
    let first = world.join(&["divergence"]).await;
    let running = world.begin(says_something_else().id("says"));
    world.until_state("says.go", "pending").await;
    world.until_state("says", "suspended").await;
    first.shutdown().await;
    let _second = world.join(&["divergence"]).await;
    world.resonate.resolve("says.go", &()).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().unwrap(), 0);
    assert!(SAID_WHAT.load(Ordering::SeqCst) >= 2, "it was replayed");
    assert_eq!(world.notes.count("went on"), 1);
}

static HEALS: AtomicBool = AtomicBool::new(false);

#[durable(service = "divergence")]
async fn heals() -> Result<()> {
    match HEALS.load(Ordering::SeqCst) {
        false => charge(7).await,
        true => refund(7).await,
    };
    promise::<()>("go").await
}

#[tokio::test]
async fn a_halted_execution_can_be_canceled() {
    let (world, _) = changed(heals(), &HEALS).await;
    assert!(world.resonate.cancel("changed", "given up").await.unwrap());
    let error = world.resonate.get::<()>("changed").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Canceled);
}
