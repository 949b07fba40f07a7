//! Any value of the core, with the edges of each field among them. Written once, for all tests of this package.

pub(crate) mod client;
pub(crate) mod promise;
pub(crate) mod request;
pub(crate) mod stream;

use std::{collections::BTreeMap, time::Duration};

use proptest::{collection, option, prelude::*};
use resonate_core::{
    Encoding, Failure, FailureKind, Outcome, Payload, PromiseId, RetryPolicy, Seq, SessionId,
    TaskVersion, Timestamp,
};

pub(crate) fn id() -> BoxedStrategy<PromiseId> {
    prop_oneof![
        4 => "[a-z0-9äß/-]{1,12}(\\.[a-z]{1,6}(-[0-9])?){0,3}",
        1 => Just("x".repeat(512)),
    ]
    .prop_map(|text| PromiseId::new(text).expect("a good id"))
    .boxed()
}

pub(crate) fn ids() -> BoxedStrategy<Vec<PromiseId>> {
    collection::vec(id(), 0..3).boxed()
}

pub(crate) fn text() -> BoxedStrategy<String> {
    prop_oneof!["", "[a-zA-Zäöü0-9 ./:\n\"]{0,20}"].boxed()
}

pub(crate) fn texts() -> BoxedStrategy<Vec<String>> {
    collection::vec(text(), 0..3).boxed()
}

pub(crate) fn map() -> BoxedStrategy<BTreeMap<String, String>> {
    collection::btree_map(text(), text(), 0..3).boxed()
}

pub(crate) fn time() -> BoxedStrategy<Timestamp> {
    prop_oneof![
        Just(Timestamp::ZERO),
        Just(Timestamp::from_millis(1)),
        Just(Timestamp::NEVER),
        (0..i64::MAX).prop_map(Timestamp::from_millis),
    ]
    .boxed()
}

pub(crate) fn seq() -> BoxedStrategy<Seq> {
    any::<u64>().prop_map(Seq).boxed()
}

pub(crate) fn version() -> BoxedStrategy<TaskVersion> {
    any::<u64>().prop_map(TaskVersion).boxed()
}

pub(crate) fn session() -> BoxedStrategy<SessionId> {
    prop_oneof![Just(0), Just(u128::MAX), any::<u128>()]
        .prop_map(SessionId)
        .boxed()
}

/// Whole milliseconds, as the wire has them.
pub(crate) fn duration() -> BoxedStrategy<Duration> {
    prop_oneof![Just(0), Just(u64::MAX), any::<u64>()]
        .prop_map(Duration::from_millis)
        .boxed()
}

pub(crate) fn payload() -> BoxedStrategy<Payload> {
    let encoding = prop_oneof![
        Just(Encoding::JSON),
        Just(Encoding::BINCODE),
        text().prop_map(|label| Encoding(label.into()))
    ];
    let data = collection::vec(any::<u8>(), 0..40);
    (encoding, map(), data)
        .prop_map(|(encoding, headers, data)| Payload {
            encoding,
            headers,
            data: data.into(),
        })
        .boxed()
}

pub(crate) const FAILURE_KINDS: [FailureKind; 13] = [
    FailureKind::Failed,
    FailureKind::Timeout,
    FailureKind::Canceled,
    FailureKind::Panicked,
    FailureKind::Decode,
    FailureKind::NoSuchFunction,
    FailureKind::TooLarge,
    FailureKind::NotFound,
    FailureKind::AlreadyExists,
    FailureKind::OutcomeUnknown,
    FailureKind::Misused,
    FailureKind::Deadlock,
    FailureKind::Unavailable,
];

pub(crate) fn failure() -> BoxedStrategy<Failure> {
    let kind = proptest::sample::select(&FAILURE_KINDS);
    (kind, text(), option::of(id()), texts())
        .prop_map(|(kind, message, promise, causes)| Failure {
            kind,
            message,
            promise,
            causes,
        })
        .boxed()
}

pub(crate) fn outcome() -> BoxedStrategy<Outcome> {
    prop_oneof![
        payload().prop_map(Outcome::Resolved),
        payload().prop_map(Outcome::Rejected),
        failure().prop_map(Outcome::Failed),
        text().prop_map(|reason| Outcome::Canceled { reason }),
        Just(Outcome::TimedOut),
    ]
    .boxed()
}

pub(crate) fn retry() -> BoxedStrategy<RetryPolicy> {
    let any = (
        duration(),
        duration(),
        option::of(1..u32::MAX),
        any::<u32>(),
    )
        .prop_map(|(initial, max, max_attempts, factor_percent)| RetryPolicy {
            initial,
            max,
            max_attempts,
            factor_percent,
        });
    prop_oneof![Just(RetryPolicy::DEFAULT), Just(RetryPolicy::NEVER), any].boxed()
}
