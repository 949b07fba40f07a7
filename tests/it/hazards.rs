//! What a replay would do otherwise, in functions of which the compiler cannot know that they call others.

use std::sync::atomic::{AtomicU32, Ordering};

use resonate::prelude::*;
use tokio::time::Instant;

use crate::world::World;

#[durable(service = "hazards")]
async fn charge(cents: u64) -> u64 {
    cents
}

#[durable(service = "hazards")]
async fn refund(cents: u64) -> u64 {
    cents
}

const CLOCK_LINE: u32 = line!() + 5;

/// Its tokens are those of a leaf: `charge` could be any async function.
#[durable(service = "hazards")]
async fn stamps() -> u64 {
    let began = Instant::now();
    let paid = charge(1200).await;
    paid + u64::from(began.elapsed().is_zero())
}

#[tokio::test]
async fn a_caller_that_reads_the_clock_is_halted_at_its_first_call() {
    let world = World::serving(&["hazards"]).await;
    let running = world.begin(stamps().id("stamps"));
    let reason = world.until_halted("stamps").await;
    let (clock, call) = (place(CLOCK_LINE), place(CLOCK_LINE + 1));
    assert_eq!(
        reason,
        format!(
            "`Instant::now` at {clock} in stamps, which calls others (at {call}), gives another time in every replay; \
             write `resonate::now()`, or read the clock inside of a `step`, or take the responsibility: `allow = \"time\"` in the attribute; then `resonate continue stamps`"
        )
    );
    assert!(!running.is_finished(), "a halted execution has no answer");
    assert_eq!(world.state("stamps.charge").await, "none", "nothing began");
}

#[durable(service = "hazards")]
async fn leaf() -> Result<bool> {
    let began = Instant::now();
    let joined = tokio::spawn(async { 7 }).await?;
    Ok(joined == 7 && began.elapsed().as_secs() < 3600)
}

#[durable(service = "hazards", allow = "time")]
async fn allowed() -> u64 {
    let began = Instant::now();
    let paid = charge(1200).await;
    paid + u64::from(began.elapsed().as_secs() > 3600)
}

/// Where the compiler says nothing: in a step.
#[durable(service = "hazards")]
async fn in_a_step() -> Result<bool> {
    let read = step(|| async { Ok::<_, Error>(Instant::now().elapsed().as_secs() < 3600) });
    read.await
}

#[tokio::test]
async fn a_leaf_a_step_and_what_is_allowed_go_on() {
    let world = World::serving(&["hazards"]).await;
    assert!(world.call(leaf().id("leaf")).await.unwrap());
    assert_eq!(world.call(allowed().id("allowed")).await, 1200);
    assert!(world.call(in_a_step().id("in_a_step")).await.unwrap());
}

static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
const ALLOWED_LINE: u32 = line!() + 5;

/// What it reads decides what it calls: the attribute says that it knows what it does, and it does not.
#[durable(service = "hazards", allow = "time")]
async fn decides_by_the_clock() -> Result<u64> {
    let _read = Instant::now();
    let paid = match ATTEMPTS.fetch_add(1, Ordering::SeqCst) {
        0 => charge(1200).await,
        _ => refund(1200).await,
    };
    promise::<()>("go").await?;
    Ok(paid)
}

#[tokio::test]
async fn what_was_allowed_is_suspected_if_a_replay_leaves_its_history() {
    let world = World::serving(&[]).await;
    let first = world.join(&["hazards"]).await;
    let _running = world.begin(decides_by_the_clock().id("decides"));
    world.until_state("decides", "suspended").await;
    first.shutdown().await;
    let second = world.join(&["hazards"]).await;
    world.resonate.resolve("decides.go", &()).await.unwrap();
    let reason = world.until_halted("decides").await;
    let clock = place(ALLOWED_LINE);
    let suspect =
        format!("; `Instant::now` at {clock}, which differs in every replay, may be the reason");
    assert!(reason.contains("(renamed)"), "{reason}");
    assert!(reason.ends_with(&suspect), "{reason}");
    second.shutdown().await;
}

fn place(line: u32) -> String {
    format!("{}:{line}", file!())
}
