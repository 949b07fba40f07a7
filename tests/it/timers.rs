//! Time: durable timers, timeouts around anything, timeouts of calls and what they inherit.

use std::future::pending;

use resonate::{Timestamp, hours, prelude::*};

use crate::world::{World, eventually, millis, note, notes};

#[durable(service = "timers")]
async fn sleeps_beside_each_other() -> (i64, i64) {
    let began = now();
    sleep(millis(150)).await;
    let slept = now().as_millis() - began.as_millis();
    let began = now();
    resonate::join!(
        sleep(millis(100)),
        sleep(millis(150)),
        sleep_until(began.after(millis(120)))
    );
    (slept, now().as_millis() - began.as_millis())
}

#[tokio::test]
async fn a_sleep_lasts_as_long_as_it_was_told_and_sleeps_overlap() {
    let world = World::serving(&["timers"]).await;
    let (one, three) = world.call(sleeps_beside_each_other().id("sleeps")).await;
    assert!(one >= 150, "{one}");
    assert!(three >= 150, "{three}");
    let mut times = Vec::new();
    for n in 1..=3 {
        let sleep = world.find(&format!("sleeps.sleep-{n}")).await.unwrap();
        times.push((sleep.created_at(), sleep.settled_at().unwrap()));
    }
    let last_began = times.iter().map(|(began, _)| began).max();
    let first_ended = times.iter().map(|(_, ended)| ended).min();
    assert!(last_began < first_ended, "one after the other: {times:?}");
}

#[durable(service = "timers")]
async fn sleeps_until_the_past() -> i64 {
    let began = now();
    sleep_until(Timestamp::ZERO).await;
    sleep(millis(0)).await;
    now().as_millis() - began.as_millis()
}

#[tokio::test]
async fn a_time_that_has_passed_is_not_waited_for() {
    let world = World::serving(&["timers"]).await;
    let waited = world.call(sleeps_until_the_past().id("past")).await;
    assert!(waited < 30_000, "{waited}");
    assert_eq!(world.state("past.sleep").await, "resolved");
    assert_eq!(world.state("past.sleep-1").await, "resolved");
}

#[durable(service = "timers")]
async fn sleeps(name: &str) -> Result<()> {
    note(format_args!("{name} began"));
    sleep(millis(1_200)).await;
    note(format_args!("{name} slept"));
    Ok(())
}

#[tokio::test]
async fn a_sleep_holds_no_place_and_survives_its_worker() {
    let world = World::serving(&[]).await;
    let first = world
        .join_with(&["timers"], |builder| builder.concurrency(1))
        .await;
    let running: Vec<_> = (0..8)
        .map(|n| world.begin(sleeps(&format!("s{n}")).id(format!("s{n}"))))
        .collect();
    for n in 0..8 {
        world.until_state(&format!("s{n}"), "suspended").await;
    }
    first.shutdown().await;
    let _second = world
        .join_with(&["timers"], |builder| builder.concurrency(1))
        .await;
    for running in running {
        running.await.unwrap().unwrap().unwrap();
    }
    assert_eq!(world.notes.count("s3 slept"), 1);
}

#[durable(service = "timers")]
async fn gives_up_a_promise() -> Result<String> {
    let (late, line) = (timeout(millis(50), promise::<u32>("never")), line!());
    let error = late.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        error.message(),
        format!(
            "it took longer than 50ms, the timeout at {}:{line}",
            file!()
        )
    );
    timeout(hours(1), doubles(4)).await.map(|n| n.to_string())
}

#[durable(service = "timers")]
async fn doubles(n: u32) -> u32 {
    n * 2
}

#[tokio::test]
async fn a_timeout_around_something_durable_is_a_durable_timer() {
    let world = World::serving(&["timers"]).await;
    assert_eq!(
        world
            .call(gives_up_a_promise().id("gives-up"))
            .await
            .unwrap(),
        "8"
    );
    let mut tree = world.tree("gives-up").await;
    eventually("what is over is canceled", async || {
        tree = world.tree("gives-up").await;
        tree.iter().all(|(_, state)| *state != "pending")
    })
    .await;
    let tree: Vec<_> = tree
        .iter()
        .map(|(id, state)| (id.as_str(), *state))
        .collect();
    assert_eq!(
        tree[..3],
        [
            ("gives-up", "resolved"),
            ("gives-up.never", "canceled"),
            ("gives-up.timeout", "resolved")
        ]
    );
    assert!(tree.contains(&("gives-up.doubles", "resolved")), "{tree:?}");
}

#[durable(service = "timers")]
async fn gives_up_something_plain() -> Result<String> {
    let error = timeout(millis(20), pending::<()>()).await.unwrap_err();
    let value = timeout(hours(1), async {
        tokio::time::sleep(millis(5)).await;
        7
    });
    Ok(format!("{:?} {}", error.kind(), value.await?))
}

#[tokio::test]
async fn a_timeout_around_something_plain_leaves_no_trace() {
    let world = World::serving(&["timers"]).await;
    assert_eq!(
        world
            .call(gives_up_something_plain().id("plain"))
            .await
            .unwrap(),
        "Timeout 7"
    );
    assert_eq!(
        world.tree("plain").await,
        [("plain".to_owned(), "resolved")]
    );
}

#[durable(service = "timers")]
async fn gives_up_in_a_step() -> Result<u32> {
    let outcome = step(|| async { timeout(millis(20), pending::<u32>()).await });
    outcome.label("slow").retry(Retry::never()).await
}

#[tokio::test]
async fn a_timeout_works_in_a_step() {
    let world = World::serving(&["timers"]).await;
    let error = world
        .call(gives_up_in_a_step().id("step"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.promise()),
        (ErrorKind::Timeout, Some("step.slow"))
    );
}

#[durable(service = "timers", timeout = millis(300))]
async fn hangs() -> Result<()> {
    let _guard = notes().guard("hangs");
    note("hangs began");
    pending().await
}

#[durable(service = "timers")]
async fn asks_hangs() -> Result<String> {
    let by_its_own = hangs().await.unwrap_err();
    let by_the_call = hangs().timeout(millis(200)).remote().await.unwrap_err();
    Ok(format!(
        "{:?} {:?}: {by_the_call}",
        by_its_own.kind(),
        by_the_call.kind()
    ))
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_timed_out_and_its_body_dropped() {
    let world = World::serving(&["timers"]).await;
    let error = world.call(hangs().id("outside")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "its time was over before it settled (promise `outside`)"
    );
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(world.state("outside").await, "timedout");
    world.notes.until("hangs dropped").await;
    let text = world.call(asks_hangs().id("inside")).await.unwrap();
    assert_eq!(
        text,
        "Timeout Timeout: its time was over before it settled (promise `inside.hangs-1`)"
    );
    eventually("all bodies are dropped", async || {
        world.notes.count("hangs dropped") == world.notes.count("hangs began")
    })
    .await;
}

#[durable(service = "timers")]
async fn blocks() -> Result<()> {
    let notes = notes();
    notes.add("blocks its thread");
    while notes.count("go on") == 0 {
        std::thread::yield_now();
    }
    Ok(())
}

#[durable(service = "timers")]
async fn gives_up_what_blocks() -> Result<String> {
    let error = blocks().timeout(millis(2_500)).local().await.unwrap_err();
    Ok(format!("{:?}", error.kind()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_leaf_that_blocks_its_thread_is_timed_out_all_the_same() {
    let world = World::serving(&["timers"]).await;
    let running = world.begin(gives_up_what_blocks().id("blocked"));
    world.notes.until("blocks its thread").await;
    let ended = crate::world::in_time(running).await;
    world.notes.add("go on");
    assert_eq!(ended.unwrap().unwrap().unwrap(), "Timeout");
    assert_eq!(world.state("blocked.blocks").await, "timedout");
}

#[tokio::test]
async fn a_call_that_nobody_serves_is_timed_out_too() {
    let world = World::serving(&[]).await;
    let error = world
        .result(doubles(1).timeout(millis(50)).id("nobody"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[durable(service = "timers")]
async fn has_patient_children() -> Result<()> {
    let patient = hangs().timeout(hours(5)).remote().spawn();
    let _asleep = timeout(hours(2), promise::<()>("never")).await;
    patient.await
}

#[tokio::test]
async fn nobody_has_more_time_than_who_called() {
    let world = World::serving(&["timers"]).await;
    let running = world.begin(has_patient_children().timeout(millis(800)).id("short"));
    world.notes.until("hangs began").await;
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    world.notes.until("hangs dropped").await;
    eventually("nothing is left below", async || {
        world
            .tree("short")
            .await
            .iter()
            .all(|(_, state)| ["timedout", "canceled"].contains(state))
    })
    .await;
    assert_eq!(world.tree("short").await.len(), 4);
}
