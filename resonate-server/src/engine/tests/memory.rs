//! What is in memory, and what it costs.

use super::*;
use crate::process;

/// How many tasks of `s/f` wait, as people are told.
fn waiting(world: &mut World) -> u64 {
    let (answer, mut seen) = oneshot::channel();
    world.inputs.push_back(Input::Look { answer });
    world.run();
    let functions = seen.try_recv().unwrap().unwrap().functions;
    functions.iter().map(|function| function.ready).sum()
}

fn is_here(world: &World, id_: &str) -> bool {
    world.engine.memory.record(&id(id_)).is_some()
}

/// A call of `s/f` that times out at this moment.
fn create_call_until(id_: &str, at: Timestamp) -> Request {
    Request::Create(Create {
        promise: new_promise(id_, Some(call("f")), at),
        any: false,
    })
}

#[test]
fn a_ready_task_is_dispatched_though_its_tree_has_left() {
    let mut world = World::new();
    for name in ["a", "b", "c"] {
        world.ask(create(name));
        assert!(!is_here(&world, name), "{name}");
    }
    assert_eq!(waiting(&mut world), 3);
    let mut worker = world.worker(1, &["f"], 2);
    let dispatches = worker.dispatches();
    let records: Vec<_> = dispatches.iter().map(|d| named(&d.record)).collect();
    assert_eq!(records, ["a v1", "b v1"]);
    assert_eq!(
        dispatches[0].record.promise.call().unwrap().param,
        Payload::json("[]")
    );
    assert!(is_here(&world, "a") && is_here(&world, "b") && !is_here(&world, "c"));
    assert_eq!(waiting(&mut world), 1);
    world.check();
}

#[test]
fn a_task_that_is_looked_at_keeps_its_place_in_line() {
    let mut world = World::new();
    for name in ["a", "b", "c"] {
        world.ask(create(name));
    }
    world.get("a");
    let mut worker = world.worker(1, &["f"], 3);
    assert_eq!(worker.tasks(), ["a v1", "b v1", "c v1"]);
}

#[test]
fn a_task_that_is_canceled_or_halted_while_its_tree_is_away_leaves_the_line() {
    let mut world = World::new();
    for name in ["a", "b", "c"] {
        world.ask(create(name));
    }
    world.ask(Request::Cancel {
        id: id("a"),
        reason: "enough".to_owned(),
        key: None,
    });
    let halt = Request::Halt {
        id: id("b"),
        cause: HaltCause::Operator,
        reason: "wait".to_owned(),
        key: None,
    };
    world.try_ask(halt).unwrap();
    assert_eq!(waiting(&mut world), 1);
    let mut worker = world.worker(1, &["f"], 3);
    assert_eq!(worker.tasks(), ["c v1"]);
    let go_on = Request::Continue {
        id: id("b"),
        key: None,
    };
    world.try_ask(go_on).unwrap();
    assert_eq!(worker.tasks(), ["b v1"]);
    world.check();
}

#[test]
fn a_ready_task_times_out_though_its_tree_has_left() {
    for (restarts, after) in [
        (false, Duration::from_secs(100)),
        (true, Duration::from_secs(100)),
        (false, limits::DUE_WINDOW * 3),
        (true, limits::DUE_WINDOW * 3),
    ] {
        let mut world = World::new();
        let due = world.now.wall.after(after);
        world.ask(create_call_until("a", due));
        world.ask(create("b"));
        if restarts {
            world.restart();
            world.run();
        }
        world.pass(after - Duration::from_secs(1));
        assert!(!is_here(&world, "a"));
        assert_eq!(waiting(&mut world), 2);
        assert!(world.stored("a").promise.is_pending());
        world.pass(Duration::from_secs(1));
        let settled = world.stored("a").promise.settled().map(|s| s.at);
        assert_eq!(settled, Some(due), "{restarts} {after:?}");
        let mut worker = world.worker(1, &["f"], 3);
        assert_eq!(worker.tasks(), ["b v1"]);
        world.check();
    }
}

#[test]
fn a_tree_whose_task_was_taken_stays_until_it_is_given_back() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    assert_eq!(worker.tasks(), ["a v1"]);
    assert!(is_here(&world, "a"));
    world.say(
        &worker,
        [FromWorker::GiveBack {
            task: id("a"),
            version: TaskVersion(1),
        }],
    );
    assert!(!is_here(&world, "a"));
    assert_eq!(waiting(&mut world), 1);
    world.check();
}

#[test]
fn more_ready_trees_than_fit_are_in_line_after_a_restart() {
    const TASKS: usize = 2_500;
    let mut world = World::new();
    let due = world.now.wall.after(Duration::from_secs(100));
    for n in 0..TASKS {
        let _answered = world.ask_later(create_call_until(&format!("a{n}"), due));
    }
    world.run();
    world.restart();
    world.run();
    assert_eq!(waiting(&mut world), TASKS as u64);
    assert_eq!(world.engine.memory.len(), 0);
    let mut worker = world.worker(1, &["f"], 1_000);
    assert_eq!(worker.tasks().len(), 1_000);
    assert_eq!(
        world.engine.memory.len(),
        1_000,
        "what was dispatched is here"
    );
    world.now = world.now.after(Duration::from_secs(100));
    world.beat(&worker);
    assert_eq!(waiting(&mut world), 0);
    assert_eq!(world.engine.memory.len(), 0);
    world.check();
}

#[test]
fn one_round_loads_no_more_than_it_has_room_for() {
    const TREES: usize = 24;
    let mut world = World::new();
    for n in 0..TREES {
        let large = limits::PAYLOAD_BYTES - 8;
        world.ask(create_with(&format!("a{n}"), large));
    }
    let gets: Vec<_> = (0..TREES)
        .map(|n| {
            world.ask_later(Request::Get {
                id: id(&format!("a{n}")),
            })
        })
        .collect();
    world.step().unwrap();
    assert_eq!(world.inputs.len(), TREES - 8);
    world.run();
    let answers = gets.into_iter().map(|mut get| get.try_recv().unwrap());
    assert!(answers.into_iter().all(|told| told.answer.is_ok()));
    let due = world.now.wall.after(Duration::from_secs(10));
    for n in 0..TREES {
        let name = format!("b{n}");
        let create = create_with(&name, limits::PAYLOAD_BYTES - 8);
        let Request::Create(mut create) = create else {
            unreachable!()
        };
        create.promise.timeout_at = due;
        world.ask(Request::Create(create));
    }
    world.now = world.now.after(Duration::from_secs(10));
    let rows = world.engine.figures.rows;
    world.step().unwrap();
    let expired = world.engine.figures.rows - rows;
    assert!((1..=4).contains(&expired), "{expired} in one round");
    world.run();
    assert_eq!(world.engine.figures.rows - rows, TREES as u64);
}

#[test]
fn a_tree_larger_than_a_round_may_load_is_loaded_once_for_its_timer() {
    let mut world = World::new();
    let worker = world.worker(1, &["f"], 2);
    world.ask(create("a"));
    let due = world.now.wall.after(Duration::from_secs(10));
    for n in 0..9 {
        let kind = ChildKind::Call(Arc::new(Call {
            param: Payload::json("1".repeat(limits::PAYLOAD_BYTES)),
            ..Call::clone(&call("g"))
        }));
        let large = child(&format!("a.{n}"), n, kind, Timestamp::NEVER);
        let turn = vec![Op::Create(large)];
        world.say(&worker, [worker.turn("a", 1, n + 1, turn, End::GoOn)]);
    }
    let sleep = Op::Create(child("a.sleep", 9, ChildKind::Timer, due));
    let end = End::Suspend {
        tied: false,
        wake_at: None,
    };
    world.say(&worker, [worker.turn("a", 1, 10, vec![sleep], end)]);
    assert_eq!(world.engine.memory.len(), 0);
    world.pass(Duration::from_secs(10));
    assert!(!world.stored("a.sleep").promise.is_pending());
    assert_eq!(world.state("a"), "pending leased v2");
    world.check();
}

#[test]
fn a_tree_that_was_loaded_for_its_timer_leaves_again() {
    let mut world = World::new();
    let due = world.now.wall.after(Duration::from_secs(10));
    world.ask(create_call_until("a", due));
    world.ask(Request::Settle {
        id: id("a"),
        outcome: one(),
        key: None,
    });
    assert_eq!(world.engine.memory.timers(), 0);
    world.pass(Duration::from_secs(10));
    assert_eq!(world.stored("a").promise.state_name(), "resolved");
    assert_eq!(world.engine.memory.len(), 0);
}

fn measure(what: &str, count: u64, mut world: World, create: impl Fn(&World, &str) -> Request) {
    let before = process::resident_bytes();
    for n in 0..count {
        let create = create(&world, &format!("order-{n:07}"));
        let _answered = world.ask_later(create);
        if n % 100 == 0 {
            world.run();
        }
    }
    world.run();
    let held = process::resident_bytes() - before;
    // The store is in memory, too: its share is its documents, and what a copy of it takes, which shares them.
    let copy = world.disk.image();
    let copied = process::resident_bytes() - before - held;
    let unlimited = crate::store::Limit {
        rows: usize::MAX,
        bytes: usize::MAX,
    };
    let rows = copy.open().rows(None, unlimited).unwrap().rows;
    let documents = rows.iter().map(|found| found.row.doc.len() as u64);
    let stored = copied + documents.sum::<u64>();
    println!(
        "{what}: {} bytes each in the engine, {} in the store",
        held.saturating_sub(stored) / count,
        stored / count,
    );
}

// A test each, for a process each: what one frees the next would take without asking the system.
#[test]
#[ignore = "a measurement: prints, and takes some seconds"]
fn what_a_task_that_nobody_serves_costs_in_memory() {
    measure("ready tasks", 200_000, World::new(), |_, name| create(name));
}

#[test]
#[ignore = "a measurement: prints, and takes some seconds"]
fn what_a_task_that_nobody_serves_costs_with_4_kib_of_arguments() {
    measure("ready tasks with 4 KiB", 50_000, World::new(), |_, name| {
        create_with(name, 4 << 10)
    });
}

#[test]
#[ignore = "a measurement: prints, and takes some seconds"]
fn what_a_timer_costs_in_memory() {
    measure("timers", 200_000, World::new(), |world, name| {
        create_until(name, world.now.wall.after(Duration::from_secs(60)))
    });
}

#[test]
#[ignore = "a measurement: prints, and takes some seconds"]
fn what_a_tree_costs_in_memory() {
    let count = crate::limits::IDLE_TREE_BYTES / 4_000;
    measure("trees", count as u64, World::roomy(), |_, name| {
        create_until(name, Timestamp::NEVER)
    });
}

/// A call of `s/f` with arguments of this size.
fn create_with(id_: &str, bytes: usize) -> Request {
    let call = Arc::new(Call {
        param: Payload::json(format!("[{:?}]", "x".repeat(bytes))),
        ..Call::clone(&call("f"))
    });
    Request::Create(Create {
        promise: new_promise(id_, Some(call), Timestamp::NEVER),
        any: false,
    })
}
