//! Messages between trees: exactly once in effect, whatever dies in between.

use resonate_core::Link;

use super::*;

/// A task `a` that has called the root `b` by a proxy, not yet delivered.
fn calling() -> World {
    let mut world = World::new();
    let worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let promise = Box::new(new_promise("b", None, Timestamp::NEVER));
    let kind = ChildKind::Proxy(Link::Call {
        promise,
        detached: false,
    });
    let op = Op::Create(child("a.b", 0, kind, Timestamp::NEVER));
    let turn = worker.turn(
        "a",
        1,
        1,
        vec![op],
        End::Suspend {
            tied: false,
            wake_at: None,
        },
    );
    world.inputs.push_back(Input::Items {
        stream: worker.stream,
        items: [turn].into(),
    });
    world.step().unwrap();
    world
}

#[test]
fn a_call_of_another_root_is_created_and_its_answer_comes_back() {
    let mut world = calling();
    assert_ne!(id("a").part(), id("b").part(), "two partitions");
    world.run();
    world.check();
    assert_eq!(world.state("b"), "pending");
    world.ask(Request::Settle {
        id: id("b"),
        outcome: one(),
        key: None,
    });
    world.run();
    assert_eq!(world.state("a.b"), "resolved");
    assert_eq!(world.state("a"), "pending pending v1", "it is awake");
    world.check();
}

#[test]
fn a_message_survives_a_crash_before_its_delivery() {
    let mut world = calling();
    world.restart();
    world.run();
    assert_eq!(world.state("b"), "pending");
    world.check();
}

#[test]
fn a_message_is_not_applied_again_after_a_crash_that_follows_its_delivery() {
    let mut world = calling();
    world.run();
    let sent = |world: &World| {
        let mut store = world.disk.image().open();
        super::super::disk::load_messages(&mut store, id("a").part())
            .unwrap()
            .len()
    };
    assert_eq!(sent(&world), 1, "a delivered row waits for the next trim");
    let before = world.get("b");
    world.restart();
    world.run();
    assert_eq!(world.get("b"), before);
    let rows = world.engine.figures.rows;
    world.run();
    assert_eq!(
        (world.engine.figures.rows, rows),
        (0, 0),
        "nothing was written by the copy"
    );
    world.check();
}

#[test]
fn delivered_messages_are_trimmed() {
    let mut world = World::new();
    world.ask(create("a"));
    let worker = world.worker(1, &["f"], 1);
    let count = crate::limits::TRIM_EVERY as u32 + 10;
    let ops = (0..count).map(|n| {
        let kind = ChildKind::Proxy(Link::Await {
            id: id(&format!("other-{n}")),
        });
        Op::Create(child(&format!("a.await-{n}"), n, kind, Timestamp::NEVER))
    });
    world.say(&worker, [worker.turn("a", 1, 1, ops.collect(), End::GoOn)]);
    let mut store = world.disk.image().open();
    let waiting = super::super::disk::load_messages(&mut store, id("a").part()).unwrap();
    assert_eq!(waiting, [], "what was asked of others is trimmed");
    assert_eq!(
        world.state("a.await-0"),
        "rejected",
        "the promise does not exist, and the proxy was told"
    );
    world.check();
}

#[test]
fn a_wave_wider_than_one_round_reaches_everything() {
    let mut world = World::new();
    let worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let count = 3 * limits::WAVE as u32;
    let ops = (0..count).map(|n| {
        Op::Create(child(
            &format!("a.x-{n}"),
            n,
            ChildKind::External,
            Timestamp::NEVER,
        ))
    });
    world.say(&worker, [worker.turn("a", 1, 1, ops.collect(), End::GoOn)]);
    world.inputs.clear();
    let mut canceled = world.ask_later(Request::Cancel {
        id: id("a"),
        reason: "enough".to_owned(),
        key: None,
    });
    world.step().unwrap();
    assert!(
        canceled.try_recv().is_ok(),
        "the cancel itself does not wait for the wave"
    );
    world.check();
    world.restart();
    world.run();
    for n in 0..count {
        assert_eq!(world.state(&format!("a.x-{n}")), "canceled");
    }
    world.check();
}

#[test]
fn one_round_delivers_no_more_large_answers_than_it_has_room_for() {
    const CALLERS: u32 = 24;
    let mut world = World::new();
    let worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    world.ask(create_until("b", Timestamp::NEVER));
    let proxies = (0..CALLERS).map(|n| {
        let kind = ChildKind::Proxy(Link::Await { id: id("b") });
        Op::Create(child(&format!("a.{n}"), n, kind, Timestamp::NEVER))
    });
    let end = End::Suspend {
        tied: false,
        wake_at: None,
    };
    world.say(&worker, [worker.turn("a", 1, 1, proxies.collect(), end)]);
    let large = Outcome::Resolved(Payload::json("1".repeat(limits::PAYLOAD_BYTES)));
    let _answered = world.ask_later(Request::Settle {
        id: id("b"),
        outcome: large,
        key: None,
    });
    world.step().unwrap();
    world.step().unwrap();
    let settled = |world: &World| {
        let ids = (0..CALLERS).map(|n| id(&format!("a.{n}")));
        ids.filter(|id| !world.stored(id.as_str()).promise.is_pending())
            .count()
    };
    let first = settled(&world);
    assert!((1..=5).contains(&first), "{first} answers in one round");
    world.run();
    assert_eq!(settled(&world), 24);
    world.check();
}
