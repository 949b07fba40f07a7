//! Records, promises, tasks.

use std::sync::Arc;

use proptest::{collection, option, prelude::*, sample::select};
use resonate_core::{
    Address, Call, Compensation, HaltCause, Halted, Kind, Link, Missed, Mode, NewPromise, Origin,
    Overlap, Plan, Promise, PromiseState, Record, Schedule, SettleKey, Settled, Task, TaskState,
    Waiting, Warm, WhyMissed,
};

use super::{failure, id, ids, map, outcome, payload, retry, seq, session, text, time, version};

pub(crate) fn address() -> BoxedStrategy<Address> {
    ("[a-z/@ ]{1,8}", "[a-z_]{1,8}", any::<u32>())
        .prop_map(|(service, function, version)| Address::new(service, function, version))
        .boxed()
}

pub(crate) fn call() -> BoxedStrategy<Arc<Call>> {
    let what = (address(), any::<u64>(), payload());
    (what, option::of(retry()), option::of(any::<i8>()), time())
        .prop_map(|((address, signature, param), retry, priority, start_at)| {
            Arc::new(Call {
                address,
                signature,
                param,
                retry,
                priority,
                start_at,
            })
        })
        .boxed()
}

pub(crate) fn new_promise() -> BoxedStrategy<NewPromise> {
    (id(), option::of(call()), time(), map(), map())
        .prop_map(|(id, call, timeout_at, labels, tags)| NewPromise {
            id,
            call,
            timeout_at,
            labels,
            tags,
        })
        .boxed()
}

pub(crate) fn link() -> BoxedStrategy<Link> {
    prop_oneof![
        (new_promise(), any::<bool>()).prop_map(|(promise, detached)| Link::Call {
            promise: Box::new(promise),
            detached
        }),
        id().prop_map(|id| Link::Await { id }),
        (id(), outcome()).prop_map(|(id, outcome)| Link::Tell { id, outcome }),
    ]
    .boxed()
}

pub(crate) fn plan() -> BoxedStrategy<Plan> {
    let overlap = select(vec![
        Overlap::Skip,
        Overlap::Queue,
        Overlap::Allow,
        Overlap::CancelRunning,
    ]);
    let millis = || (1..u64::MAX).prop_map(std::time::Duration::from_millis);
    (
        text(),
        text(),
        overlap,
        millis(),
        call(),
        option::of(millis()),
    )
        .prop_map(|(cron, timezone, overlap, catch_up, call, timeout)| Plan {
            cron,
            timezone,
            overlap,
            catch_up,
            call,
            timeout,
        })
        .boxed()
}

fn schedule() -> BoxedStrategy<Schedule> {
    let mode = prop_oneof![
        Just(Mode::Active),
        text().prop_map(|reason| Mode::Paused { reason }),
        Just(Mode::Deleted),
    ];
    let key = || option::of(any::<u128>().prop_map(SettleKey));
    let waiting = (time(), key()).prop_map(|(at, key)| Waiting { at, key });
    let why = select(vec![WhyMissed::Late, WhyMissed::Overlap, WhyMissed::Full]);
    let missed = (time(), time(), any::<u32>(), why).prop_map(|(from, to, count, why)| Missed {
        from,
        to,
        count,
        why,
    });
    let counts = (any::<u64>(), any::<u64>());
    let waiting = collection::vec(waiting, 0..3);
    (
        plan(),
        mode,
        time(),
        waiting,
        counts,
        collection::vec(missed, 0..3),
    )
        .prop_map(
            |(plan, mode, planned_at, waiting, (fired, missed), latest_missed)| Schedule {
                plan,
                mode,
                planned_at,
                waiting,
                fired,
                missed,
                latest_missed,
            },
        )
        .boxed()
}

fn kind() -> BoxedStrategy<Kind> {
    prop_oneof![
        call().prop_map(Kind::Call),
        Just(Kind::Step),
        Just(Kind::Timer),
        Just(Kind::External),
        link().prop_map(Kind::Proxy),
        schedule().prop_map(|schedule| Kind::Schedule(schedule.into())),
    ]
    .boxed()
}

fn origin() -> BoxedStrategy<Origin> {
    (
        id(),
        any::<u32>(),
        any::<u32>(),
        text(),
        time(),
        any::<u32>(),
    )
        .prop_map(
            |(parent, generation, position, location, called_at, depth)| Origin {
                parent,
                generation,
                position,
                location: location.into(),
                called_at,
                depth,
            },
        )
        .boxed()
}

pub(crate) fn key() -> BoxedStrategy<Option<SettleKey>> {
    option::of(any::<u128>().prop_map(SettleKey)).boxed()
}

fn state() -> BoxedStrategy<PromiseState> {
    let settled = (outcome(), time(), seq(), key(), option::of(id()));
    let settled = settled.prop_map(|(outcome, at, seq, key, because_of)| {
        let settled = Settled {
            outcome,
            at,
            seq,
            key,
            because_of,
        };
        PromiseState::Settled(Box::new(settled))
    });
    prop_oneof![Just(PromiseState::Pending), settled].boxed()
}

pub(super) fn compensation() -> BoxedStrategy<Option<Compensation>> {
    let one = (option::of(id()), any::<bool>());
    option::of(one.prop_map(|(of, is_due)| Compensation { of, is_due })).boxed()
}

fn promise() -> BoxedStrategy<Promise> {
    let what = (id(), kind(), state(), option::of(origin()), ids());
    let when = (time(), time(), any::<u32>(), any::<bool>(), compensation());
    (what, when, map(), map())
        .prop_map(
            |(
                (id, kind, state, origin, awaiters),
                (created_at, timeout_at, generation, shielded, compensation),
                labels,
                tags,
            )| {
                Promise {
                    id,
                    kind,
                    state,
                    created_at,
                    timeout_at,
                    origin,
                    generation,
                    shielded,
                    compensation,
                    labels,
                    tags,
                    awaiters,
                }
            },
        )
        .boxed()
}

pub(crate) fn halt_cause() -> BoxedStrategy<HaltCause> {
    select(vec![
        HaltCause::Operator,
        HaltCause::NonDeterministic,
        HaltCause::Poison,
        HaltCause::Impossible,
    ])
    .boxed()
}

fn task_state() -> BoxedStrategy<TaskState> {
    let halted = (halt_cause(), text(), time())
        .prop_map(|(cause, reason, at)| TaskState::Halted(Box::new(Halted { cause, reason, at })));
    prop_oneof![
        time().prop_map(|ready_at| TaskState::Pending { ready_at }),
        (session(), time()).prop_map(|(session, since)| TaskState::Leased { session, since }),
        option::of(session()).prop_map(|tied| TaskState::Suspended { tied }),
        halted,
        Just(TaskState::Done),
    ]
    .boxed()
}

fn task() -> BoxedStrategy<Task> {
    let warm = (session(), seq()).prop_map(|(session, shown)| Warm { session, shown });
    let counted = (version(), any::<u32>(), any::<[u32; 4]>());
    (
        task_state(),
        counted,
        option::of(failure()),
        option::of(warm),
        (key(), key()),
    )
        .prop_map(
            |(state, (version, turn, counts), last_failure, warm, (halted_by, continued_by))| {
                let [others, failures, losses, stalls] = counts;
                Task {
                    state,
                    version,
                    turn,
                    attempts: others.max(failures).max(losses),
                    failures,
                    losses,
                    stalls,
                    last_failure,
                    warm,
                    halted_by,
                    continued_by,
                }
            },
        )
        .boxed()
}

pub(crate) fn record() -> BoxedStrategy<Record> {
    (promise(), option::of(task()))
        .prop_map(|(promise, task)| Record { promise, task })
        .boxed()
}
