//! Bodies that ask for something else than their history holds.

use std::time::Duration;

use expect_test::expect;
use futures::future::join;

use super::{SHIP_2, call, charge, check, ship};
use crate::{
    Error,
    ops::{promise, sleep, step},
};

#[test]
fn another_function() {
    check(
        "1 call charge pending",
        || async { call(&super::PLAIN_LIKE, 2).await },
        expect![[r#"
        halts: call 1 of checkout was `charge` at src/old.rs:1, is now `plain` at here (inserted); run it with the code it began with, or give the new code a function version of its own
    "#]],
    );
}

#[test]
fn a_renamed_function() {
    check(
        "1 call charge pending",
        || async { ship(1).await },
        expect![[r#"
        halts: call 1 of checkout was `charge` at src/old.rs:1, is now `ship` at here (renamed); run it with the code it began with, or give the new code a function version of its own
    "#]],
    );
}

#[test]
fn an_inserted_call() {
    check(
        "1 call charge pending
         2 call ship pending",
        || async {
            join(sleep(Duration::from_secs(1)), join(charge(1), ship(1)))
                .await
                .1
                .0
        },
        expect![[r#"
            halts: call 1 of checkout was `charge` at src/old.rs:1, is now the timer `sleep` at here (inserted); run it with the code it began with, or give the new code a function version of its own
        "#]],
    );
}

#[test]
fn a_removed_call() {
    check(
        "1 call charge pending
         2 call ship pending",
        || async { ship(1).await },
        expect![[r#"
            halts: call 1 of checkout was `charge` at src/old.rs:1, is now `ship` at here (removed); run it with the code it began with, or give the new code a function version of its own
        "#]],
    );
}

#[test]
fn calls_in_another_order() {
    check(
        "1 call charge pending
         2 call ship pending",
        || async { join(ship(1), charge(1)).await.0 },
        expect![[r#"
            halts: call 1 of checkout was `charge` at src/old.rs:1, is now `ship` at here (reordered); run it with the code it began with, or give the new code a function version of its own
        "#]],
    );
}

#[test]
fn a_call_that_is_a_step_now() {
    check(
        "1 call charge pending",
        || async { step(|| async { Ok::<_, Error>(1) }).label("charge").await },
        expect![[r#"
            halts: call 1 of checkout was `charge` at src/old.rs:1, is now the step `charge` at here (retyped); run it with the code it began with, or give the new code a function version of its own
        "#]],
    );
}

#[test]
fn a_renamed_step() {
    check(
        "1 step quote -> 1 @1",
        || async { step(|| async { Ok::<_, Error>(1) }).label("offer").await },
        expect![[r#"
            halts: call 1 of checkout was the step `quote` at src/old.rs:1, is now the step `offer` at here (renamed); run it with the code it began with, or give the new code a function version of its own
        "#]],
    );
}

#[test]
fn another_function_version() {
    check(
        "1 call ship pending",
        || async { call(&SHIP_2, 1).await },
        expect![[r#"
        halts: call 1 of checkout was `shop/ship@1` with the signature b1721780517eb15c as `order.ship` at src/old.rs:1, is now `shop/ship@2` with the signature b1721780517eb15c as `order.ship` at here (retyped); run it with the code it began with, or give the new code a function version of its own
    "#]],
    );
}

#[test]
fn a_function_that_ends_too_early() {
    check(
        "1 call charge -> 1 @1
         2 promise approval pending",
        || async { charge(1).await },
        expect![[r#"
            halts: call 2 of checkout was the promise `approval` at src/old.rs:2, is now missing (removed); run it with the code it began with, or give the new code a function version of its own
        "#]],
    );
}

#[test]
fn a_function_that_is_to_be_tried_again_has_not_missed_anything() {
    check(
        "1 call charge pending",
        || async { Err(super::fails("no network")) },
        expect![[r#"
            fails failed: no network, again
        "#]],
    );
}

#[test]
fn what_was_dropped_before_it_started_leaves_a_gap_that_is_no_mismatch() {
    check(
        "1 call charge -> 1 @1
         3 promise approval pending",
        || async {
            charge(1).await?;
            let mut lost = Box::pin(ship(1));
            assert!(futures::poll!(&mut lost).is_pending());
            drop(lost);
            promise::<u64>("approval").await
        },
        expect![[r#"
            waits for 1
        "#]],
    );
}

#[test]
fn an_id_that_has_moved() {
    // The history's `ship` stands at 2, after something that was dropped before it started.
    check(
        "2 call ship pending",
        || async { ship(1).await },
        expect![[r#"
        halts: call 1 of checkout was something that never started, is now `shop/ship@1` with the signature b1721780517eb15c as `order.ship` at here, which was call 2 at src/old.rs:2 (removed); run it with the code it began with, or give the new code a function version of its own
    "#]],
    );
}

#[test]
fn other_arguments_are_only_counted() {
    check(
        "1 call charge -> 4 @1",
        || async { charge(2).await },
        expect![[r#"
        ends 4
    "#]],
    );
    let mut run = super::Run::new(&super::run::records("1 call charge pending"), async {
        charge(2).await
    });
    run.drive();
    assert_eq!(
        run.context.with(|inner| inner.replay.changed_arguments()),
        1
    );
    let mut run = super::Run::new(&super::run::records("1 call charge pending"), async {
        charge(1).await
    });
    run.drive();
    assert_eq!(
        run.context.with(|inner| inner.replay.changed_arguments()),
        0
    );
}
