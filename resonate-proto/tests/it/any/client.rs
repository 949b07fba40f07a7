//! What the client API carries.

use std::{sync::Arc, time::Duration};

use proptest::{collection, option, prelude::*, sample::select};
use resonate_core::{
    Part, Timestamp,
    keys::{KeyLook, KeysLook},
    queue::TenantWaiting,
};
use resonate_proto::client::{
    FunctionFilter, Info, LogPosition, Page, PromiseReply, Search, ServedFunction, StateFilter,
    TreeSearch, WorkerInfo,
};

use super::{duration, id, ids, promise::record, session, stream::function, text, texts, time};

pub(crate) fn promise_reply() -> BoxedStrategy<PromiseReply> {
    (record(), any::<bool>(), option::of(log_position()))
        .prop_map(|(record, new, at)| PromiseReply {
            record: Arc::new(record),
            new,
            at,
        })
        .boxed()
}

pub(crate) fn log_position() -> BoxedStrategy<LogPosition> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>());
    (any::<u16>(), numbers)
        .prop_map(|(part, (epoch, seq, n))| LogPosition {
            part: Part(part),
            epoch,
            seq,
            n,
        })
        .boxed()
}

pub(crate) fn search() -> BoxedStrategy<Search> {
    let filter = ("[a-z]{1,8}", option::of("[a-z]{1,8}"))
        .prop_map(|(service, function)| FunctionFilter { service, function });
    let state = option::of(select(&StateFilter::ALL));
    (
        state,
        option::of(filter),
        text(),
        any::<bool>(),
        limit(),
        text(),
    )
        .prop_map(
            |(state, function, prefix, roots_only, limit, cursor)| Search {
                state,
                function,
                prefix,
                roots_only,
                limit,
                cursor,
            },
        )
        .boxed()
}

pub(crate) fn tree_search() -> BoxedStrategy<TreeSearch> {
    (id(), limit(), text())
        .prop_map(|(id, limit, cursor)| TreeSearch { id, limit, cursor })
        .boxed()
}

pub(crate) fn page() -> BoxedStrategy<Page> {
    let records = collection::vec(record().prop_map(Arc::new), 0..3);
    (records, text())
        .prop_map(|(records, cursor)| Page { records, cursor })
        .boxed()
}

fn limit() -> BoxedStrategy<Option<u32>> {
    option::of(1..=u32::MAX).boxed()
}

pub(crate) fn worker() -> BoxedStrategy<WorkerInfo> {
    let who = (session(), text(), text(), text(), texts());
    (
        who,
        any::<u32>(),
        any::<u64>(),
        time(),
        time(),
        any::<bool>(),
    )
        .prop_map(
            |(
                (session, name, address, version, services),
                capacity,
                leased,
                connected_at,
                last_seen,
                draining,
            )| {
                WorkerInfo {
                    session,
                    name,
                    address,
                    services,
                    capacity,
                    leased,
                    connected_at,
                    last_seen,
                    draining,
                    version,
                }
            },
        )
        .boxed()
}

pub(crate) fn served() -> BoxedStrategy<ServedFunction> {
    let since = option::of((1..i64::MAX).prop_map(Timestamp::from_millis));
    (
        function(),
        any::<u32>(),
        any::<u64>(),
        since.clone(),
        any::<u32>(),
        since,
        (keys(), collection::vec(tenant(), 0..3)),
    )
        .prop_map(
            |(function, workers, ready, waiting_since, running, opens_at, (keys, tenants))| {
                ServedFunction {
                    function,
                    workers,
                    ready,
                    waiting_since,
                    running,
                    opens_at,
                    keys,
                    tenants,
                }
            },
        )
        .boxed()
}

fn keys() -> BoxedStrategy<KeysLook> {
    let at = || option::of((1..i64::MAX).prop_map(Timestamp::from_millis));
    let key = (text(), ids(), any::<u64>(), any::<u64>(), at());
    let key = key.prop_map(|(text, holders, held, waiting, opens_at)| KeyLook {
        text: text.into(),
        holders,
        held,
        waiting,
        opens_at,
    });
    (any::<u64>(), at(), collection::vec(key, 0..3))
        .prop_map(|(waiting, since, most)| KeysLook {
            waiting,
            since,
            most,
        })
        .boxed()
}

fn tenant() -> BoxedStrategy<TenantWaiting> {
    (text(), 0..usize::MAX, any::<u32>())
        .prop_map(|(tenant, tasks, weight)| TenantWaiting {
            tenant: tenant.into(),
            tasks,
            weight,
        })
        .boxed()
}

pub(crate) fn info() -> BoxedStrategy<Info> {
    let what = (
        text(),
        any::<u32>(),
        text(),
        any::<u32>(),
        any::<usize>(),
        duration(),
    );
    let micros = || any::<u64>().prop_map(Duration::from_micros);
    (what, any::<[u64; 3]>(), micros(), time(), micros())
        .prop_map(
            |(
                (version, protocol, store, partitions, payload_bytes_max, lease),
                counts,
                cpu,
                started_at,
                ready_after,
            )| {
                let [commits, requests, resident_bytes] = counts;
                Info {
                    version,
                    protocol,
                    store,
                    partitions,
                    payload_bytes_max,
                    lease,
                    commits,
                    requests,
                    cpu,
                    resident_bytes,
                    started_at,
                    ready_after,
                }
            },
        )
        .boxed()
}
