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

#[durable]
async fn converses(rounds: u32) -> Result<u32> {
    let (mut inbox, mut heard) = (inbox::<u32>(), 0);
    for round in 0..rounds {
        emit(&format!("round {round}"));
        progress(round.into(), rounds.into());
        heard += inbox.recv().await?;
        emit(&heard);
    }
    send("listener", &heard).await?;
    Ok(heard)
}

#[durable]
async fn listener() -> Result<u32> {
    inbox::<u32>().recv().await
}

#[resonate::test(crash_everywhere)]
async fn streams_and_inboxes_survive_a_crash_at_every_turn(world: World) -> Result<()> {
    let resonate = world.resonate();
    let says = async {
        for (name, number) in [("first", 1), ("second", 20), ("third", 300)] {
            world.advance(minutes(1)).await;
            resonate.send_once("talk-1", name, &number).await?;
            // Another process says the same.
            resonate.send_once("talk-1", name, &number).await?;
        }
        Ok::<_, Error>(())
    };
    let listening = async { listener().id("listener").await };
    let (heard, said, listened) = resonate::join!(converses(3).id("talk-1"), says, listening);
    said?;
    assert_eq!((heard?, listened?), (321, 321));
    let mut items = resonate.stream::<serde_json::Value>("talk-1");
    let mut read = Vec::new();
    while let Some(item) = items.next().await {
        read.push(item?.to_string());
    }
    let expected = [
        "\"round 0\"",
        "1",
        "\"round 1\"",
        "21",
        "\"round 2\"",
        "321",
    ];
    assert_eq!(read, expected);
    Ok(())
}

#[durable]
async fn waits_for_a_report(looks: u32) -> Result<u32> {
    let began = now();
    let mut looked = 0;
    // A worker that takes it over counts from the beginning, so the time decides.
    let found = poll_until(minutes(1), || {
        looked += 1;
        let is_there = looked >= looks;
        async move { is_there.then_some(looks) }
    })
    .await?;
    assert!(began < now());
    Ok(found)
}

#[resonate::test(crash_everywhere)]
async fn what_is_looked_for_survives_a_crash_at_every_turn(world: World) -> Result<()> {
    assert_eq!(waits_for_a_report(4).id("report-1").await?, 4);
    assert!(world.elapsed() >= minutes(3));
    assert_eq!(world.resonate().tree("report-1").await?.len(), 2);
    Ok(())
}
