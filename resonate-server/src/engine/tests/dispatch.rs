//! Who gets which task, and what travels with it.

use super::*;

#[test]
fn a_worker_gets_what_it_serves_and_not_more_than_it_granted() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 2);
    for name in ["a", "b", "c"] {
        world.ask(create(name));
    }
    let other = new_promise("d", Some(call("g")), Timestamp::NEVER);
    world.ask(Request::Create(Create {
        promise: other,
        any: false,
    }));
    assert_eq!(worker.tasks(), ["a v1", "b v1"]);
    world.say(&worker, [FromWorker::Credits { granted: 10 }]);
    assert_eq!(worker.tasks(), ["c v1"]);
    assert_eq!(world.state("d"), "pending pending v0");
    world.check();
}

#[test]
fn a_declaration_is_not_served_and_a_service_that_is_not_executed_neither() {
    let mut world = World::new();
    let declared = Hello {
        functions: vec![function("f", false)],
        ..hello(1, &[], 5)
    };
    let mut declaring = world.connect(declared);
    let mut elsewhere = world.connect(Hello {
        services: vec!["t".to_owned()],
        ..hello(2, &["f"], 5)
    });
    world.ask(create("a"));
    assert_eq!((declaring.tasks(), elsewhere.tasks()), (vec![], vec![]));
}

#[test]
fn limits_are_forgotten_of_what_nobody_serves_once_they_are_too_many() {
    let limited = |name: &str| {
        let mut function = function(name, true);
        function.defaults.allowed.concurrency = Some(1);
        function
    };
    let mut world = World::new();
    let mut one = world.connect(Hello {
        functions: vec![limited("f")],
        ..hello(1, &[], 10)
    });
    let many = (0..=crate::limits::ANNOUNCED).map(|n| limited(&format!("f{n}")));
    let other = world.connect(Hello {
        functions: many.collect(),
        ..hello(2, &[], 10)
    });
    world.inputs.push_back(Input::Closed {
        stream: other.stream,
    });
    world.pass(LEASE / 2);
    world.beat(&one);
    world.pass(LEASE * 3 / 4);
    assert_eq!(world.engine.flow.limited(), crate::limits::ANNOUNCED + 2);
    world.worker(3, &["g"], 10);
    assert_eq!(world.engine.flow.limited(), 1);
    world.ask(create("a"));
    world.ask(create("b"));
    assert_eq!(one.tasks(), ["a v1"]);
}

#[test]
fn workers_take_turns() {
    let mut world = World::new();
    let (mut one, mut two) = (world.worker(1, &["f"], 10), world.worker(2, &["f"], 10));
    for name in ["a", "b", "c", "d"] {
        world.ask(create(name));
    }
    assert_eq!((one.tasks().len(), two.tasks().len()), (2, 2));
}

#[test]
fn the_worker_that_keeps_the_body_is_preferred_and_gets_only_what_is_new() {
    let mut world = World::new();
    let (one, mut two) = (world.worker(1, &["f"], 10), world.worker(2, &["g"], 10));
    world.ask(create("a"));
    let ops = vec![Op::Create(child(
        "a.wait",
        0,
        ChildKind::External,
        Timestamp::NEVER,
    ))];
    world.say(
        &one,
        [one.turn(
            "a",
            1,
            1,
            ops,
            End::Suspend {
                tied: false,
                wake_at: None,
            },
        )],
    );
    let mut three = world.worker(3, &["f"], 10);
    let mut one = one;
    one.heard();
    world.ask(Request::Settle {
        id: id("a.wait"),
        outcome: self::one(),
        key: None,
    });
    let dispatches = one.dispatches();
    assert_eq!(
        dispatches
            .iter()
            .map(|dispatch| (named(&dispatch.record), dispatch.warm))
            .collect::<Vec<_>>(),
        [("a v2".to_owned(), true)]
    );
    assert_eq!(dispatches[0].children.len(), 1);
    assert_eq!((two.tasks(), three.tasks()), (vec![], vec![]));
    world.say(
        &one,
        [FromWorker::NeedHistory {
            task: id("a"),
            version: TaskVersion(2),
        }],
    );
    let whole = one.dispatches();
    assert_eq!(
        whole
            .iter()
            .map(|dispatch| (named(&dispatch.record), dispatch.warm))
            .collect::<Vec<_>>(),
        [("a v2".to_owned(), false)]
    );
}

#[test]
fn a_warm_task_goes_to_another_worker_when_its_own_has_no_place() {
    let mut world = World::new();
    let mut one = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let ops = vec![Op::Create(child(
        "a.wait",
        0,
        ChildKind::External,
        Timestamp::NEVER,
    ))];
    world.say(
        &one,
        [one.turn(
            "a",
            1,
            1,
            ops,
            End::Suspend {
                tied: false,
                wake_at: None,
            },
        )],
    );
    let mut two = world.worker(2, &["f"], 1);
    world.ask(Request::Settle {
        id: id("a.wait"),
        outcome: self::one(),
        key: None,
    });
    assert_eq!(one.tasks(), ["a v1"]);
    let dispatches = two.dispatches();
    assert_eq!(
        (named(&dispatches[0].record), dispatches[0].warm),
        ("a v2".to_owned(), false)
    );
}

#[test]
fn a_tied_task_is_claimed_again_by_its_worker() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let ops = vec![Op::Create(child(
        "a.wait",
        0,
        ChildKind::External,
        Timestamp::NEVER,
    ))];
    world.say(
        &worker,
        [worker.turn(
            "a",
            1,
            1,
            ops,
            End::Suspend {
                tied: true,
                wake_at: None,
            },
        )],
    );
    worker.heard();
    world.say(&worker, [FromWorker::Reclaim(held("a", 1))]);
    assert_eq!(worker.tasks(), ["a v2"]);
    world.say(&worker, [FromWorker::Reclaim(held("a", 1))]);
    assert!(matches!(&*worker.heard(), [ToWorker::Drop { .. }]));
    world.check();
}

#[test]
fn suspects_are_tried_one_at_a_time() {
    let mut world = World::new();
    for name in ["a", "b", "c"] {
        world.ask(create(name));
    }
    for session in 1..=u128::from(limits::SUSPECT) {
        let worker = world.worker(session, &["f"], 3);
        world.run();
        world.inputs.push_back(Input::Closed {
            stream: worker.stream,
        });
        world.pass(LEASE + Duration::from_secs(61));
    }
    world.ask(create("d"));
    let mut worker = world.worker(100, &["f"], 10);
    let mut tasks = worker.tasks();
    tasks.sort();
    assert_eq!(
        tasks.len(),
        2,
        "one suspect and the one that is none: {tasks:?}"
    );
    assert!(tasks.contains(&"d v1".to_owned()), "{tasks:?}");
    let suspect = tasks
        .iter()
        .find(|task| !task.starts_with('d'))
        .unwrap()
        .clone();
    let (name, version) = suspect.split_once(" v").unwrap();
    world.say(&worker, [worker.fulfill(name, version.parse().unwrap())]);
    assert_eq!(
        worker.tasks().len(),
        1,
        "the next one follows when the first has ended"
    );
    world.check();
}

#[test]
fn a_draining_worker_gets_nothing_more() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 10);
    world.ask(create("a"));
    world.say(&worker, [FromWorker::Drain]);
    world.ask(create("b"));
    assert_eq!(worker.tasks(), ["a v1"]);
    world.say(
        &worker,
        [FromWorker::GiveBack {
            task: id("a"),
            version: TaskVersion(1),
        }],
    );
    assert_eq!(world.state("a"), "pending pending v1");
    assert_eq!(
        world.get("a").task.as_ref().map(|task| task.losses),
        Some(0)
    );
}

#[test]
fn a_settlement_below_a_running_task_is_pushed_to_its_worker() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let ops = (0..3).map(|n| {
        Op::Create(child(
            &format!("a.x-{n}"),
            n,
            ChildKind::External,
            Timestamp::NEVER,
        ))
    });
    world.say(&worker, [worker.turn("a", 1, 1, ops.collect(), End::GoOn)]);
    worker.heard();
    for n in [2, 0, 1] {
        world.ask_later(Request::Settle {
            id: id(&format!("a.x-{n}")),
            outcome: one(),
            key: None,
        });
    }
    world.run();
    let heard = worker.heard();
    let [ToWorker::Settlements { settled, .. }] = &*heard else {
        panic!("one item for all of a round: {heard:?}")
    };
    let order: Vec<_> = settled
        .iter()
        .map(|settlement| settlement.id.to_string())
        .collect();
    assert_eq!(order, ["a.x-2", "a.x-0", "a.x-1"]);
    assert!(settled.is_sorted_by_key(|settlement| settlement.seq));
}

#[test]
fn a_large_history_is_paged_by_bytes_and_comes_without_arguments() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let big = Outcome::Resolved(Payload::json("x".repeat(limits::PAYLOAD_BYTES)));
    for n in 0..12 {
        let name = format!("a.x-{n}");
        let step = child(&name, n, ChildKind::Call(call("f")), Timestamp::NEVER);
        world.say(
            &worker,
            [worker.turn(
                "a",
                1,
                n + 1,
                vec![Op::Record(step, big.clone())],
                End::GoOn,
            )],
        );
    }
    worker.heard();
    world.say(
        &worker,
        [FromWorker::NeedHistory {
            task: id("a"),
            version: TaskVersion(1),
        }],
    );
    let pages = worker.dispatches();
    assert!(pages.len() > 3, "{} pages", pages.len());
    let sizes = pages
        .iter()
        .map(|page| ToWorker::batches(&[ToWorker::Dispatch(page.clone())]).len());
    assert!(sizes.max() == Some(1), "each page fits a message");
    let (last, others) = pages.split_last().unwrap();
    assert!(!last.more && others.iter().all(|page| page.more));
    let children: Vec<_> = pages.iter().flat_map(|page| &page.children).collect();
    assert_eq!(children.len(), 12);
    assert!(children.iter().all(
        |child| matches!(&child.promise.kind, Kind::Call(call) if call.param.data.is_empty())
    ));
}

#[test]
fn a_worker_that_does_not_read_is_disconnected() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 1);
    for _ in 0..=limits::STREAM_QUEUE {
        world.beat(&worker);
    }
    world.beat(&worker);
    assert!(worker.is_closed());
}

#[test]
fn a_worker_with_another_signature_is_refused_and_the_parameter_is_named() {
    let mut world = World::new();
    let mut declaring = world.connect(Hello {
        functions: vec![function("f", false)],
        ..hello(1, &[], 5)
    });
    assert!(matches!(&*declaring.heard(), [ToWorker::Welcome(_)]));
    let mut changed = function("f", true);
    changed.parameters[0].ty = "i32".to_owned();
    let mut serving = world.connect(Hello {
        functions: vec![changed],
        ..hello(2, &[], 5)
    });
    let heard = serving.heard();
    let [ToWorker::Refused { kind, message }] = &*heard else {
        panic!("{heard:?}")
    };
    assert_eq!(kind, "signature");
    for part in [
        "s/f@1",
        "parameter 1 is `x: i32`",
        "parameter 1 is `x: u64`",
        "worker-1",
    ] {
        assert!(message.contains(part), "{message} lacks {part}");
    }
    assert!(serving.is_closed());
}

#[test]
fn a_worker_of_another_protocol_is_refused() {
    let mut world = World::new();
    let mut worker = world.connect(Hello {
        protocol: PROTOCOL + 1,
        ..hello(1, &["f"], 5)
    });
    assert!(matches!(&*worker.heard(), [ToWorker::Refused { kind, .. }] if kind == "protocol"));
    assert!(worker.is_closed());
}

#[test]
fn a_watch_gets_each_promise_once_it_has_settled() {
    let mut world = World::new();
    world.ask(create_until("a", Timestamp::NEVER));
    world.ask(create_until("b", Timestamp::NEVER));
    world.ask(Request::Settle {
        id: id("b"),
        outcome: one(),
        key: None,
    });
    let (out, mut watched) = tokio::sync::mpsc::channel(3);
    world.inputs.push_back(Input::Watch {
        ids: vec![id("a"), id("b"), id("c")],
        out,
    });
    world.run();
    assert_eq!(
        watched.try_recv().unwrap().answer.unwrap().promise.id,
        id("b")
    );
    assert_eq!(
        watched.try_recv().unwrap().answer,
        Err(AskError::Refused(Refusal::NotFound(id("c"))))
    );
    assert!(watched.try_recv().is_err());
    world.ask(Request::Cancel {
        id: id("a"),
        reason: String::new(),
        key: None,
    });
    assert_eq!(
        watched.try_recv().unwrap().answer.unwrap().promise.id,
        id("a")
    );
}

#[test]
fn what_is_served_and_what_is_waited_for_can_be_seen() {
    let mut world = World::new();
    let _worker = world.worker(1, &["g"], 5);
    world.ask(create("a"));
    let (answer, mut seen) = oneshot::channel();
    world.inputs.push_back(Input::Look { answer });
    world.run();
    let view = seen.try_recv().unwrap().unwrap();
    let functions: Vec<_> = view
        .functions
        .iter()
        .map(|f| (f.function.address.to_string(), f.workers, f.ready))
        .collect();
    assert_eq!(
        functions,
        [("s/f@1".to_owned(), 0, 1), ("s/g@1".to_owned(), 1, 0)]
    );
    assert_eq!(view.workers[0].name, "worker-1");
}

#[test]
fn a_release_is_a_value_that_can_be_looked_at() {
    let mut world = World::new();
    let _answered = world.ask_later(create("a"));
    let releases = world.engine.round(world.now, &mut world.inputs).unwrap();
    assert!(matches!(
        &*releases,
        [Release::Answer {
            told: Told {
                answer: Ok(Reply::Promise { new: true, .. }),
                ..
            },
            ..
        }]
    ));
}
