//! What a worker's stream carries.

use std::time::Duration;

use proptest::{collection, option, prelude::*};
use resonate_core::flow::{Allowed, Rate};
use resonate_core::{Capabilities, CapabilityKey, SessionId, Timeline, Turn};
use resonate_proto::stream::{
    Defaults, Dispatch, FromWorker, Function, Held, Hello, Parameter, ToWorker, TurnAnswer, Welcome,
};

use super::{
    duration, id, ids, payload,
    promise::{address, record},
    request::{refusal, settlements, turn, turn_reply},
    retry, seq, session, text, texts, time, version,
};

pub(crate) fn function() -> BoxedStrategy<Function> {
    let parameter = (text(), "[A-Za-z<>]{1,8}").prop_map(|(name, ty)| Parameter { name, ty });
    let parameters = collection::vec(parameter, 0..3);
    let digests = (any::<u64>(), any::<u64>());
    let timeout = option::of((1..u64::MAX).prop_map(Duration::from_millis));
    let per = (1..u64::MAX).prop_map(Duration::from_millis);
    let rate = (1..u32::MAX, per).prop_map(|(starts, per)| Rate { starts, per });
    let allowed = (option::of(1..u32::MAX), option::of(rate));
    let allowed = allowed.prop_map(|(concurrency, rate)| Allowed { concurrency, rate });
    let defaults = (option::of(retry()), timeout, any::<i8>(), allowed);
    let defaults = defaults.prop_map(|(retry, timeout, priority, allowed)| Defaults {
        retry,
        timeout,
        priority,
        allowed,
    });
    (
        address(),
        parameters,
        text(),
        digests,
        any::<bool>(),
        (text(), defaults),
    )
        .prop_map(
            |(address, parameters, result, digests, served, (location, defaults))| {
                let (signature, body_fingerprint) = digests;
                Function {
                    address,
                    parameters,
                    result,
                    signature,
                    body_fingerprint,
                    served,
                    location,
                    defaults,
                }
            },
        )
        .boxed()
}

fn held() -> BoxedStrategy<Held> {
    (id(), version(), seq())
        .prop_map(|(task, version, shown)| Held {
            task,
            version,
            shown,
        })
        .boxed()
}

fn all_held() -> BoxedStrategy<Vec<Held>> {
    collection::vec(held(), 0..3).boxed()
}

pub(crate) fn hello() -> BoxedStrategy<Hello> {
    let who = (any::<u32>(), session(), text(), text());
    let what = (collection::vec(function(), 0..3), texts(), all_held());
    (who, what, any::<u32>(), any::<u64>(), any::<u64>())
        .prop_map(
            |(
                (protocol, session, name, version),
                (functions, services, held),
                capacity,
                granted,
                timeline,
            )| {
                Hello {
                    protocol,
                    session,
                    name,
                    version,
                    functions,
                    services,
                    held,
                    capacity,
                    granted,
                    timeline: (timeline > 0).then_some(Timeline(timeline)),
                }
            },
        )
        .boxed()
}

/// Everything but the hello; turns are of this session.
pub(crate) fn from_worker(session: SessionId) -> BoxedStrategy<FromWorker> {
    prop_oneof![
        3 => turn().prop_map(move |turn| FromWorker::Turn(Turn { session, ..turn })),
        1 => any::<u64>().prop_map(|granted| FromWorker::Credits { granted }),
        1 => (any::<u64>(), all_held()).prop_map(|(n, stalled)| FromWorker::Heartbeat { n, stalled }),
        1 => (id(), version()).prop_map(|(task, version)| FromWorker::Acknowledge { task, version }),
        1 => held().prop_map(FromWorker::Reclaim),
        1 => (id(), version()).prop_map(|(task, version)| FromWorker::NeedHistory { task, version }),
        1 => Just(FromWorker::Drain),
        1 => (id(), version()).prop_map(|(task, version)| FromWorker::GiveBack { task, version }),
    ].boxed()
}

fn welcome() -> BoxedStrategy<Welcome> {
    let limits = (duration(), duration(), any::<usize>());
    let when = (time(), any::<u64>().prop_map(Timeline));
    let capabilities = (any::<[u8; 32]>(), "https://[a-z]{1,9}").prop_map(|(key, public_url)| {
        let (key, public_url) = (CapabilityKey::new(key), public_url.into());
        Capabilities { key, public_url }
    });
    let capabilities = option::of(capabilities);
    let rest = (ids(), when, capabilities);
    (any::<u32>(), text(), limits, rest)
        .prop_map(
            |(protocol, server, (lease, heartbeat, payload_bytes_max), rest)| {
                let (let_go, (now, timeline), capabilities) = rest;
                Welcome {
                    protocol,
                    server,
                    lease,
                    heartbeat,
                    payload_bytes_max,
                    let_go,
                    now,
                    timeline,
                    capabilities,
                }
            },
        )
        .boxed()
}

fn dispatch() -> BoxedStrategy<Dispatch> {
    (
        record(),
        any::<bool>(),
        collection::vec(record(), 0..3),
        any::<bool>(),
        option::of(payload()),
    )
        .prop_map(|(record, warm, children, more, state)| Dispatch {
            record,
            warm,
            children,
            more,
            state,
        })
        .boxed()
}

fn turn_answer() -> BoxedStrategy<TurnAnswer> {
    let answer = prop_oneof![turn_reply().prop_map(Ok), refusal().prop_map(Err)];
    (id(), version(), any::<u32>(), answer)
        .prop_map(|(task, version, n, answer)| TurnAnswer {
            task,
            version,
            n,
            answer,
        })
        .boxed()
}

pub(crate) fn to_worker() -> BoxedStrategy<ToWorker> {
    prop_oneof![
        1 => welcome().prop_map(ToWorker::Welcome),
        2 => dispatch().prop_map(ToWorker::Dispatch),
        2 => turn_answer().prop_map(ToWorker::TurnAnswer),
        1 => (id(), version(), settlements())
            .prop_map(|(task, version, settled)| ToWorker::Settlements { task, version, settled }),
        1 => (id(), version(), text())
            .prop_map(|(task, version, why)| ToWorker::Drop { task, version, why }),
        1 => any::<u64>().prop_map(|n| ToWorker::HeartbeatAnswer { n }),
        1 => (text(), text()).prop_map(|(kind, message)| ToWorker::Refused { kind, message }),
    ]
    .boxed()
}
