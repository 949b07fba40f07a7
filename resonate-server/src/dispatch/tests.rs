//! The pure parts: values in, pairs out.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use resonate_core::{
    Call, Claimed, Failure, FailureKind, Kind, Outcome, Payload, Promise, PromiseId, PromiseState,
    Record, RetryPolicy, Seq, SessionId, Task, TaskVersion, Timestamp, Warm, limits,
};
use resonate_proto::stream::{Defaults, Dispatch, Function, Hello, PROTOCOL, Parameter, ToWorker};

use super::{
    fleet::Fleet,
    pairing,
    ready::Ready,
    registry,
    stream::{Outgoing, Push, StreamId, outbound},
};

fn function(name: &str, ty: &str, result: &str, served: bool) -> Function {
    Function {
        address: format!("s/{name}").parse().unwrap(),
        parameters: vec![Parameter {
            name: "x".to_owned(),
            ty: ty.to_owned(),
        }],
        result: result.to_owned(),
        signature: 0,
        body_fingerprint: 0,
        served,
        location: "src/lib.rs:7".to_owned(),
        defaults: Defaults::default(),
    }
}

fn hello(session: u128, functions: Vec<Function>, granted: u64) -> Hello {
    Hello {
        protocol: PROTOCOL,
        session: SessionId(session),
        name: format!("worker-{session}"),
        version: "0.1.0".to_owned(),
        functions,
        services: vec!["s".to_owned()],
        held: Vec::new(),
        capacity: 10,
        granted,
        timeline: None,
    }
}

fn fleet(workers: &[(u128, &[&str], u64)]) -> Fleet {
    let mut fleet = Fleet::default();
    for (session, names, granted) in workers {
        let functions = names
            .iter()
            .map(|name| function(name, "u64", "u64", true))
            .collect();
        let stream = StreamId(u64::try_from(*session).unwrap());
        fleet.join(
            &hello(*session, functions, *granted),
            "here".to_owned(),
            stream,
            Timestamp::ZERO,
        );
    }
    fleet
}

fn task(id: &str, function: &str, change: impl FnOnce(&mut Task)) -> Record {
    let call = Call {
        address: format!("s/{function}").parse().unwrap(),
        signature: 0,
        param: Payload::json("[]"),
        retry: Some(RetryPolicy::DEFAULT),
        priority: None,
        start_at: Timestamp::ZERO,
        access: None,
    };
    let promise = Promise {
        id: PromiseId::new(id).unwrap(),
        kind: Kind::Call(Arc::new(call)),
        state: PromiseState::Pending,
        created_at: Timestamp::ZERO,
        timeout_at: Timestamp::NEVER,
        origin: None,
        generation: 1,
        shielded: false,
        compensation: None,
        labels: BTreeMap::new(),
        tags: BTreeMap::new(),
        awaiters: Vec::new(),
    };
    let mut task = Task::pending(TaskVersion(0), Timestamp::ZERO);
    change(&mut task);
    Record {
        promise,
        task: Some(task),
    }
}

fn ready(tasks: &[Record]) -> Ready {
    let mut ready = Ready::default();
    tasks
        .iter()
        .for_each(|record| ready.update(record, Timestamp::ZERO));
    ready
}

/// All pairs there are, as `task>worker`.
fn pairs(ready: &mut Ready, fleet: &mut Fleet) -> Vec<String> {
    std::iter::from_fn(|| pairing::next(ready, fleet, |_| true))
        .map(|pair| format!("{}>{}", pair.task, pair.session.0))
        .collect()
}

fn plain(id: &str) -> Record {
    task(id, "f", |_| {})
}

#[test]
fn pairs_end_where_credits_or_tasks_do() {
    let tasks = ["a", "b", "c", "d"].map(plain);
    let mut line = ready(&tasks);
    let mut fleet = fleet(&[(1, &["f"], 2), (2, &["f"], 1), (3, &["g"], 5)]);
    assert_eq!(pairs(&mut line, &mut fleet), ["a>1", "b>2", "c>1"]);
    fleet.grant(SessionId(2), 2);
    assert_eq!(pairs(&mut line, &mut fleet), ["d>2"]);
    assert!(line.is_empty());
}

#[test]
fn the_same_questions_get_the_same_answers() {
    let tasks: Vec<_> = (0..50)
        .map(|n| plain(&format!("t{}", n * 7 % 50)))
        .collect();
    let once = || {
        pairs(
            &mut ready(&tasks),
            &mut fleet(&[(9, &["f"], 20), (4, &["f"], 20), (7, &["f"], 20)]),
        )
    };
    assert_eq!(once().len(), 50);
    assert_eq!(once(), once());
}

#[test]
fn a_body_in_memory_is_preferred_unless_its_worker_is_full_or_gone() {
    let warm = |id: &str| {
        task(id, "f", |task| {
            task.warm = Some(Warm {
                session: SessionId(2),
                shown: Seq::ZERO,
            })
        })
    };
    let tasks = ["a", "b", "c"].map(warm);
    let mut fleet = fleet(&[(1, &["f"], 9), (2, &["f"], 2)]);
    assert_eq!(pairs(&mut ready(&tasks), &mut fleet), ["a>2", "b>2", "c>1"]);
    fleet.remove(SessionId(2));
    assert_eq!(pairs(&mut ready(&tasks), &mut fleet), ["a>1", "b>1", "c>1"]);
}

#[test]
fn a_worker_runs_one_suspect_at_a_time_and_others_beside_it() {
    let suspect = |id: &str| task(id, "f", |task| task.losses = limits::SUSPECT);
    let mut line = ready(&[suspect("a"), suspect("b"), plain("c")]);
    let mut fleet = fleet(&[(1, &["f"], 9)]);
    assert_eq!(pairs(&mut line, &mut fleet), ["c>1", "a>1"]);
    fleet.let_go(SessionId(1), &PromiseId::new("a").unwrap());
    assert_eq!(pairs(&mut line, &mut fleet), ["b>1"]);
}

#[test]
fn suspects_go_to_workers_that_run_none_one_after_the_other() {
    let suspect = |n| task(&format!("a{n}"), "f", |task| task.losses = limits::SUSPECT);
    let mut tasks: Vec<_> = (0..5).map(suspect).collect();
    tasks.push(plain("z"));
    let mut line = ready(&tasks);
    let mut fleet = fleet(&[(1, &["f"], 9), (2, &["f"], 9), (3, &["g"], 9)]);
    assert_eq!(pairs(&mut line, &mut fleet), ["z>1", "a0>2", "a1>1"]);
    fleet.let_go(SessionId(2), &PromiseId::new("a0").unwrap());
    assert_eq!(pairs(&mut line, &mut fleet), ["a2>2"]);
    fleet.remove(SessionId(1));
    fleet.let_go(SessionId(2), &PromiseId::new("a2").unwrap());
    assert_eq!(pairs(&mut line, &mut fleet), ["a3>2"]);
}

#[test]
fn a_worker_that_drains_or_has_no_stream_gets_nothing() {
    let mut workers = fleet(&[(1, &["f"], 9), (2, &["f"], 9)]);
    workers.drain(SessionId(1));
    assert!(
        !workers.disconnect(SessionId(2), StreamId(7)),
        "an earlier stream"
    );
    assert!(workers.disconnect(SessionId(2), StreamId(2)));
    assert_eq!(pairs(&mut ready(&[plain("a")]), &mut workers), [""; 0]);
    assert_eq!(workers.wanted().count(), 0);
}

#[test]
fn a_refund_gives_the_place_back() {
    let mut fleet = fleet(&[(1, &["f"], 1)]);
    fleet.charge(SessionId(1));
    assert_eq!(fleet.wanted().count(), 0);
    fleet.refund(SessionId(1));
    assert_eq!(fleet.wanted().count(), 1);
}

#[test]
fn what_is_not_due_or_not_pending_is_not_in_line() {
    let mut line = ready(&[task("a", "f", |task| {
        *task = Task::pending(TaskVersion(0), Timestamp::from_millis(5))
    })]);
    assert!(line.is_empty());
    line.update(&plain("b"), Timestamp::ZERO);
    let leased = task("b", "f", |task| {
        task.state = resonate_core::TaskState::Leased {
            session: SessionId(1),
            since: Timestamp::ZERO,
        };
    });
    line.update(&leased, Timestamp::ZERO);
    assert!(line.is_empty());
}

#[test]
fn functions_must_agree_in_types_and_may_differ_in_names() {
    let fleet = fleet(&[(1, &["f"], 1)]);
    let differs = |function: Function| {
        registry::compare(&fleet, SessionId(2), &[function])
            .err()
            .map(|e| e.to_string())
    };
    assert_eq!(differs(function("f", "u64", "u64", false)), None);
    assert_eq!(differs(function("g", "i8", "i8", true)), None);
    let mut renamed = function("f", "u64", "u64", true);
    renamed.parameters[0].name = "y".to_owned();
    assert_eq!(differs(renamed), None);
    let mut longer = function("f", "u64", "u64", true);
    longer.parameters.push(Parameter {
        name: "z".to_owned(),
        ty: "bool".to_owned(),
    });
    let said = differs(longer).unwrap();
    assert!(
        said.contains("parameter 2 is `z: bool`") && said.contains("there is no parameter 2"),
        "{said}"
    );
    let said = differs(function("f", "u64", "String", true)).unwrap();
    assert!(
        said.contains("the result is `String`") && said.contains("worker-1"),
        "{said}"
    );
    assert_eq!(
        registry::compare(&fleet, SessionId(1), &[function("f", "i8", "i8", true)]),
        Ok(()),
        "its own earlier stream"
    );
}

#[test]
fn a_function_is_shown_as_it_is_served_with_the_number_of_its_workers() {
    let mut fleet = fleet(&[(1, &["f"], 1), (2, &["f"], 1)]);
    let declared = hello(3, vec![function("f", "u64", "u64", false)], 1);
    fleet.join(&declared, String::new(), StreamId(3), Timestamp::ZERO);
    let all = registry::functions(&fleet);
    let (function, workers) = all.values().next().unwrap();
    assert_eq!((all.len(), function.served, *workers), (1, true, 2));
}

/// What is sent in the next message of the wire, if anything.
fn next(outgoing: &mut Outgoing) -> Option<Vec<ToWorker>> {
    match pin!(outgoing.next()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(items) => items.filter(|items| !items.is_empty()),
        Poll::Pending => None,
    }
}

fn large() -> Failure {
    Failure::new(
        FailureKind::OutcomeUnknown,
        "x".repeat(limits::PAYLOAD_BYTES),
    )
}

/// A task with large arguments and a large failure, and children whose tasks have the same.
fn large_claim(children: usize) -> Push {
    let large_task = |id: &str| {
        let mut record = task(id, "f", |task| task.last_failure = Some(large()));
        record.promise.awaiters = vec![PromiseId::new("somebody").unwrap(); 10_000];
        if let Kind::Call(call) = &mut record.promise.kind {
            Arc::make_mut(call).param = Payload::json(vec![b' '; limits::PAYLOAD_BYTES]);
        }
        record
    };
    let child = |n| {
        let mut child = large_task(&format!("a.{n}"));
        child.promise.state = PromiseState::Settled(Box::new(resonate_core::Settled {
            key: None,
            because_of: None,
            outcome: Outcome::Failed(large()),
            at: Timestamp::ZERO,
            seq: Seq(n),
        }));
        Arc::new(child)
    };
    Push::Dispatch(Box::new(Claimed {
        record: Arc::new(large_task("a")),
        warm: false,
        children: (1..=children as u64).map(child).collect(),
        state: None,
    }))
}

#[test]
fn a_page_of_a_dispatch_fits_a_message_whatever_its_records_carry() {
    for children in 0..5 {
        let (out, mut outgoing) = outbound();
        out.send(vec![large_claim(children)]).unwrap();
        let (mut seen, mut last) = (0, None);
        while let Some(items) = next(&mut outgoing) {
            for message in ToWorker::batches(&items) {
                assert!(prost::Message::encoded_len(&message) <= limits::MESSAGE_BYTES);
            }
            for item in items {
                let ToWorker::Dispatch(Dispatch {
                    record,
                    children,
                    more,
                    ..
                }) = item
                else {
                    panic!("a dispatch was sent");
                };
                seen += children.len();
                last = Some((more, record.promise.call().unwrap().param.bytes()));
            }
        }
        assert_eq!(seen, children);
        assert_eq!(last, Some((false, limits::PAYLOAD_BYTES)));
        assert!(!out.is_behind());
    }
}

#[test]
fn a_heartbeat_is_answered_between_two_pages() {
    let (out, mut outgoing) = outbound();
    out.send(vec![large_claim(9)]).unwrap();
    next(&mut outgoing).unwrap();
    assert!(out.is_behind());
    out.send(vec![Push::item(ToWorker::HeartbeatAnswer { n: 3 })])
        .unwrap();
    let second = next(&mut outgoing).unwrap();
    assert_eq!(second.first(), Some(&ToWorker::HeartbeatAnswer { n: 3 }));
    assert!(matches!(
        second.last(),
        Some(ToWorker::Dispatch(Dispatch { more: true, .. }))
    ));
}
