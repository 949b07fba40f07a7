//! What a body asks for over a history, turn by turn.

use std::time::Duration;

use expect_test::expect;
use futures::{
    FutureExt,
    channel::oneshot,
    future::{join, join_all, select},
};
use resonate_core::{Outcome, Payload, PromiseId, Seq, Settlement, Timestamp};

use super::{
    SHIP_2, call, charge, check, fails, plain,
    run::{Run, records},
    ship, trace,
};
use crate::{
    Error, Result, Retry,
    ops::{
        Promise, cancel, is_replaying, label, now, promise, random, resolve, sleep, step, timeout,
        uuid,
    },
};

#[test]
fn a_call_is_created_and_awaited() {
    check(
        "",
        || async { charge(1).await },
        expect![[r#"
        create 1 order.charge
        waits for 1
    "#]],
    );
}

#[test]
fn a_known_result_is_not_asked_for_again() {
    check(
        "1 call charge -> 7 @1",
        || async { Ok(charge(1).await? + ship(2).await?) },
        expect![[r#"
        create 2 order.ship
        waits for 1
    "#]],
    );
}

#[test]
fn a_whole_history_gives_the_answer_and_writes_nothing() {
    check(
        "1 call charge -> 7 @1
         2 call ship -> 8 @2",
        || async { Ok(charge(1).await? + ship(2).await?) },
        expect![[r#"
            ends 15
        "#]],
    );
}

#[test]
fn ids_count_per_name_and_positions_count_all() {
    check(
        "",
        || async {
            let all = join_all([charge(1), ship(2), charge(3), ship(4)]).await;
            all.into_iter().sum()
        },
        expect![[r#"
            create 1 order.charge | create 2 order.ship | create 3 order.charge-1 | create 4 order.ship-1
            waits for 4
        "#]],
    );
}

#[test]
fn a_pending_child_is_awaited_and_not_created_twice() {
    check(
        "1 call charge pending
         2 call ship pending",
        || async { join(charge(1), ship(2)).await.0 },
        expect![[r#"
            waits for 2
        "#]],
    );
}

#[test]
fn the_race_is_won_by_the_earlier_place_in_the_log() {
    async fn race() -> Result<u64> {
        let (first, _rest) = select(charge(1), ship(2)).await.factor_first();
        first
    }
    check(
        "1 call charge -> 1 @6
         2 call ship -> 2 @5",
        race,
        expect![[r#"
            ends 2
        "#]],
    );
    check(
        "1 call charge -> 1 @5
         2 call ship -> 2 @6",
        race,
        expect![[r#"
            ends 1
        "#]],
    );
}

#[test]
fn what_history_decided_against_is_not_started() {
    // The call that only the loser would make is not made, though it was asked for before the winner was shown.
    check(
        "1 call charge -> 1 @1
         2 call ship -> 2 @2",
        || async {
            let follows = async {
                charge(1).await?;
                charge(2).await
            };
            let (first, _rest) = select(Box::pin(follows), ship(2)).await.factor_first();
            first
        },
        expect![[r#"
            ends 2
        "#]],
    );
}

#[test]
fn steps_run_in_place_and_are_recorded_before_they_are_seen() {
    check(
        "",
        || async {
            let one = step(|| async { Ok::<_, Error>(1) }).await?;
            let two = step(|| async { Ok::<_, Error>(one + 1) })
                .label("quote")
                .await?;
            Ok(one + two)
        },
        expect![[r#"
            record 1 order.step 1
            record 2 order.quote 2
            ends 3
        "#]],
    );
}

#[test]
fn a_recorded_step_does_not_run_again() {
    check(
        "1 step quote -> 5 @1",
        || async {
            step(|| async { Err::<u64, _>(fails("it ran")) })
                .retry(Retry::never())
                .label("quote")
                .await
        },
        expect![[r#"
            ends 5
        "#]],
    );
}

#[test]
fn a_failed_step_is_recorded_with_its_last_error() {
    check(
        "",
        || async {
            step(|| async { Err::<u64, _>(fails("no quote")) })
                .retry(Retry::never())
                .await
        },
        expect![[r#"
            record 1 order.step !no quote
            fails failed: no quote
        "#]],
    );
}

#[test]
fn a_step_at_most_once_is_known_before_it_runs() {
    check(
        "",
        || async { step(|| async { Ok::<_, Error>(1) }).at_most_once().await },
        expect![[r#"
            create 1 order.step
            record 1 order.step 1
            ends 1
        "#]],
    );
}

#[test]
fn a_pure_step_leaves_no_trace() {
    check(
        "",
        || async { step(|| async { Ok::<_, Error>(1) }).pure().await },
        expect![[r#"
        ends 1
    "#]],
    );
}

#[test]
fn timers_promises_and_labels() {
    check(
        "",
        || async {
            label("customer", 7);
            sleep(Duration::from_secs(1)).await;
            Ok(1)
        },
        expect![[r#"
            label customer 7 | create 1 order.sleep
            waits for 1
        "#]],
    );
    check(
        "1 timer sleep -> null @1",
        || async {
            sleep(Duration::from_secs(1)).await;
            promise::<u64>("approval").await
        },
        expect![[r#"
            create 2 order.approval
            waits for 1
        "#]],
    );
}

#[test]
fn a_promise_exists_once_its_id_was_asked_for() {
    check(
        "",
        || async {
            let approval = promise::<u64>("approval");
            assert_eq!(approval.id(), "order.approval");
            charge(1).await?;
            approval.await
        },
        expect![[r#"
            create 1 order.approval | create 2 order.charge
            waits for 1
        "#]],
    );
}

#[test]
fn a_promise_from_elsewhere_is_awaited_through_a_child_of_ones_own() {
    check(
        "",
        || async { Promise::<u64>::of("other.approval")?.await },
        expect![[r#"
            create 1 order.await
            waits for 1
        "#]],
    );
}

#[test]
fn a_timeout_around_something_durable_is_a_durable_timer() {
    check(
        "",
        || async { timeout(Duration::from_secs(1), charge(1)).await? },
        expect![[r#"
            create 1 order.charge | create 2 order.timeout
            waits for 2
        "#]],
    );
    check(
        "1 call charge pending
         2 timer timeout -> null @1",
        || async { timeout(Duration::from_secs(1), charge(1)).await? },
        expect![[r#"
            fails timeout: it took longer than 1s, the timeout at here
        "#]],
    );
}

#[test]
fn a_timeout_around_a_handle_is_a_durable_timer_too() {
    check(
        "",
        || async {
            let handle = charge(1).spawn();
            timeout(Duration::from_secs(1), handle).await?
        },
        expect![[r#"
            create 1 order.charge | create 2 order.timeout
            waits for 2
        "#]],
    );
}

#[test]
fn an_error_after_a_result_is_the_answer_and_one_before_is_tried_again() {
    check(
        "",
        || async { Err(fails("no")) },
        expect![[r#"
        fails failed: no, again
    "#]],
    );
    check(
        "",
        || async { Err(Error::terminal("no")) },
        expect![[r#"
        fails failed: no
    "#]],
    );
    check(
        "1 call charge -> 1 @1",
        || async {
            charge(1).await?;
            Err(fails("no"))
        },
        expect![[r#"
            fails failed: no
        "#]],
    );
}

#[test]
fn a_result_that_nobody_awaited_does_not_make_an_error_the_answer() {
    check(
        "1 call charge -> 1 @1",
        || async {
            let _handle = charge(1).spawn();
            Err(fails("no"))
        },
        expect![[r#"
            fails failed: no, again
        "#]],
    );
}

#[test]
fn a_callee_without_a_place_for_errors_ends_its_caller_with_them() {
    check(
        "1 call plain -> !no stock @1",
        || async { Ok(plain(1).await) },
        expect![[r#"
            fails failed: no stock
        "#]],
    );
    check(
        "1 call plain -> !no stock @1",
        || async { Ok(plain(1).result().await.unwrap_or(3)) },
        expect![[r#"
            ends 3
        "#]],
    );
}

#[test]
fn a_panic_is_tried_again_whatever_was_shown() {
    check(
        "1 call charge -> 1 @1",
        || async {
            charge(1).await?;
            panic!("out of paper")
        },
        expect![[r#"
            fails panicked: it panicked: out of paper, again
        "#]],
    );
}

#[test]
fn a_call_with_an_id_of_its_own_and_a_detached_one_are_roots() {
    check(
        "",
        || async {
            let _detached = ship(1).detach();
            charge(1).id("charge-42").await
        },
        expect![[r#"
            create 1 order.ship | create 2 order.charge
            waits for 1
        "#]],
    );
}

#[test]
fn what_is_detached_or_told_last_is_still_written() {
    check(
        "",
        || async {
            let _detached = ship(1).detach();
            let _handle = charge(1).spawn();
            Ok(1)
        },
        expect![[r#"
            create 1 order.ship | ends 1
        "#]],
    );
}

#[test]
fn a_step_after_a_tell_waits_until_it_is_durable() {
    check(
        "",
        || async {
            let told = resolve("other", &1);
            let run = step(|| async { Ok::<_, Error>(1) });
            Ok(u64::from(join(told, run).await.0?))
        },
        expect![[r#"
            create 1 order.resolve
            record 2 order.step 1
            waits for 1
        "#]],
    );
    check(
        "",
        || async { Ok(u64::from(cancel("other").await?)) },
        expect![[r#"
            create 1 order.cancel
            waits for 1
        "#]],
    );
}

#[test]
fn nothing_durable_happens_inside_of_a_step() {
    check(
        "",
        || async {
            step(|| async { charge(1).await })
                .retry(Retry::never())
                .await
        },
        expect![[r#"
            record 1 order.step !the call of shop/charge@1 at here is inside of a step, whose closure is not replayed; do it in the function, outside of the step
            fails misused: the call of shop/charge@1 at here is inside of a step, whose closure is not replayed; do it in the function, outside of the step
        "#]],
    );
}

#[test]
fn bad_names_and_ids_are_refused_where_they_are_awaited() {
    check(
        "",
        || async { promise::<u64>("an approval").await },
        expect![[r#"
        fails misused: the promise "an approval" is no name; use letters, digits and `_`
    "#]],
    );
    check(
        "",
        || async { charge(1).id("a.b").await },
        expect![[r#"
        fails misused: the id "a.b" has a `.`, which stands between a caller and its calls; write `-` or `/` instead
    "#]],
    );
    check(
        "",
        || async {
            label("a b", 1);
            sleep(Duration::from_secs(1)).await;
            Ok(1)
        },
        expect![[r#"
            fails misused: the label "a b" is no name; use letters, digits and `_`
        "#]],
    );
    check(
        "",
        || async { charge(1).retry(Retry::never().when(|_: &Error| true)).await },
        expect![[r#"
        fails misused: the retry policy of the call of shop/charge@1 at here has a `when`, which cannot travel; write `retry = ..` at the function
    "#]],
    );
}

#[test]
fn arguments_that_are_too_large_fail_at_the_await_and_keep_their_place() {
    use crate::{call::Call, plumbing::Output, settings::Settings};
    check(
        "",
        || async {
            let large = Settings::default().encode(None, &"x".repeat(2 << 20));
            let call = Call::<Result<u64>>::new(&super::CHARGE, Output::of_result(), large);
            let error = call.await.unwrap_err();
            label("error", error);
            charge(1).await
        },
        expect![[r#"
            label error a payload has 2097154 bytes; at most 1048576 are allowed; store it elsewhere and pass a reference (promise `order.charge`) | create 2 order.charge-1
            waits for 1
        "#]],
    );
}

#[test]
fn time_and_randomness_are_the_same_in_every_replay() {
    async fn body() -> Result<u64> {
        let (number, id) = (random(), uuid());
        label(
            "before",
            format!("{} {number} {id} {}", now(), is_replaying()),
        );
        charge(1).await?;
        label(
            "after",
            format!("{} {} {}", now(), random() == number, uuid() == id),
        );
        label("replays", is_replaying());
        let in_step = step(|| async { Ok::<_, Error>(random()) }).await?;
        label("step", in_step);
        ship(2).await
    }
    let (one, two) = (
        trace("1 call charge -> 1 @3", body),
        trace("1 call charge -> 1 @3", body),
    );
    assert_eq!(one, two);
    expect![[r#"
        label before 0 13703668821934301988 ecb1e721-d967-8a37-95f6-ea443cf31761 true | label after 300 false false | label replays false | record 2 order.step 17412965610235234632
        label step 17412965610235234632 | create 3 order.ship
        waits for 1
    "#]].assert_eq(&one);
}

#[test]
fn versions_and_services_make_another_call() {
    check(
        "",
        || async { Ok(call(&SHIP_2, 1).await? + ship(1).on("depot").version(3).await?) },
        expect![[r#"
            create 1 order.ship
            waits for 1
        "#]],
    );
}

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
