//! Keys in the engine: what a restart knows of them, and trees that have left.

use resonate_core::{flow::Allowed, keys::PerKey};

use super::*;

fn create_with(id_: &str, key: Option<&str>, arguments: &str, until: Timestamp) -> Request {
    let call = Call {
        key: key.map(Arc::from),
        param: Payload::json(arguments.to_owned()),
        ..Call::clone(&call("f"))
    };
    Request::Create(Create {
        promise: new_promise(id_, Some(Arc::new(call)), until),
        any: false,
    })
}

fn create_keyed(id_: &str, key: &str) -> Request {
    create_with(id_, Some(key), "[]", Timestamp::NEVER)
}

/// A worker that says of `s/f` that its only parameter is its key.
fn keyed_worker(world: &mut World, session: u128, per_key: PerKey) -> Worker {
    let mut hello = hello(session, &["f"], 10);
    hello.functions[0].defaults = Defaults {
        allowed: Allowed {
            per_key: Some(per_key),
            ..Allowed::default()
        },
        key: Some(0),
        ..Defaults::default()
    };
    world.connect(hello)
}

#[test]
fn who_is_suspended_keeps_its_key_over_a_restart_and_still_times_out() {
    for restarts in [false, true] {
        let mut world = World::new();
        let mut worker = keyed_worker(&mut world, 1, PerKey::default());
        let until = world.now.wall.after(limits::DUE_WINDOW * 3);
        world.ask(create_with("a", Some("k"), "[]", until));
        world.ask(create_keyed("b", "k"));
        assert_eq!(worker.tasks(), ["a v1"]);
        let external = child("a.x", 1, ChildKind::External, Timestamp::NEVER);
        let turn = worker.turn(
            "a",
            1,
            1,
            vec![Op::Create(external)],
            End::Suspend { tied: false },
        );
        world.say(&worker, [turn]);
        if restarts {
            world.restart();
            worker = keyed_worker(&mut world, 2, PerKey::default());
        }
        assert_eq!(worker.tasks(), [""; 0], "b waits, restarted: {restarts}");
        for _ in 0..40 {
            world.pass(LEASE / 2);
            world.beat(&worker);
        }
        assert_eq!(worker.tasks(), [""; 0]);
        while world.now.wall < until {
            world.pass(LEASE / 2);
            world.beat(&worker);
        }
        assert_eq!(world.state("a"), "timedout done v1");
        assert_eq!(worker.tasks(), ["b v1"]);
        world.check();
    }
}

#[test]
fn a_halted_holder_and_one_that_is_tried_again_later_keep_their_keys_over_a_restart() {
    let mut world = World::new();
    let mut worker = keyed_worker(&mut world, 1, PerKey::default());
    for (first, second) in [("a", "b"), ("x", "y")] {
        world.ask(create_keyed(first, first));
        world.ask(create_keyed(second, first));
    }
    assert_eq!(worker.tasks(), ["a v1", "x v1"]);
    let halt = Request::Halt {
        id: id("a"),
        cause: HaltCause::Operator,
        reason: "wait".to_owned(),
        key: None,
    };
    world.try_ask(halt).unwrap();
    world.say(
        &worker,
        [worker.turn(
            "x",
            1,
            1,
            Vec::new(),
            End::Fail {
                failure: resonate_core::Failure::new(resonate_core::FailureKind::Failed, "again"),
                retryable: true,
                answer: None,
            },
        )],
    );
    world.restart();
    let mut worker = keyed_worker(&mut world, 2, PerKey::default());
    assert_eq!(worker.tasks(), [""; 0]);
    world.pass(Duration::from_secs(1));
    assert_eq!(worker.tasks(), ["x v2"]);
    world.say(&worker, [worker.fulfill("x", 2)]);
    assert_eq!(worker.tasks(), ["y v1"]);
    world.check();
}

#[test]
fn a_key_that_the_caller_does_not_say_is_read_from_its_arguments() {
    let mut world = World::new();
    let mut worker = keyed_worker(&mut world, 1, PerKey::default());
    for (name, arguments) in [
        ("a", "[\"k\"]"),
        ("b", "[ \"k\" ]"),
        ("c", "[{\"z\":1,\"y\":2}]"),
    ] {
        world.ask(create_with(name, None, arguments, Timestamp::NEVER));
    }
    world.ask(create_keyed("d", "{\"y\":2,\"z\":1}"));
    assert_eq!(worker.tasks(), ["a v1", "c v1"]);
    world.say(&worker, [worker.fulfill("c", 1)]);
    assert_eq!(worker.tasks(), ["d v1"]);
    world.check();
}

#[test]
fn later_calls_end_earlier_ones_also_if_these_came_before_the_worker() {
    let mut world = World::new();
    for n in 0..2_500 {
        drop(world.ask_later(create_keyed(&format!("a{n:04}"), "k")));
    }
    world.run();
    let latest = PerKey {
        latest_wins: true,
        ..PerKey::default()
    };
    let mut worker = keyed_worker(&mut world, 1, latest);
    assert_eq!(worker.tasks(), ["a2499 v1"]);
    assert_eq!(world.state("a0000"), "canceled done v0");
    world.ask(create_keyed("b", "k"));
    assert_eq!(world.state("a2499"), "canceled done v1");
    assert_eq!(worker.tasks(), ["b v1"]);
    world.check();
}

#[test]
fn a_burst_merges_once_also_if_the_server_dies_in_the_middle_of_it() {
    let pause = PerKey {
        debounce: Some(Duration::from_secs(5)),
        ..PerKey::default()
    };
    let mut world = World::new();
    let _worker = keyed_worker(&mut world, 1, pause);
    for name in ["a", "b", "c"] {
        world.ask(create_keyed(name, "k"));
    }
    world.pass(Duration::from_secs(3));
    world.restart();
    let mut worker = keyed_worker(&mut world, 2, pause);
    world.pass(Duration::from_secs(1));
    assert_eq!(worker.tasks(), [""; 0]);
    world.pass(Duration::from_secs(1));
    assert_eq!(worker.tasks(), ["c v1"]);
    assert_eq!(world.state("a"), "pending merged v0");
    world.restart();
    let mut worker = keyed_worker(&mut world, 2, pause);
    assert_eq!(worker.tasks(), ["c v2"]);
    world.say(&worker, [worker.fulfill("c", 2)]);
    for name in ["a", "b"] {
        assert_eq!(world.state(name), "resolved done v0");
    }
    assert_eq!(worker.tasks(), [""; 0]);
    world.check();
}

#[test]
fn a_rate_per_key_opens_in_time_though_nothing_else_happens() {
    let rate = resonate_core::flow::Rate {
        starts: 1,
        per: Duration::from_secs(60),
    };
    let per_key = PerKey {
        at_once: Some(10),
        rate: Some(rate),
        ..PerKey::default()
    };
    let mut world = World::new();
    world.pass(Duration::from_secs(120));
    let mut worker = keyed_worker(&mut world, 1, per_key);
    for name in ["a", "b"] {
        world.ask(create_keyed(name, "k"));
    }
    assert_eq!(worker.tasks(), ["a v1"]);
    world.say(&worker, [worker.fulfill("a", 1)]);
    for _ in 0..11 {
        world.pass(Duration::from_secs(5));
        world.beat(&worker);
    }
    assert_eq!(worker.tasks(), [""; 0]);
    world.pass(Duration::from_secs(5));
    assert_eq!(worker.tasks(), ["b v1"]);
    world.check();
}
