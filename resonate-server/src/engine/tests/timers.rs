//! Timers: never early, bounded per round, found again after a restart and after their tree was evicted.

use super::*;

fn at(world: &World, seconds: u64) -> Timestamp {
    world.now.wall.after(Duration::from_secs(seconds))
}

#[test]
fn a_timeout_fires_when_its_time_has_come_and_not_before() {
    let mut world = World::new();
    let due = at(&world, 100);
    world.ask(create_until("a", due));
    world.pass(Duration::from_secs(99));
    assert_eq!(world.engine.next(), Next::After(Duration::from_secs(1)));
    let settled = |world: &World| {
        let record = world.stored("a");
        record.promise.settled().map(|settled| settled.at)
    };
    assert_eq!(settled(&world), None);
    world.pass(Duration::from_secs(1));
    assert_eq!(settled(&world), Some(due));
    world.check();
}

#[test]
fn very_many_timers_at_once_are_settled_in_bounded_rounds_beside_requests() {
    let mut world = World::new();
    let count = 2 * limits::ROUND_EXPIRED + 500;
    let due = at(&world, 100);
    (0..count).for_each(|n| drop(world.ask_later(create_until(&format!("a{n}"), due))));
    world.run();
    world.now = world.now.after(Duration::from_secs(100));
    let rows = world.engine.figures.rows;
    let mut answer = world.ask_later(create("b"));
    world.step().unwrap();
    assert!(
        answer.try_recv().is_ok(),
        "a caller does not wait for the flood"
    );
    assert_eq!(
        world.engine.figures.rows - rows,
        limits::ROUND_EXPIRED as u64 + 1
    );
    world.run();
    assert_eq!(world.engine.figures.rows - rows, count as u64 + 1);
    world.check();
}

#[test]
fn a_retry_becomes_ready_at_its_time_also_after_a_restart() {
    for restarts in [false, true] {
        let mut world = World::new();
        let mut worker = world.worker(1, &["f"], 1);
        let start_at = at(&world, 30);
        let call = Arc::new(Call {
            start_at,
            ..Call::clone(&call("f"))
        });
        let promise = new_promise("a", Some(call), Timestamp::NEVER);
        world.ask(Request::Create(Create {
            promise,
            any: false,
        }));
        if restarts {
            world.restart();
            worker = world.worker(1, &["f"], 1);
        }
        for _ in 0..29 {
            world.pass(Duration::from_secs(1));
            world.beat(&worker);
        }
        assert_eq!(worker.tasks(), [""; 0]);
        world.pass(Duration::from_secs(1));
        assert_eq!(worker.tasks(), ["a v1"]);
        world.check();
    }
}

#[test]
fn far_timers_are_not_held_in_memory_and_fire_in_time() {
    let mut world = World::new();
    let far = limits::DUE_WINDOW * 3;
    let due = world.now.wall.after(far);
    (0..100).for_each(|n| drop(world.ask_later(create_until(&format!("a{n}"), due))));
    world.run();
    world.restart();
    world.run();
    assert_eq!(world.engine.memory.timers(), 0);
    world.pass(far - Duration::from_secs(1));
    assert_eq!(world.engine.memory.timers(), 100);
    assert_eq!(world.engine.figures.rows, 0);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.engine.figures.rows, 100);
    world.check();
}

#[test]
fn trees_that_ended_leave_memory_and_come_back_when_asked_for() {
    let mut world = World::roomy();
    let big = "x".repeat(limits::PAYLOAD_BYTES - 2);
    let count = crate::limits::IDLE_TREE_BYTES / limits::PAYLOAD_BYTES + 5;
    for n in 0..count {
        world.ask(create(&format!("a{n}")));
        let outcome =
            Outcome::Resolved(Payload::json(format!("\"{big}\"")[..big.len()].to_owned()));
        world.ask(Request::Settle {
            id: id(&format!("a{n}")),
            outcome,
            key: None,
        });
    }
    assert!(
        world.engine.memory.record(&id("a0")).is_some(),
        "it was touched a moment ago"
    );
    world.pass(Duration::from_secs(1));
    assert!(
        world.engine.memory.record(&id("a0")).is_none(),
        "the longest untouched has gone"
    );
    assert!(
        world
            .engine
            .memory
            .record(&id(&format!("a{}", count - 1)))
            .is_some()
    );
    assert_eq!(world.state("a0"), "resolved done v0");
}

#[test]
fn a_timer_that_the_window_came_to_fires_though_its_tree_has_left_since() {
    let mut world = World::roomy();
    let due = world.now.wall.after(limits::DUE_WINDOW * 2);
    world.ask(create_until("far", due));
    assert_eq!(
        world.engine.next(),
        Next::After(crate::limits::LONGEST_WAIT)
    );
    world.pass(limits::DUE_WINDOW * 2 - Duration::from_secs(1));
    fill_memory(&mut world);
    assert!(world.engine.memory.record(&id("far")).is_none());
    world.pass(Duration::from_secs(1));
    assert_eq!(world.stored("far").promise.state_name(), "timedout");
    world.check();
}

/// Settles trees until none that is idle can stay.
fn fill_memory(world: &mut World) {
    let big = "x".repeat(limits::PAYLOAD_BYTES);
    for n in 0..crate::limits::IDLE_TREE_BYTES / limits::PAYLOAD_BYTES + 5 {
        let name = format!("filler-{n}");
        world.ask(create(&name));
        world.ask(Request::Settle {
            id: id(&name),
            outcome: Outcome::Resolved(Payload::json(big.clone())),
            key: None,
        });
    }
}
