//! What a search takes.

use resonate_core::{Outcome, Payload, Record, SessionId, Task, TaskState, TaskVersion, Timestamp};
use resonate_proto::{
    client::{FunctionFilter, StateFilter},
    v1,
};

/// A call of `payments/charge@2`, leased.
fn leased() -> Record {
    let call = v1::Call {
        service: "payments".to_owned(),
        function: "charge".to_owned(),
        version: 2,
        param: Some((&Payload::json("1")).into()),
        ..v1::Call::default()
    };
    let promise = v1::Promise {
        id: "a".to_owned(),
        kind: Some(v1::promise::Kind::Call(call)),
        ..v1::Promise::default()
    };
    let state = TaskState::Leased {
        session: SessionId(1),
        since: Timestamp::ZERO,
    };
    let task = Task {
        state,
        ..Task::pending(TaskVersion(1), Timestamp::ZERO)
    };
    let wire = v1::Record {
        promise: Some(promise),
        task: Some((&task).into()),
    };
    wire.try_into().expect("a good record")
}

fn settled() -> Record {
    let wire = v1::Record::from(&leased());
    let settled = v1::Settled {
        outcome: Some((&Outcome::TimedOut).into()),
        at_ms: 1,
        seq: 1,
        key: Default::default(),
        because_of: Default::default(),
    };
    let promise = wire.promise.map(|promise| v1::Promise {
        settled: Some(settled),
        ..promise
    });
    v1::Record { promise, ..wire }
        .try_into()
        .expect("a good record")
}

fn states(record: &Record) -> Vec<&'static str> {
    StateFilter::ALL
        .into_iter()
        .filter(|state| state.takes(record))
        .map(StateFilter::name)
        .collect()
}

#[test]
fn a_leased_promise_is_pending_too_and_a_settled_one_is_neither() {
    assert_eq!(states(&leased()), ["pending", "leased"]);
    assert_eq!(states(&settled()), ["timedout"]);
}

#[test]
fn a_state_is_found_by_its_name() {
    assert!(
        StateFilter::ALL
            .into_iter()
            .all(|state| StateFilter::named(state.name()) == Some(state))
    );
    assert_eq!(StateFilter::named("open"), None);
}

#[test]
fn a_function_is_found_by_its_service_or_its_name_in_any_version() {
    let takes = |text: &str| {
        FunctionFilter::parse(text)
            .expect("a good filter")
            .takes(&leased())
    };
    assert!(takes("payments/") && takes("payments/charge"));
    assert!(!takes("payments/refund") && !takes("payment/") && !takes("shop/charge"));
    assert!(
        FunctionFilter::parse("payments").is_none() && FunctionFilter::parse("/charge").is_none()
    );

    let external = resonate_core::Promise {
        kind: resonate_core::Kind::External,
        ..leased().promise
    };
    let filter = FunctionFilter::parse("payments/").expect("a good filter");
    assert!(!filter.takes(&Record {
        promise: external,
        task: None
    }));
}
