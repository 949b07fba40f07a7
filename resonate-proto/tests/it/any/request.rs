//! Turns, what comes of them, and what crosses trees.

use proptest::{collection, option, prelude::*, sample::select};
use resonate_core::{
    ChildKind, Create, End, Message, NewChild, Op, Refusal, Settlement, Turn, TurnReply, TurnStatus,
};

use super::{
    failure, id, map, outcome, payload,
    promise::{call, compensation, halt_cause, link, new_promise},
    seq, session, text, time, version,
};

pub(crate) fn create() -> BoxedStrategy<Create> {
    (new_promise(), any::<bool>())
        .prop_map(|(promise, any)| Create { promise, any })
        .boxed()
}

fn child_kind() -> BoxedStrategy<ChildKind> {
    prop_oneof![
        call().prop_map(ChildKind::Call),
        Just(ChildKind::Step),
        Just(ChildKind::Timer),
        Just(ChildKind::External),
        link().prop_map(ChildKind::Proxy),
    ]
    .boxed()
}

fn child() -> BoxedStrategy<NewChild> {
    let place = (id(), any::<u32>(), text(), time());
    (
        place,
        child_kind(),
        time(),
        (any::<bool>(), compensation()),
        map(),
    )
        .prop_map(
            |(
                (id, position, location, called_at),
                kind,
                timeout_at,
                (shielded, compensation),
                labels,
            )| NewChild {
                id,
                position,
                location: location.into(),
                called_at,
                kind,
                timeout_at,
                shielded,
                compensation,
                labels,
            },
        )
        .boxed()
}

fn op() -> BoxedStrategy<Op> {
    prop_oneof![
        child().prop_map(Op::Create),
        child().prop_map(Op::CreateClaimed),
        (child(), outcome()).prop_map(|(child, outcome)| Op::Record(child, outcome)),
        id().prop_map(|id| Op::Cancel { id }),
        (id(), time()).prop_map(|(id, timeout_at)| Op::MoveTimer { id, timeout_at }),
        (text(), text()).prop_map(|(name, value)| Op::Label { name, value }),
    ]
    .boxed()
}

fn end() -> BoxedStrategy<End> {
    prop_oneof![
        Just(End::GoOn),
        any::<bool>().prop_map(|tied| End::Suspend { tied }),
        outcome().prop_map(End::Fulfill),
        (failure(), any::<bool>(), option::of(payload())).prop_map(
            |(failure, retryable, answer)| End::Fail {
                failure,
                retryable,
                answer
            }
        ),
        payload().prop_map(End::ContinueAs),
        Just(End::Release),
        (halt_cause(), text()).prop_map(|(cause, reason)| End::Halt { cause, reason }),
    ]
    .boxed()
}

pub(crate) fn turn() -> BoxedStrategy<Turn> {
    let claim = (id(), version(), session(), any::<u32>(), seq());
    (claim, collection::vec(op(), 0..4), end())
        .prop_map(|((id, version, session, n, shown), ops, end)| Turn {
            id,
            version,
            session,
            n,
            shown,
            ops,
            end,
        })
        .boxed()
}

pub(crate) fn settlements() -> BoxedStrategy<Vec<Settlement>> {
    let settlement =
        (id(), seq(), time(), option::of(outcome())).prop_map(|(id, seq, at, outcome)| {
            Settlement {
                id,
                seq,
                at,
                outcome,
            }
        });
    collection::vec(settlement, 0..3).boxed()
}

pub(crate) fn turn_reply() -> BoxedStrategy<TurnReply> {
    let status = prop_oneof![
        Just(TurnStatus::Leased),
        Just(TurnStatus::Suspended),
        Just(TurnStatus::Over),
        text().prop_map(|reason| TurnStatus::Halted { reason }),
    ];
    (settlements(), status)
        .prop_map(|(settled, status)| TurnReply { settled, status })
        .boxed()
}

pub(crate) fn refusal() -> BoxedStrategy<Refusal> {
    let state = || select(vec!["pending", "leased", "suspended", "halted", "done"]);
    let what = || {
        select(vec![
            "the arguments",
            "the result",
            "the error",
            "the reason",
            "the labels",
            "the tags",
        ])
    };
    prop_oneof![
        id().prop_map(Refusal::NotFound),
        (id(), text(), text()).prop_map(|(id, existing, asked)| Refusal::AlreadyExists {
            id,
            existing,
            asked
        }),
        (id(), outcome()).prop_map(|(id, outcome)| Refusal::AlreadySettled { id, outcome }),
        (id(), version(), version(), state()).prop_map(|(id, version, current, state)| {
            Refusal::StaleVersion {
                id,
                version,
                current,
                state,
            }
        }),
        (id(), any::<u32>(), any::<u32>()).prop_map(|(id, n, last)| Refusal::TurnGap {
            id,
            n,
            last
        }),
        (id(), state()).prop_map(|(id, state)| Refusal::NotReady { id, state }),
        id().prop_map(Refusal::NotACall),
        (id(), state()).prop_map(|(id, state)| Refusal::NotHalted { id, state }),
        (id(), what(), any::<usize>(), any::<usize>()).prop_map(|(id, what, bytes, max)| {
            Refusal::TooLarge {
                id,
                what,
                bytes,
                max,
            }
        }),
        (id(), text()).prop_map(|(id, why)| Refusal::NotAllowed { id, why }),
    ]
    .boxed()
}

pub(crate) fn message() -> BoxedStrategy<Message> {
    prop_oneof![
        (new_promise(), id(), any::<bool>()).prop_map(|(promise, back, detached)| {
            Message::Create {
                promise: Box::new(promise),
                back,
                detached,
            }
        }),
        (id(), id()).prop_map(|(id, back)| Message::Subscribe { id, back }),
        (id(), outcome(), id()).prop_map(|(id, outcome, back)| Message::Tell { id, outcome, back }),
        (id(), outcome()).prop_map(|(proxy, outcome)| Message::Answer { proxy, outcome }),
        (id(), id()).prop_map(|(id, back)| Message::Unsubscribe { id, back }),
        id().prop_map(|id| Message::Wave { id }),
        id().prop_map(|id| Message::Answers { id }),
        id().prop_map(|id| Message::Trim { id }),
        (id(), text()).prop_map(|(id, reason)| Message::Cancel { id, reason }),
    ]
    .boxed()
}
