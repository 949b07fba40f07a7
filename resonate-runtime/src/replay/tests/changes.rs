//! Changes inside of a function version: who takes which way, and that it never changes its mind.

use std::collections::BTreeMap;

use expect_test::expect;
use futures::future::join;

use super::{charge, check, run, run::Run, ship, world::World};
use crate::{Result, ops::changed};

/// The new code: what was one call is two.
async fn mended() -> Result<u64> {
    let first = charge(1).await?;
    if changed("two-parcels") {
        return Ok(first + ship(1).await? + ship(2).await?);
    }
    Ok(first + ship(1).await?)
}

#[test]
fn a_new_execution_takes_the_new_way_and_writes_it_with_its_next_call() {
    check(
        "1 call charge -> 7 @1",
        mended,
        expect![[r#"
            record 2 order.changed~two-parcels null | create 3 order.ship
            waits for 1
        "#]],
    );
}

#[test]
fn who_is_beyond_the_change_keeps_to_the_old_way() {
    check(
        "1 call charge -> 7 @1
         2 call ship -> 8 @2",
        mended,
        expect![[r#"
            ends 15
        "#]],
    );
}

#[test]
fn who_is_beyond_it_without_a_result_keeps_to_it_too() {
    check(
        "1 call charge -> 7 @1
         2 call ship pending",
        mended,
        expect![[r#"
            waits for 1
        "#]],
    );
}

#[test]
fn the_mark_is_kept_to_in_every_replay() {
    check(
        "1 call charge -> 7 @1
         2 change two-parcels -> null @2
         3 call ship -> 8 @3",
        mended,
        expect![[r#"
            create 4 order.ship-1
            waits for 1
        "#]],
    );
}

#[test]
fn a_mark_without_anything_after_it_is_kept_to() {
    check(
        "1 call charge -> 7 @1
         2 change two-parcels -> null @2",
        mended,
        expect![[r#"
            create 3 order.ship
            waits for 1
        "#]],
    );
}

#[test]
fn code_that_does_not_ask_any_more_does_not_miss_the_mark() {
    check(
        "1 call charge -> 7 @1
         2 change two-parcels -> null @2
         3 call ship -> 8 @3",
        || async { Ok(charge(1).await? + ship(1).await?) },
        expect![[r#"
            ends 15
        "#]],
    );
}

#[test]
fn a_mark_at_the_end_is_not_missed_either() {
    check(
        "1 call charge -> 7 @1
         2 change two-parcels -> null @2",
        || async { charge(1).await },
        expect![[r#"
            ends 7
        "#]],
    );
}

#[test]
fn one_change_after_another_at_the_same_place() {
    check(
        "1 change first -> null @1",
        || async {
            assert!(changed("second") && changed("first"));
            charge(1).await
        },
        expect![[r#"
            record 2 order.changed~second null | create 3 order.charge
            waits for 1
        "#]],
    );
}

#[test]
fn a_question_that_was_moved_in_front_is_answered_as_before() {
    check(
        "1 call charge -> 7 @1
         2 change moved -> null @2
         3 call ship pending",
        || async {
            let is_new = changed("moved");
            let first = charge(1).await?;
            Ok(if is_new { ship(1).await? } else { first })
        },
        expect![[r#"
            waits for 1
        "#]],
    );
}

#[test]
fn the_same_change_is_answered_alike_wherever_it_is_asked_for() {
    check(
        "1 call charge -> 7 @1
         2 call charge pending",
        || async {
            let before = changed("late");
            let first = charge(1).await?;
            charge(2).await?;
            assert_eq!(changed("late"), before);
            Ok(first)
        },
        expect![[r#"
            waits for 1
        "#]],
    );
}

#[test]
fn who_asks_for_nothing_after_it_writes_nothing() {
    check(
        "",
        || async { Ok(u64::from(changed("leaf"))) },
        expect![[r#"
            ends 1
        "#]],
    );
}

#[test]
fn a_change_needs_a_name() {
    check(
        "",
        || async { Ok(u64::from(changed("a.b"))) },
        expect![[r#"
            fails misused: the change "a.b" is no name; use letters, digits, `_` and `-`
        "#]],
    );
}

/// A body that passes a change in one branch while another waits, and races.
async fn busy() -> Result<u64> {
    let (one, two) = join(
        async {
            let one = charge(1).await?;
            if changed("branch") {
                ship(1).await?;
            }
            Ok::<_, crate::Error>(one + charge(2).await?)
        },
        async { Ok::<_, crate::Error>(ship(10).await? + ship(11).await?) },
    )
    .await;
    let sum = one? + two?;
    if changed("end") {
        return Ok(sum + charge(100).await?);
    }
    Ok(sum)
}

/// Whatever was lost when, the same commands come in the same order.
#[test]
fn a_worker_that_is_lost_at_any_moment_leads_to_the_same_way() {
    for seed in 0..40 {
        let whole = ways(seed, None);
        assert!(whole.values().any(|id| id.contains("changed~branch")));
        assert!(whole.values().any(|id| id.contains("changed~end")));
        for lost_after in 0..8 {
            assert_eq!(
                ways(seed, Some(lost_after)),
                whole,
                "seed {seed}, {lost_after}"
            );
        }
    }
}

/// The children at the end, by position; the worker is lost after so many settlements.
fn ways(seed: u64, lost_after: Option<usize>) -> BTreeMap<u32, String> {
    let mut world = World::new(seed);
    let mut run: Run = world.claim(busy());
    let mut settled = 0;
    while !world.settle(&mut run) {
        if lost_after == Some(settled) {
            run = world.claim(busy());
            if world.settle(&mut run) {
                break;
            }
        }
        settled += 1;
        assert!(world.step(&mut run), "nothing is left to settle");
    }
    let children = world.children();
    let places = children.iter().map(|record| {
        let position = record.promise.origin.as_ref().unwrap().position;
        (position, record.promise.id.to_string())
    });
    places.collect()
}

/// What the server sends with a claim is what `records` makes of a line.
#[test]
fn a_mark_comes_back_as_it_was_written() {
    let mut world = World::new(1);
    let mut run = world.claim(async { if changed("x") { charge(1).await } else { Ok(0) } });
    world.settle(&mut run);
    let mark = world
        .children()
        .into_iter()
        .find(|child| child.promise.id.as_str().contains('~'));
    let mark = mark.unwrap().promise;
    let [told] = &run::records("1 change x -> null @1")[..] else {
        panic!()
    };
    assert_eq!(
        (&mark.id, &mark.labels),
        (&told.promise.id, &told.promise.labels)
    );
}
