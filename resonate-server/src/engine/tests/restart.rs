//! A crash and a new start: everything acknowledged is there, and work goes on where it was.

use resonate_proto::stream::ANOTHER_TIMELINE;

use super::*;

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let mut world = World::new();
    world.ask(create("a"));
    world.ask(Request::Settle {
        id: id("a"),
        outcome: one(),
        key: None,
    });
    world.ask(create("b"));
    world.restart();
    assert_eq!(world.state("a"), "resolved done v0");
    assert_eq!(world.state("b"), "pending pending v0");
    world.check();
}

#[test]
fn ready_tasks_are_found_and_dispatched_after_a_restart() {
    let mut world = World::new();
    (0..2_500).for_each(|n| drop(world.ask_later(create(&format!("a{n}")))));
    world.run();
    world.restart();
    let mut worker = world.worker(1, &["f"], 10_000);
    world.run();
    assert_eq!(worker.tasks().len(), 2_500);
    world.check();
}

#[test]
fn a_worker_that_still_runs_its_tasks_keeps_them() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 10);
    world.ask(create("a"));
    assert_eq!(worker.tasks(), ["a v1"]);
    world.restart();
    world.pass(LEASE - Duration::from_secs(1));
    let mut worker = world.connect(Hello {
        held: vec![held("a", 1)],
        ..hello(1, &["f"], 10)
    });
    let heard = worker.heard();
    assert!(
        matches!(&*heard, [ToWorker::Welcome(welcome)] if welcome.let_go.is_empty()),
        "{heard:?}"
    );
    world.pass(LEASE - Duration::from_secs(1));
    world.say(&worker, [worker.fulfill("a", 1)]);
    assert_eq!(world.state("a"), "resolved done v1");
    world.check();
}

#[test]
fn a_worker_that_does_not_come_back_loses_its_tasks_after_one_lease_of_grace() {
    let mut world = World::new();
    world.worker(1, &["f"], 10);
    world.ask(create("a"));
    world.restart();
    let mut other = world.worker(2, &["f"], 10);
    world.pass(LEASE - Duration::from_secs(1));
    world.beat(&other);
    assert_eq!(other.tasks(), [""; 0]);
    world.pass(Duration::from_secs(2));
    assert_eq!(other.tasks(), ["a v2"]);
    assert_eq!(
        world.get("a").task.as_ref().map(|task| task.losses),
        Some(1)
    );
    world.check();
}

#[test]
fn a_lease_that_began_later_than_the_clock_says_ends_all_the_same() {
    let mut world = World::new();
    world.ask(create("a"));
    let set_back = world.now.wall;
    world.pass(Duration::from_secs(100));
    world.worker(1, &["f"], 10);
    world.now.wall = set_back;
    world.restart();
    let mut other = world.worker(2, &["f"], 10);
    world.pass(LEASE - Duration::from_secs(1));
    world.beat(&other);
    world.pass(Duration::from_secs(2));
    assert_eq!(other.tasks(), ["a v2"]);
    world.check();
}

#[test]
fn what_a_worker_does_not_name_is_given_back_without_an_attempt() {
    let mut world = World::new();
    world.worker(1, &["f"], 10);
    world.ask(create("a"));
    world.restart();
    let mut worker = world.worker(1, &["f"], 10);
    assert_eq!(worker.tasks(), ["a v2"]);
    assert_eq!(
        world.get("a").task.as_ref().map(|task| task.losses),
        Some(0)
    );
    world.check();
}

#[test]
fn the_clock_starts_no_earlier_than_what_is_written() {
    let mut world = World::new();
    world.ask(create("a"));
    world.now.wall = Timestamp::from_millis(10);
    world.restart();
    world.ask(create("b"));
    let (a, b) = (
        world.get("a").promise.created_at,
        world.get("b").promise.created_at,
    );
    assert!(a <= b, "{a} {b}");
}

#[test]
fn numbers_of_batches_and_rows_go_on_after_a_restart() {
    let mut world = World::new();
    let mut last = Seq::ZERO;
    for n in 0..5 {
        let name = format!("a:{n}");
        world.ask(create_until(&name, Timestamp::NEVER));
        let settled = world.ask(Request::Settle {
            id: id(&name),
            outcome: one(),
            key: None,
        });
        let seq = settled
            .promise
            .settled()
            .map(|settled| settled.seq)
            .unwrap();
        assert!(last < seq, "{last} {seq}");
        last = seq;
        world.restart();
    }
    world.check();
}

#[test]
fn what_was_held_in_another_timeline_of_the_store_changes_nothing() {
    for timeline in [Some(Timeline(2)), None] {
        let mut world = World::new();
        let mut worker = world.worker(1, &["f"], 1);
        world.ask(create("a"));
        assert_eq!(worker.tasks(), ["a v1"]);
        // The same session, task and token, as a restored store would know them.
        let mut other = world.connect(Hello {
            timeline,
            held: vec![held("a", 1)],
            ..hello(1, &["f"], 1)
        });
        let heard = other.heard();
        assert!(
            matches!(&*heard, [ToWorker::Refused { kind, .. }] if kind == ANOTHER_TIMELINE),
            "{heard:?}"
        );
        world.say(&other, [other.fulfill("a", 1)]);
        assert_eq!(world.state("a"), "pending leased v1");
    }
}

#[test]
fn who_comes_for_the_first_time_is_told_the_timeline_and_gives_back_what_the_store_remembers() {
    let mut world = World::new();
    let _gone = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let mut anew = world.connect(Hello {
        timeline: None,
        ..hello(1, &["f"], 0)
    });
    let heard = anew.heard();
    let is_welcome =
        matches!(heard.first(), Some(ToWorker::Welcome(welcome)) if welcome.timeline == TIMELINE);
    assert!(is_welcome, "{heard:?}");
    assert_eq!(world.state("a"), "pending pending v1");
}
