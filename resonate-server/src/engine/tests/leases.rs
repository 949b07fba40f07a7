//! Leases, heartbeats, acknowledgements: a worker keeps what it shows a sign of, and nothing else.

use super::*;

#[test]
fn heartbeats_keep_a_lease_and_silence_ends_it() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    assert_eq!(worker.tasks(), ["a v1"]);
    world.say(
        &worker,
        [FromWorker::Acknowledge {
            task: id("a"),
            version: TaskVersion(1),
        }],
    );
    for _ in 0..10 {
        world.pass(LEASE / 3);
        world.beat(&worker);
    }
    assert_eq!(world.state("a"), "pending leased v1");
    world.pass(LEASE);
    assert_eq!(world.state("a"), "pending pending v1");
    assert!(worker.is_closed());
    world.check();
}

#[test]
fn a_heartbeat_is_answered() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 1);
    worker.heard();
    world.say(
        &worker,
        [FromWorker::Heartbeat {
            n: 7,
            stalled: Vec::new(),
        }],
    );
    assert_eq!(worker.heard(), [ToWorker::HeartbeatAnswer { n: 7 }]);
}

#[test]
fn time_in_which_the_engine_did_not_look_is_not_held_against_workers() {
    let mut world = World::new();
    let worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    world.now = world.now.after(LEASE * 100);
    world.run();
    assert_eq!(world.state("a"), "pending leased v1");
    world.beat(&worker);
    world.check();
}

#[test]
fn a_jump_of_the_wall_clock_ends_no_lease_and_a_step_back_reorders_nothing() {
    let mut world = World::new();
    world.worker(1, &["f"], 1);
    world.ask(create("a"));
    world.now.wall = world.now.wall.after(LEASE * 1_000);
    world.run();
    assert_eq!(world.state("a"), "pending leased v1");
    let before = world.ask(create("b")).promise.created_at;
    world.now.wall = Timestamp::from_millis(5);
    assert!(before <= world.ask(create("c")).promise.created_at);
}

#[test]
fn stalled_executions_are_taken_back_and_the_others_stay() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 2);
    world.ask(create("a"));
    world.ask(create("b"));
    assert_eq!(worker.tasks(), ["a v1", "b v1"]);
    world.say(
        &worker,
        [FromWorker::Heartbeat {
            n: 1,
            stalled: vec![held("a", 1)],
        }],
    );
    assert_eq!(world.state("a"), "pending pending v1");
    assert_eq!(world.state("b"), "pending leased v1");
    let task = world.get("a").task.clone().unwrap();
    assert_eq!((task.losses, task.stalls), (1, 1));
    assert!(
        worker
            .heard()
            .iter()
            .any(|item| matches!(item, ToWorker::Drop { task, .. } if *task == id("a")))
    );
    world.say(&worker, [worker.fulfill("a", 1)]);
    let refused = worker.heard();
    assert!(
        matches!(
            &*refused,
            [ToWorker::TurnAnswer(TurnAnswer {
                answer: Err(Refusal::StaleVersion { .. }),
                ..
            })]
        ),
        "{refused:?}"
    );
    world.check();
}

#[test]
fn a_lost_worker_with_very_many_tasks_is_cleared_in_bounded_rounds() {
    let mut world = World::new();
    let _worker = world.worker(1, &["f"], 5_000);
    let count = crate::limits::ROUND_RELEASES + 500;
    (0..count).for_each(|n| drop(world.ask_later(create(&format!("a{n}")))));
    world.run();
    world.pass(LEASE - Duration::from_secs(1));
    let rows = world.engine.figures.rows;
    world.now = world.now.after(Duration::from_secs(1));
    world.step().unwrap();
    assert_eq!(
        world.engine.figures.rows - rows,
        crate::limits::ROUND_RELEASES as u64
    );
    world.run();
    assert_eq!(world.engine.figures.rows - rows, count as u64);
    world.check();
}

#[test]
fn the_same_session_on_a_new_stream_closes_the_old_one() {
    let mut world = World::new();
    let mut old = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    old.heard();
    let new = world.connect(Hello {
        held: vec![held("a", 1)],
        ..hello(1, &["f"], 1)
    });
    assert!(old.is_closed());
    world.say(&old, [old.fulfill("a", 1)]);
    assert_eq!(
        world.state("a"),
        "pending leased v1",
        "what comes on a closed stream is asked again on the next"
    );
    world.inputs.push_back(Input::Closed { stream: old.stream });
    world.say(&new, [new.fulfill("a", 1)]);
    assert_eq!(world.state("a"), "resolved done v1");
}

#[test]
fn what_is_not_held_any_more_must_be_let_go() {
    let mut world = World::new();
    world.ask(create("a"));
    let held = vec![held("a", 3), held("never-heard-of", 1)];
    let mut worker = world.connect(Hello {
        held,
        ..hello(1, &["g"], 1)
    });
    let heard = worker.heard();
    assert!(
        matches!(&*heard, [ToWorker::Welcome(welcome)] if welcome.let_go == [id("a")]),
        "{heard:?}"
    );
}

#[test]
fn after_a_reconnect_the_worker_gets_what_settled_meanwhile() {
    let mut world = World::new();
    let worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let external = child("a.wait", 0, ChildKind::External, Timestamp::NEVER);
    world.say(
        &worker,
        [worker.turn("a", 1, 1, vec![Op::Create(external)], End::GoOn)],
    );
    world.inputs.push_back(Input::Closed {
        stream: worker.stream,
    });
    world.ask(Request::Settle {
        id: id("a.wait"),
        outcome: one(),
        key: None,
    });
    let mut worker = world.connect(Hello {
        held: vec![held("a", 1)],
        ..hello(1, &["f"], 1)
    });
    let heard = worker.heard();
    assert!(
        matches!(&*heard, [ToWorker::Welcome(_), ToWorker::Settlements { settled, .. }] if settled[0].id == id("a.wait")),
        "{heard:?}"
    );
}

#[test]
fn a_dispatch_that_is_named_after_a_reconnect_needs_no_acknowledgement() {
    let mut world = World::new();
    let _lost = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let mut again = hello(1, &["f"], 1);
    again.held = vec![held("a", 1)];
    let worker = world.connect(again);
    for _ in 0..6 {
        world.pass(LEASE / 3);
        world.beat(&worker);
    }
    assert_eq!(world.state("a"), "pending leased v1");
}

#[test]
fn a_dispatch_that_has_not_left_yet_is_waited_for_and_one_that_left_is_lost() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let beat_through = |world: &mut World, worker: &Worker, lease: Duration| {
        for _ in 0..3 {
            world.pass(lease / 3);
            world.beat(worker);
        }
    };
    beat_through(&mut world, &worker, LEASE * 2);
    assert_eq!(world.state("a"), "pending leased v1");
    assert_eq!(worker.tasks(), ["a v1"]);
    for _ in 0..4 {
        world.pass(LEASE / 3);
        world.beat(&worker);
        worker.heard();
    }
    assert_eq!(world.state("a"), "pending pending v1");
    assert_eq!(world.get("a").task.as_ref().unwrap().losses, 1);
}

#[test]
fn what_is_over_when_a_worker_comes_back_is_told_to_its_caller_as_well() {
    let mut world = World::new();
    let worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let until = world.now.wall.after(LEASE / 3);
    let started = child("a.f", 0, ChildKind::Call(call("f")), until);
    let op = Op::CreateClaimed(started);
    world.say(&worker, [worker.turn("a", 1, 1, vec![op], End::GoOn)]);
    world.inputs.push_back(Input::Closed {
        stream: worker.stream,
    });
    world.run();
    world.now = world.now.after(LEASE / 2);
    let mut worker = world.connect(Hello {
        held: vec![held("a", 1), held("a.f", 2)],
        ..hello(1, &["f"], 1)
    });
    let heard = worker.heard();
    assert!(
        matches!(&*heard, [ToWorker::Welcome(welcome), ToWorker::Settlements { task, settled, .. }]
            if welcome.let_go == [id("a.f")] && *task == id("a") && settled[0].id == id("a.f")),
        "{heard:?}"
    );
}
