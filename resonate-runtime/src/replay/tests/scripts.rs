//! What a body asks for over a history, turn by turn.

use std::time::Duration;

use expect_test::expect;
use futures::future::{join, join_all, select};

use super::{SHIP_2, call, charge, check, fails, plain, ship, trace};
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
            let call = Call::<Result<u64>>::new(&super::CHARGE, Output::of_result(), large.into());
            let error = call.await.unwrap_err();
            label("error", error);
            charge(1).await
        },
        expect![[r#"
            label error a payload has more than 1048576 bytes; at most 1048576 are allowed; store it elsewhere and pass a reference (promise `order.charge`) | create 2 order.charge-1
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
