//! What dropping a future means.

use std::time::Duration;

use expect_test::expect;
use futures::future::{Either, select};

use resonate_core::{Outcome, Payload, PromiseId, Seq, Settlement, Timestamp};

use super::{charge, check, fails, run::Run, ship};
use crate::{
    Error,
    ops::{promise, sleep, step},
};

#[test]
fn the_loser_of_a_race_is_canceled() {
    check(
        "1 call charge -> 1 @1
         2 call ship pending",
        || async {
            match select(charge(1), ship(1)).await {
                Either::Left((won, lost)) => {
                    drop(lost);
                    sleep(Duration::from_secs(1)).await;
                    won
                }
                Either::Right((won, _)) => won,
            }
        },
        expect![[r#"
            cancel order.ship | create 3 order.sleep
            waits for 1
        "#]],
    );
}

#[test]
fn a_loser_that_had_settled_is_not_canceled() {
    check(
        "1 call charge -> 1 @1
         2 call ship -> 2 @2",
        || async {
            drop(select(charge(1), ship(1)).await);
            promise::<u64>("approval").await
        },
        expect![[r#"
            create 3 order.approval
            waits for 1
        "#]],
    );
}

#[test]
fn what_was_never_started_is_not_canceled() {
    check(
        "",
        || async {
            let mut lost = Box::pin(ship(1));
            assert!(futures::poll!(&mut lost).is_pending());
            drop(lost);
            charge(1).await
        },
        expect![[r#"
            create 2 order.charge
            waits for 1
        "#]],
    );
}

#[test]
fn what_an_attempt_drops_as_it_fails_is_left_to_the_next() {
    check(
        "1 call charge pending",
        || async {
            let mut call = Box::pin(charge(1));
            assert!(futures::poll!(&mut call).is_pending());
            Err(fails("no network"))
        },
        expect![[r#"
            fails failed: no network, again
        "#]],
    );
}

#[test]
fn dropping_a_handle_cancels_nothing() {
    check(
        "",
        || async {
            drop(charge(1).spawn());
            ship(1).await
        },
        expect![[r#"
            create 1 order.charge | create 2 order.ship
            waits for 1
        "#]],
    );
}

#[test]
fn dropping_a_promise_that_was_awaited_cancels_it_and_one_that_was_not_stays() {
    check(
        "1 promise approval pending
         2 promise receipt pending
         3 timer sleep -> null @1",
        || async {
            let (approval, receipt) = (promise::<u64>("approval"), promise::<u64>("receipt"));
            let _ids = (approval.id().to_owned(), receipt.id().to_owned());
            drop(select(approval, Box::pin(sleep(Duration::from_secs(1)))).await);
            drop(receipt);
            charge(1).await
        },
        expect![[r#"
            cancel order.approval | create 4 order.charge
            waits for 1
        "#]],
    );
}

#[test]
fn a_step_that_is_dropped_while_it_runs_is_not_recorded_and_one_that_was_begun_is_canceled() {
    for (is_at_most_once, expected) in [(false, vec![]), (true, vec!["cancel order.step"])] {
        let mut run = Run::new(&[], async move {
            let forever = || async { std::future::pending::<Result<u64, Error>>().await };
            let begun = if is_at_most_once {
                step(forever).at_most_once()
            } else {
                step(forever)
            };
            drop(select(begun, Box::pin(sleep(Duration::from_secs(1)))).await);
            promise::<u64>("approval").await
        });
        run.drive();
        let turn = run.turn();
        run.answer(&turn);
        run.drive();
        assert!(run.context.with(|inner| inner.replay.counts().steps) == 1);
        run.settled(vec![Settlement {
            id: PromiseId::new("order.sleep").unwrap(),
            seq: Seq(1),
            at: Timestamp::ZERO,
            outcome: Some(Outcome::Resolved(Payload::json("null"))),
        }]);
        run.drive();
        let said: Vec<_> = run.turn().ops.iter().map(super::told).collect();
        assert_eq!(said, [expected, vec!["create 3 order.approval"]].concat());
        assert!(run.context.with(|inner| inner.replay.counts().steps) == 0);
    }
}

#[test]
fn a_step_after_a_cancel_waits_until_it_is_durable() {
    check(
        "1 call charge pending
         2 timer sleep -> null @1",
        || async {
            drop(select(charge(1), Box::pin(sleep(Duration::from_secs(1)))).await);
            step(|| async { Ok::<_, Error>(1) }).await
        },
        expect![[r#"
            cancel order.charge
            record 3 order.step 1
            ends 1
        "#]],
    );
}

#[test]
fn what_is_detached_before_a_failure_is_started_nevertheless() {
    check(
        "",
        || async {
            charge(1).detach();
            Err(fails("no network"))
        },
        expect![[r#"
            create 1 order.charge | fails failed: no network, again
        "#]],
    );
}

#[test]
fn a_step_beside_a_promise_runs_once_the_promise_exists() {
    check(
        "",
        || async {
            let approval = promise::<u64>("approval");
            let step = step(|| async { Ok::<_, Error>(1) });
            let (one, other) = futures::future::join(approval, step).await;
            Ok(one? + other?)
        },
        expect![[r#"
            create 1 order.approval
            record 2 order.step 1
            waits for 1
        "#]],
    );
}
