//! Histories over code that has changed: what fits, what would be halted and why, and that nothing runs.
//!
//! The functions read a switch, as a new build would.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use resonate::{
    prelude::*,
    testing::{Fit, Replays, World, replay},
};

#[durable(service = "replayed")]
async fn charge(cents: u64) -> u64 {
    cents
}

#[durable(service = "replayed")]
async fn refund(cents: u64) -> u64 {
    cents
}

/// Of the execution itself, not of what it calls.
#[track_caller]
fn fit(replays: &Replays) -> &Fit {
    replays
        .executions()
        .first()
        .expect("the execution itself comes first")
        .fit()
}

static STEPS: AtomicU32 = AtomicU32::new(0);

#[durable(service = "replayed")]
async fn busy(cents: u64) -> Result<u64> {
    let drawn = step(|| async { Ok::<_, Error>(STEPS.fetch_add(1, Ordering::SeqCst)) }).await?;
    let first = select! {
        charged = charge(cents) => charged,
        () = sleep(days(1)) => 0,
    };
    sleep(hours(1)).await;
    if changed("refunds") {
        refund(cents).await;
    }
    Ok(first + u64::from(drawn))
}

#[resonate::test]
async fn the_same_code_fits_and_runs_nothing_again(world: World) -> Result<()> {
    busy(7).id("busy").await?;
    let history = world.resonate().export("busy").await?;
    let before = (STEPS.load(Ordering::SeqCst), world.runs("replayed/charge"));
    let replays = replay(&history).await?;
    replays.assert_fits();
    let seen = replays.executions().iter();
    let seen: Vec<_> = seen.map(|one| (one.id(), one.fit().name())).collect();
    assert_eq!(
        seen,
        [
            ("busy", "same"),
            ("busy.charge", "leaf"),
            ("busy.refund", "leaf")
        ]
    );
    assert_eq!(
        (STEPS.load(Ordering::SeqCst), world.runs("replayed/charge")),
        before
    );
    Ok(())
}

static RENAMED: AtomicBool = AtomicBool::new(false);
const RENAMED_LINE: u32 = line!() + 7;

#[durable(service = "replayed")]
async fn renames() -> Result<u64> {
    sleep(seconds(1)).await;
    // The lines of the two calls are part of the message.
    let cents = match RENAMED.load(Ordering::SeqCst) {
        false => charge(1200).await,
        true => refund(1200).await,
    };
    promise::<u64>("go").await.map(|more| more + cents)
}

#[resonate::test]
async fn what_would_be_halted_is_told_with_both_source_lines(world: World) -> Result<()> {
    let running = renames().id("renames").spawn();
    world.advance(hours(1)).await;
    let history = world.resonate().export("renames").await?;
    replay(&history).await?.assert_fits();
    RENAMED.store(true, Ordering::SeqCst);
    let replays = replay(&history).await?;
    let (was, is) = (RENAMED_LINE, RENAMED_LINE + 1);
    let file = file!();
    assert_eq!(
        replays.executions()[0].to_string(),
        format!(
            "renames (replayed/renames@1) would be halted: call 2 of renames was `charge` at {file}:{was}, is now `refund` at \
             {file}:{is} (renamed); run it with the code it began with, or give the new code a function version of its own"
        )
    );
    assert!(!replays.fits());
    RENAMED.store(false, Ordering::SeqCst);
    world.resonate().resolve("renames.go", &1u64).await?;
    assert_eq!(running.await?, 1201);
    Ok(())
}

static MENDED: AtomicBool = AtomicBool::new(false);

#[durable(service = "replayed")]
async fn mends() -> Result<u64> {
    let cents = charge(1200).await;
    if MENDED.load(Ordering::SeqCst) && changed("two-charges") {
        return Ok(cents + charge(1).await + charge(2).await);
    }
    Ok(cents + refund(1).await)
}

#[resonate::test]
async fn who_is_beyond_a_change_fits_the_new_code(world: World) -> Result<()> {
    assert_eq!(mends().id("old").await?, 1201);
    let old = world.resonate().export("old").await?;
    MENDED.store(true, Ordering::SeqCst);
    assert_eq!(fit(&replay(&old).await?), &Fit::Same);
    assert_eq!(mends().id("new").await?, 1203);
    let new = world.resonate().export("new").await?;
    assert_eq!(fit(&replay(&new).await?), &Fit::Same);
    // Without the question, who took the new way does not fit the old one.
    MENDED.store(false, Ordering::SeqCst);
    assert_eq!(fit(&replay(&new).await?).name(), "diverged");
    Ok(())
}

static OTHERWISE: AtomicBool = AtomicBool::new(false);

#[durable(service = "replayed")]
async fn adds() -> Result<u64> {
    let cents = charge(1200).await;
    match OTHERWISE.load(Ordering::SeqCst) {
        false => Ok(cents),
        true => Ok(cents + 1),
    }
}

#[resonate::test]
async fn another_end_is_told_and_holds_nothing_up(world: World) -> Result<()> {
    adds().id("adds").await?;
    let history = world.resonate().export("adds").await?;
    OTHERWISE.store(true, Ordering::SeqCst);
    let replays = replay(&history).await?;
    let (was, is) = ("1200".to_owned(), "1201".to_owned());
    assert_eq!(fit(&replays), &Fit::EndsOtherwise { was, is });
    assert!(replays.fits());
    Ok(())
}

static PANICS: AtomicBool = AtomicBool::new(false);

#[durable(service = "replayed")]
async fn trips() -> Result<u64> {
    let cents = charge(1200).await;
    assert!(!PANICS.load(Ordering::SeqCst), "tripped");
    promise::<u64>("go").await.map(|more| more + cents)
}

#[resonate::test]
async fn a_panic_over_what_runs_does_not_fit(world: World) -> Result<()> {
    let running = trips().id("trips").spawn();
    world.advance(hours(1)).await;
    let history = world.resonate().export("trips").await?;
    PANICS.store(true, Ordering::SeqCst);
    let replays = replay(&history).await?;
    assert_eq!(
        (fit(&replays), replays.fits()),
        (&Fit::Fails("it panicked: tripped".to_owned()), false)
    );
    PANICS.store(false, Ordering::SeqCst);
    world.resonate().resolve("trips.go", &1u64).await?;
    running.await?;
    Ok(())
}

#[resonate::test]
async fn a_history_of_which_nothing_is_replayed_fits_nothing(world: World) -> Result<()> {
    charge(5).id("leaf").await;
    let history = world.resonate().export("leaf").await?;
    let replays = replay(&history).await?;
    assert_eq!((fit(&replays), replays.fits()), (&Fit::Leaf, false));
    let cut = replay(history.lines().next().unwrap()).await.unwrap_err();
    assert_eq!(
        cut.to_string(),
        "the history says that it has 1 promises and has 0; was the file cut?"
    );
    Ok(())
}
