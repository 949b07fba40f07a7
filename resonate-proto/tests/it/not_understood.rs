//! A message that says something we do not know is refused with its name and field, never read as something else.

use expect_test::{Expect, expect};
use resonate_core::{
    Create, Failure, Op, Outcome, Promise, Record, RetryPolicy, TaskState, Timestamp,
};
use resonate_proto::{
    BadMessage,
    client::{Cancel, Search, Settle},
    stream::{FromWorkerReader, ToWorker},
    v1,
};

fn check<W, C: TryFrom<W, Error = BadMessage>>(wire: W, says: Expect) {
    let error = C::try_from(wire).err().expect("it is refused");
    says.assert_eq(&error.to_string());
}

fn call() -> v1::Call {
    v1::Call {
        service: "payments".to_owned(),
        function: "charge".to_owned(),
        version: 1,
        param: Some(v1::Payload::default()),
        ..v1::Call::default()
    }
}

fn promise() -> v1::Promise {
    v1::Promise {
        id: "a".to_owned(),
        kind: Some(v1::promise::Kind::Step(v1::Step {})),
        ..v1::Promise::default()
    }
}

fn create(id: &str, call: v1::Call) -> v1::CreateRequest {
    let promise = v1::NewPromise {
        id: id.to_owned(),
        call: Some(call),
        ..v1::NewPromise::default()
    };
    v1::CreateRequest {
        promise: Some(promise),
        any: false,
    }
}

#[test]
fn a_part_that_is_missing_is_named() {
    check::<_, Record>(
        v1::Record::default(),
        expect!["Record.promise: missing, or of a kind that this version does not know"],
    );
    check::<_, Promise>(
        v1::Promise {
            kind: None,
            ..promise()
        },
        expect!["Promise.kind: missing, or of a kind that this version does not know"],
    );
    check::<_, Promise>(
        v1::Promise {
            settled: Some(v1::Settled::default()),
            ..promise()
        },
        expect!["Settled.outcome: missing, or of a kind that this version does not know"],
    );
    check::<_, Outcome>(
        v1::Outcome::default(),
        expect!["Outcome.outcome: missing, or of a kind that this version does not know"],
    );
    check::<_, Create>(
        create(
            "a",
            v1::Call {
                param: None,
                ..call()
            },
        ),
        expect!["Call.param: missing, or of a kind that this version does not know"],
    );
    check::<_, Op>(
        v1::Op::default(),
        expect!["Op.op: missing, or of a kind that this version does not know"],
    );
    check::<_, Settle>(
        v1::SettleRequest {
            id: "a".to_owned(),
            outcome: None,
            key: Default::default(),
        },
        expect!["SettleRequest.outcome: missing, or of a kind that this version does not know"],
    );
    check::<_, Cancel>(
        v1::CancelRequest {
            id: "a".to_owned(),
            reason: String::new(),
            key: b"short".as_slice().into(),
        },
        expect!["CancelRequest.key: 5 bytes are no key; a key has 16"],
    );
}

#[test]
fn a_name_that_is_not_known_is_named() {
    check::<_, Failure>(
        v1::Failure {
            kind: "bored".to_owned(),
            ..v1::Failure::default()
        },
        expect![[r#"Failure.kind: "bored" is not known to this version"#]],
    );
    let halted = v1::TaskHalted {
        cause: "moon".to_owned(),
        ..v1::TaskHalted::default()
    };
    check::<_, TaskState>(
        v1::task::State::Halted(halted),
        expect![[r#"TaskHalted.cause: "moon" is not known to this version"#]],
    );
    check::<_, Search>(
        v1::SearchRequest {
            state: "open".to_owned(),
            ..v1::SearchRequest::default()
        },
        expect![[r#"SearchRequest.state: "open" is not known to this version"#]],
    );
    check::<_, Search>(
        v1::SearchRequest {
            function: "charge".to_owned(),
            ..v1::SearchRequest::default()
        },
        expect![[r#"SearchRequest.function: "charge" is not known to this version"#]],
    );
}

#[test]
fn a_name_that_is_none_is_named() {
    check::<_, Create>(
        create("", call()),
        expect!["NewPromise.id: a promise id is empty; give it 1 to 512 bytes"],
    );
    check::<_, Create>(
        create("a\n", call()),
        expect![[
            r#"NewPromise.id: the promise id "a\n" has a control character at byte 1; remove it"#
        ]],
    );
    check::<_, Create>(
        create(
            "a",
            v1::Call {
                service: String::new(),
                ..call()
            },
        ),
        expect![[
            r#"Call.service: "" is no part of a function's address; give 1 to 512 bytes without control characters"#
        ]],
    );
    check::<_, Create>(
        create(
            "a",
            v1::Call {
                function: "\u{7}".to_owned(),
                ..call()
            },
        ),
        expect![[
            r#"Call.function: "\u{7}" is no part of a function's address; give 1 to 512 bytes without control characters"#
        ]],
    );
    for session in [
        "",
        "7",
        "+0000000000000000000000000000007",
        "0000000000000000000000000000000g",
    ] {
        let leased = v1::TaskLeased {
            session: session.to_owned(),
            since_ms: 0,
        };
        assert!(
            TaskState::try_from(v1::task::State::Leased(leased)).is_err(),
            "{session:?}"
        );
    }
}

#[test]
fn a_child_is_checked_where_it_comes_in_and_where_it_asks_elsewhere() {
    let bad = || v1::Call {
        service: String::new(),
        ..call()
    };
    let elsewhere = v1::LinkCall {
        promise: create("b", bad()).promise,
        detached: false,
    };
    let link = v1::Link {
        link: Some(v1::link::Link::Call(elsewhere)),
    };
    for kind in [
        v1::new_child::Kind::Call(bad()),
        v1::new_child::Kind::Proxy(link),
    ] {
        let child = v1::NewChild {
            id: "a.b".to_owned(),
            kind: Some(kind),
            ..v1::NewChild::default()
        };
        let op = v1::op::Op::Create(child);
        let error = Op::try_from(v1::Op { op: Some(op) }).unwrap_err();
        assert_eq!((error.message, error.field), ("Call", "service"));
    }
}

#[test]
fn a_number_that_cannot_be_is_named() {
    check::<_, Create>(
        create(
            "a",
            v1::Call {
                priority: 128,
                ..call()
            },
        ),
        expect!["Call.priority: 128 is out of range"],
    );
    check::<_, Promise>(
        v1::Promise {
            created_at_ms: -1,
            ..promise()
        },
        expect!["Promise.created_at_ms: -1 is out of range"],
    );
    check::<_, Promise>(
        v1::Promise {
            timeout_at_ms: -2,
            ..promise()
        },
        expect!["Promise.timeout_at_ms: -2 is out of range"],
    );
}

#[test]
fn an_empty_item_of_a_stream_is_refused() {
    let items = vec![v1::WorkerItem { item: None }];
    let error = FromWorkerReader::default()
        .read(v1::FromWorker { items })
        .unwrap_err();
    expect!["WorkerItem.item: missing, or of a kind that this version does not know"]
        .assert_eq(&error.to_string());
    let items = vec![v1::ServerItem { item: None }];
    check::<_, Vec<ToWorker>>(
        v1::ToWorker { items },
        expect!["ServerItem.item: missing, or of a kind that this version does not know"],
    );
    let answer = v1::TurnAnswer {
        task: "a".to_owned(),
        ..v1::TurnAnswer::default()
    };
    let items = vec![v1::ServerItem {
        item: Some(v1::server_item::Item::TurnAnswer(answer)),
    }];
    check::<_, Vec<ToWorker>>(
        v1::ToWorker { items },
        expect!["TurnAnswer.status: missing, or of a kind that this version does not know"],
    );
}

#[test]
fn what_is_absent_of_a_call_nobody_has_said_and_a_timeout_of_0_is_never() {
    let create = Create::try_from(create("a", call())).expect("a good request");
    assert_eq!(create.promise.timeout_at, Timestamp::NEVER);
    assert_eq!(create.promise.call.expect("a call").retry, None);
    let unsaid = v1::Call {
        priority_unsaid: true,
        ..call()
    };
    let create = Create::try_from(self::create("a", unsaid)).expect("a good request");
    assert_eq!(create.promise.call.expect("a call").priority, None);
}

#[test]
fn at_most_no_attempt_is_written_as_at_most_one() {
    let policy = RetryPolicy {
        max_attempts: Some(0),
        ..RetryPolicy::DEFAULT
    };
    assert_eq!(
        RetryPolicy::from(v1::Retry::from(&policy)),
        RetryPolicy::NEVER
    );
}
