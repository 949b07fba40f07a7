//! Workers crash at every turn, and nothing that is asserted changes.

use std::sync::atomic::{AtomicU32, Ordering};

use resonate::{prelude::*, testing::World};

#[durable(service = "bank")]
async fn move_money(from: &str, cents: u64) -> Result<u64> {
    assert!(!from.is_empty());
    Ok(cents)
}

#[durable(service = "shop")]
async fn buy(items: Vec<u64>) -> Result<u64> {
    let fee = step(|| async { Ok::<_, Error>(1) }).label("fee").await?;
    let calls = items.iter().map(|cents| move_money("ada", *cents));
    let moved = futures::future::try_join_all(calls).await?;
    sleep(hours(1)).await;
    let last = move_money("ada", fee).remote().await?;
    Ok(moved.iter().sum::<u64>() + last)
}

#[durable(service = "bank", key = account)]
async fn withdraw(account: u64, cents: u64) -> Result<u64> {
    let fee = step(|| async { Ok::<_, Error>(1) }).label("fee").await?;
    sleep(minutes(1)).await;
    move_money(&account.to_string(), cents - fee).await
}

#[durable(service = "bank", key = account, debounce = "5s")]
async fn report(account: u64, balance: u64) -> Result<u64> {
    move_money("ada", account + balance).await
}

#[durable(service = "shop")]
async fn settle_up(account: u64) -> Result<u64> {
    let withdrawn = map(1..=3, |n| withdraw(account, 10 * n)).await?;
    let reported = map(1..=3, |n| report(account, n)).await?;
    Ok(withdrawn.iter().sum::<u64>() * 1_000 + reported.iter().sum::<u64>())
}

#[resonate::test(crash_everywhere)]
async fn keys_survive_a_crash_at_every_turn(world: World) -> Result<()> {
    // One after the other, a minute each; then the last of three for all of them.
    assert_eq!(settle_up(7).id("order-1").await?, 57_030);
    assert!(world.elapsed() >= minutes(3));
    Ok(())
}

static RUNS: AtomicU32 = AtomicU32::new(0);

#[resonate::test(crash_everywhere)]
async fn an_order_survives_a_crash_at_every_turn(world: World) -> Result<()> {
    RUNS.fetch_add(1, Ordering::Relaxed);
    assert_eq!(buy(vec![10, 20]).id("order-1").await?, 31);
    assert!(world.elapsed() >= hours(1));
    Ok(())
}

#[test]
fn it_runs_once_and_twice_for_each_turn() {
    an_order_survives_a_crash_at_every_turn();
    let runs = RUNS.load(Ordering::Relaxed);
    // It may have run as a test of its own by now, or be running.
    assert!(runs >= 9, "{runs}");
}

#[resonate::test(crash_randomly = 10, seed = 3)]
async fn an_order_survives_crashes_by_chance() -> Result<()> {
    assert_eq!(buy(vec![1, 2, 3]).id("order-1").await?, 7);
    Ok(())
}
