//! What goes into a turn, what the end of a body leaves, and what comes in more than once or too early.

use futures::{
    FutureExt,
    channel::oneshot,
    future::{join_all, select},
};
use resonate_core::{Outcome, Payload, PromiseId, Seq, Settlement, Timestamp};

use super::{
    charge, fails,
    run::{Run, records},
    ship,
};
use crate::{
    Error, Result,
    ops::{label, step},
};

#[test]
fn a_turn_has_room_for_a_thousand_ops_and_three_megabytes() {
    let mut run = Run::new(&[], async {
        join_all((0..1_001).map(charge)).await.into_iter().sum()
    });
    run.drive();
    assert_eq!(pages_of(&run, 0), [(1_000, false), (1, true)]);

    let mut run = Run::new(&[], async {
        let large = |n: u64| {
            step(move || async move { Ok::<_, Error>("x".repeat(1 << 19) + &n.to_string()) })
        };
        Ok(join_all((0..8).map(large)).await.len() as u64)
    });
    run.drive();
    let reserved = 1 << 20;
    assert_eq!(
        pages_of(&run, reserved),
        [(3, false), (3, false), (2, true)]
    );
}

/// How many ops each turn has, and whether it says that it is the last.
fn pages_of(run: &Run, reserved: usize) -> Vec<(usize, bool)> {
    let mut pages = Vec::new();
    while run.context.with(|inner| inner.replay.has_ops()) {
        let page = run
            .context
            .with(|inner| inner.replay.take_turn(Timestamp::ZERO, reserved));
        pages.push((page.ops.len(), page.is_last));
    }
    pages
}

#[test]
fn an_attempt_that_fails_leaves_what_it_started_to_the_next_and_an_answer_takes_it_along() {
    // A step has ended and is not written yet, and a call waits in the next turn, when the body ends.
    async fn body(result: Result<u64>) -> Result<u64> {
        let mut step = Box::pin(step(|| async { Ok::<_, Error>(1) }));
        let mut call = Box::pin(charge(1));
        futures::future::poll_fn(|cx| {
            let (step, call) = (step.poll_unpin(cx), call.poll_unpin(cx));
            assert!(step.is_pending() && call.is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        futures::pending!();
        let _ended = futures::poll!(&mut step);
        result
    }
    for (result, expected) in [
        (Ok(7), "record 1 order.step 1 | ends 7"),
        (
            Err(fails("no network")),
            "record 1 order.step 1 | fails failed: no network, again",
        ),
    ] {
        let mut run = Run::new(&[], body(result));
        run.drive();
        assert_eq!(super::line(&run.turn()), expected);
    }
}

#[test]
fn what_settled_is_taken_once_however_often_it_is_told() {
    let settled = |seq, value: &str| Settlement {
        id: PromiseId::new("order.charge").unwrap(),
        seq: Seq(seq),
        at: Timestamp::ZERO,
        outcome: Some(Outcome::Resolved(Payload::json(value.to_owned()))),
    };
    let mut run = Run::new(&records("1 call charge pending"), async {
        let one = charge(1).await?;
        Ok(one + ship(1).await?)
    });
    run.drive();
    run.settled(vec![settled(1, "4"), settled(1, "4")]);
    run.drive();
    run.settled(vec![settled(1, "4")]);
    assert!(!run.context.with(|inner| inner.replay.has_unshown()));
    assert_eq!(super::line(&run.turn()), "create 2 order.ship");
}

#[test]
fn the_log_waits_for_a_body_that_has_not_asked_for_what_comes_next() {
    let (go, gate) = oneshot::channel::<()>();
    let history = "1 call charge -> 1 @2
                   2 call ship -> 2 @1";
    let mut run = Run::new(&records(history), async {
        let charged = charge(1).spawn();
        gate.await.map_err(|_| fails("the gate is gone"))?;
        // When it first ran, the second call was made before anything had settled.
        select(charged, ship(1)).await.factor_first().0
    });
    run.drive();
    assert!(run.context.with(|inner| inner.replay.is_blocked()));
    go.send(()).unwrap();
    run.drive();
    assert_eq!(super::line(&run.turn()), "ends 2");
}

#[test]
fn a_label_too_long_for_a_server_ends_its_function_instead_of_being_sent() {
    let mut run = Run::new(&[], async {
        label("note", "x".repeat(20 << 10));
        charge(1).await
    });
    run.drive();
    assert_eq!(pages_of(&run, 0), []);
    let mut run = Run::new(&[], async {
        let labelled = charge(1).label("note", "x".repeat(20 << 10));
        Ok(u64::from(labelled.result().await.is_err()))
    });
    run.drive();
    assert_eq!(pages_of(&run, 0), []);
}
