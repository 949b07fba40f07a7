//! Executions that wait: suspended when only promises can wake them, kept when something else can, warm or replayed.

use std::sync::Arc;

use futures::{
    StreamExt as _,
    stream::{self, FuturesUnordered},
};
use resonate::prelude::*;

use crate::world::{World, eventually, millis, note, notes};

#[durable(service = "waiting")]
async fn waits_twice() -> Result<u32> {
    note("began");
    let first: u32 = promise("first").await?;
    note("between");
    let second: u32 = promise("second").await?;
    Ok(first + second)
}

#[tokio::test]
async fn an_execution_that_waits_is_suspended_and_goes_on_where_it_was() {
    let world = World::serving(&["waiting"]).await;
    let running = world.begin(waits_twice().id("warm"));
    for (name, value) in [("first", 1u32), ("second", 2)] {
        world.until_state(&format!("warm.{name}"), "pending").await;
        world.until_state("warm", "suspended").await;
        world
            .resonate
            .resolve(format!("warm.{name}"), &value)
            .await
            .unwrap();
    }
    assert_eq!(running.await.unwrap().unwrap().unwrap(), 3);
    assert_eq!(
        world.notes.lines(),
        ["began", "between"],
        "a warm execution is not replayed"
    );
    let tree: Vec<_> = world.tree("warm").await;
    assert!(
        tree.iter().all(|(_, state)| *state == "resolved"),
        "{tree:?}"
    );
}

#[tokio::test]
async fn an_execution_whose_worker_is_gone_is_replayed() {
    let world = World::serving(&[]).await;
    let first = world.join(&["waiting"]).await;
    let running = world.begin(waits_twice().id("cold"));
    world.until_state("cold", "suspended").await;
    first.shutdown().await;
    world.resonate.resolve("cold.first", &1u32).await.unwrap();
    let _second = world.join(&["waiting"]).await;
    world.until_state("cold.second", "pending").await;
    world.resonate.resolve("cold.second", &2u32).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().unwrap(), 3);
    assert_eq!(world.notes.lines(), ["began", "began", "between"]);
}

#[durable(service = "waiting")]
async fn squares(n: u32) -> u32 {
    n * n
}

#[durable(service = "waiting_far", name = "squares")]
async fn squares_far(n: u32) -> u32 {
    n * n
}

#[durable(service = "waiting")]
async fn gathers(n: u32) -> Result<u32> {
    let mut calls: FuturesUnordered<_> = (0..n).map(squares).collect();
    calls.extend((0..n).map(|n| squares(n).remote()));
    let mut sum = 0;
    while let Some(square) = calls.next().await {
        sum += square;
    }
    let mut buffered = stream::iter(0..n).map(squares_far).buffer_unordered(3);
    while let Some(square) = buffered.next().await {
        sum += square;
    }
    Ok(sum)
}

#[tokio::test]
async fn combinators_of_others_that_hold_durable_calls_do_not_hang() {
    let world = World::serving(&["waiting"]).await;
    let _far = world.join(&["waiting_far"]).await;
    assert_eq!(
        world.call(gathers(10).id("gathers")).await.unwrap(),
        3 * 285
    );
}

#[tokio::test]
async fn who_waits_in_a_combinator_of_others_holds_no_place_either() {
    let world = World::with(&["waiting", "waiting_far"], |builder| {
        builder.concurrency(1)
    })
    .await;
    assert_eq!(world.call(gathers(4).id("narrow")).await.unwrap(), 3 * 14);
}

#[durable(service = "waiting")]
async fn takes_the_first_two() -> Result<Vec<u32>> {
    let mut promises: FuturesUnordered<_> =
        (0..3).map(|n| promise::<u32>(format!("p{n}"))).collect();
    let mut taken = Vec::new();
    while taken.len() < 2 {
        taken.push(
            promises
                .next()
                .await
                .unwrap_or_else(|| Err(Error::terminal("three are there")))?,
        );
    }
    note(format_args!("{taken:?}"));
    promise::<()>("end").await?;
    Ok(taken)
}

#[tokio::test]
async fn a_race_of_foreign_combinators_ends_the_same_way_in_a_replay() {
    let world = World::serving(&[]).await;
    let first = world.join(&["waiting"]).await;
    let running = world.begin(takes_the_first_two().id("race"));
    for n in 0..3 {
        world.until_state(&format!("race.p{n}"), "pending").await;
    }
    for n in [2u32, 0] {
        world
            .resonate
            .resolve(format!("race.p{n}"), &(n * 10))
            .await
            .unwrap();
    }
    world.until_state("race.end", "pending").await;
    first.shutdown().await;
    let _second = world.join(&["waiting"]).await;
    world.resonate.resolve("race.end", &()).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().unwrap(), [20, 0]);
    assert_eq!(world.notes.lines(), ["[20, 0]", "[20, 0]"]);
}

#[durable(service = "waiting")]
async fn waits_for_something_foreign() -> Result<String> {
    note("began");
    let foreign = async {
        notes().pass().await;
        Ok::<_, Error>("foreign")
    };
    let (foreign, durable) = resonate::try_join!(foreign, promise::<String>("durable"))?;
    Ok(format!("{foreign} {durable}"))
}

#[tokio::test]
async fn something_foreign_beside_a_durable_wait_wakes_it() {
    let world = World::serving(&["waiting"]).await;
    let running = world.begin(waits_for_something_foreign().id("mixed"));
    world.until_state("mixed.durable", "pending").await;
    world
        .resonate
        .resolve("mixed.durable", "durable")
        .await
        .unwrap();
    world.notes.open(1);
    assert_eq!(running.await.unwrap().unwrap().unwrap(), "foreign durable");
    assert_eq!(world.notes.count("began"), 1);
}

#[tokio::test]
async fn who_waits_for_something_foreign_is_given_back_when_its_worker_leaves() {
    let world = World::serving(&[]).await;
    let first = world.join(&["waiting"]).await;
    let running = world.begin(waits_for_something_foreign().id("moved"));
    world.until_state("moved.durable", "pending").await;
    world.until_state("moved", "leased").await;
    first.shutdown().await;
    world.until_state("moved", "pending").await;
    let _second = world.join(&["waiting"]).await;
    world
        .resonate
        .resolve("moved.durable", "durable")
        .await
        .unwrap();
    eventually("the second worker began", async || {
        world.notes.count("began") == 2
    })
    .await;
    world.notes.open(1);
    assert_eq!(running.await.unwrap().unwrap().unwrap(), "foreign durable");
}

#[durable(service = "waiting")]
async fn leaf_that_takes_time() -> Result<u32> {
    note("leaf began");
    notes().pass().await;
    note("leaf ended");
    Ok(1)
}

#[durable(service = "waiting")]
async fn waits_for_its_leaf() -> Result<u32> {
    leaf_that_takes_time().await
}

#[tokio::test]
async fn a_worker_that_leaves_lets_what_runs_end_and_another_goes_on() {
    let world = World::serving(&[]).await;
    let first = Arc::new(world.join(&["waiting"]).await);
    let running = world.begin(waits_for_its_leaf().id("ends"));
    world.notes.until("leaf began").await;
    let leaving = tokio::spawn({
        let first = Arc::clone(&first);
        async move { first.shutdown().await }
    });
    world.notes.open(1);
    leaving.await.unwrap();
    assert_eq!(world.notes.count("leaf ended"), 1);
    let new = world.begin(squares(5).id("new"));
    world.until_state("new", "pending").await;
    let _second = world.join(&["waiting"]).await;
    assert_eq!(running.await.unwrap().unwrap().unwrap(), 1);
    assert_eq!(new.await.unwrap().unwrap(), 25);
    assert_eq!(
        world.notes.count("leaf began"),
        1,
        "what had ended did not run again"
    );
}

#[tokio::test]
async fn a_worker_that_leaves_takes_nothing_new() {
    let world = World::serving(&[]).await;
    let first = Arc::new(world.join(&["waiting"]).await);
    let running = world.begin(waits_for_its_leaf().id("ends"));
    world.notes.until("leaf began").await;
    let moved = world.begin(waits_for_something_foreign().id("moved"));
    world.until_state("moved.durable", "pending").await;
    world.until_state("moved", "leased").await;
    let leaving = tokio::spawn({
        let first = Arc::clone(&first);
        async move { first.shutdown().await }
    });
    // It is given back on the stream on which the server was told before that this worker is leaving.
    world.until_state("moved", "pending").await;
    let new = world.begin(squares(5).id("new"));
    world.until_state("new", "pending").await;
    world.notes.open(1);
    leaving.await.unwrap();
    assert_eq!(
        (world.state("moved").await, world.state("new").await),
        ("pending", "pending")
    );
    assert_eq!(world.notes.count("began"), 1);
    let _second = world.join(&["waiting"]).await;
    world
        .resonate
        .resolve("moved.durable", "durable")
        .await
        .unwrap();
    world.notes.open(1);
    assert_eq!(running.await.unwrap().unwrap().unwrap(), 1);
    assert_eq!(moved.await.unwrap().unwrap().unwrap(), "foreign durable");
    assert_eq!(new.await.unwrap().unwrap(), 25);
}

/// Takes the same branches whatever arrives first.
#[durable(service = "waiting")]
async fn races() -> Result<Vec<String>> {
    let mut branches = Vec::new();
    for round in 0..4 {
        let (left, right) = (
            promise::<u32>(format!("left{round}")),
            promise::<u32>(format!("right{round}")),
        );
        branches.push(resonate::select! {
            value = left => format!("left {}", value?),
            value = right => format!("right {}", value?),
            () = sleep(millis(60_000)) => "nobody".to_owned(),
        });
    }
    note(branches.join(", "));
    promise::<()>("end").await?;
    Ok(branches)
}

#[tokio::test]
async fn a_select_takes_the_branch_that_settled_first_and_the_same_in_a_replay() {
    let world = World::serving(&[]).await;
    let first = world.join(&["waiting"]).await;
    let running = world.begin(races().id("races"));
    for (round, side) in ["right", "left", "left", "right"].into_iter().enumerate() {
        let id = format!("races.{side}{round}");
        world.until_state(&id, "pending").await;
        world.resonate.resolve(id, &(round as u32)).await.unwrap();
    }
    world.until_state("races.end", "pending").await;
    first.shutdown().await;
    let _second = world.join(&["waiting"]).await;
    world.resonate.resolve("races.end", &()).await.unwrap();
    let branches = running.await.unwrap().unwrap().unwrap();
    assert_eq!(branches, ["right 0", "left 1", "left 2", "right 3"]);
    assert_eq!(world.notes.lines(), vec![branches.join(", "); 2]);
}
