//! Random requests, with duplicates, stale versions and time jumps, keep every invariant and repeat idempotently.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use resonate_core::{
    Memory, Message, Refusal, Reply, Request, ScheduleChange, Timestamp, TurnReply, TurnStatus,
    WhyMissed, testing::random::Draw,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_requests_keep_every_invariant(bytes in vec(any::<u8>(), 0..4_000)) {
        let mut state = Memory::default();
        let mut draw = Draw::new(&bytes);
        let mut n = 0_usize;
        while let Some((now, request)) = draw.request(&state) {
            once_and_again(&mut state, now, &request)?;
            n += 1;
            if n.is_multiple_of(3) {
                state.deliver();
            }
            if n.is_multiple_of(16) {
                state.expire(now);
            }
        }
        state.deliver_all();
        prop_assert_eq!(state.check(), Ok(()));
    }
}

/// Applies a request, checks everything, repeats it and demands that the copy changes nothing.
fn once_and_again(
    state: &mut Memory,
    now: Timestamp,
    request: &Request,
) -> Result<(), TestCaseError> {
    state.request(
        now,
        Request::Expire {
            id: request.target().clone(),
        },
    );
    let before = state.clone();
    let first = state.request(now, request.clone());
    prop_assert_eq!(state.check(), Ok(()), "after {:?}", request);
    if let Err(refusal) = &first.answer {
        prop_assert!(
            first.changed.is_empty() && first.messages.is_empty() && first.effects.is_empty()
        );
        prop_assert!(same_records(&before, state), "{refusal} changed the state");
        return Ok(());
    }
    if matches!(
        request,
        Request::Continue { key: None, .. }
            | Request::Release { .. }
            | Request::ChangeSchedule {
                change: ScheduleChange::Trigger { key: None },
                ..
            }
    ) {
        // Without a key it is another trigger.
        // Their copies are refused: the task is not halted, not leased, any more.
        return Ok(());
    }
    let after = state.clone();
    let second = state.request(now, request.clone());
    prop_assert!(
        same_records(&after, state),
        "{request:?} again changed {:?}",
        second.changed
    );
    match (&first.answer, &second.answer) {
        (Ok(first @ Reply::Promise { .. }), Ok(again @ Reply::Promise { .. }))
            if has_key(request) =>
        {
            prop_assert_eq!(first, again)
        }
        (Ok(Reply::Promise { record, .. }), Ok(Reply::Promise { record: again, .. })) => {
            prop_assert_eq!(record, again)
        }
        (Ok(Reply::Turn(first)), Ok(Reply::Turn(again))) => {
            prop_assert!(same_turn(first, again), "{first:?} then {again:?}")
        }
        (Ok(Reply::Held { settled }), Ok(Reply::Held { settled: again })) => {
            prop_assert_eq!(settled, again)
        }
        (Ok(Reply::Claimed(_)), Ok(Reply::Claimed(_)))
            if matches!(request, Request::Recall { .. }) => {}
        (Ok(Reply::Done), Ok(Reply::Done)) => {}
        // A second claim finds the task leased.
        (Ok(Reply::Claimed(_)), Err(Refusal::NotReady { .. } | Refusal::StaleVersion { .. })) => {}
        (first, second) => prop_assert!(false, "{request:?}: {first:?} then {second:?}"),
    }
    Ok(())
}

/// Its copy is answered the same to the letter: who made the difference is told so again.
fn has_key(request: &Request) -> bool {
    matches!(
        request,
        Request::Settle { key: Some(_), .. }
            | Request::Cancel { key: Some(_), .. }
            | Request::Halt { key: Some(_), .. }
            | Request::Continue { key: Some(_), .. }
    )
}

/// A repeated turn is answered the same; what it recorded comes with its value.
fn same_turn(first: &TurnReply, again: &TurnReply) -> bool {
    let places = |reply: &TurnReply| {
        reply
            .settled
            .iter()
            .map(|settlement| settlement.seq)
            .collect::<Vec<_>>()
    };
    let is_over =
        |reply: &TurnReply| matches!(reply.status, TurnStatus::Over | TurnStatus::Halted { .. });
    (first.status == again.status || (is_over(first) && is_over(again)))
        && places(first) == places(again)
}

fn same_records(one: &Memory, other: &Memory) -> bool {
    let records = |state: &Memory| {
        state
            .records()
            .map(|record| (record.promise.id.clone(), record.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    records(one) == records(other)
}

/// What the draw must have met at least once; otherwise the property above proves nothing about it.
#[test]
fn the_draw_meets_every_situation() {
    let mut met = BTreeMap::<&str, usize>::new();
    for seed in 1..=60_u64 {
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 32) as u8
        })
        .take(6_000)
        .collect();
        let mut state = Memory::default();
        let mut draw = Draw::new(&bytes);
        while let Some((now, request)) = draw.request(&state) {
            let applied = state.request(now, request.clone());
            for situation in situations(&request, &applied) {
                *met.entry(situation).or_default() += 1;
            }
            // A firing sends more than one.
            for _ in 0..4 {
                state.deliver();
            }
        }
    }
    let missing: Vec<_> = SITUATIONS
        .iter()
        .filter(|situation| !met.contains_key(*situation))
        .collect();
    assert!(missing.is_empty(), "never met: {missing:?}; met: {met:?}");
}

const SITUATIONS: &[&str] = &[
    "another call has the id",
    "settled late",
    "settled as it was by another",
    "settled again under its key",
    "stale turn",
    "turn gap",
    "repeated turn",
    "suspended",
    "tied",
    "suspend met a settled child",
    "halted by a turn",
    "claimed cold with a history",
    "claimed warm",
    "claimed a tied task",
    "wave",
    "pushed",
    "dropped",
    "woken",
    "timed out",
    "timer fired",
    "answered a proxy",
    "continued as another",
    "begun step failed",
    "child claimed by its caller",
    "retried",
    "retries used up",
    "held",
    "shielded from a wave",
    "fired",
    "missed late",
    "missed, since another was under way",
    "waited for another",
    "canceled by the next firing",
];

fn situations(request: &Request, applied: &resonate_core::Applied) -> Vec<&'static str> {
    let mut met = Vec::new();
    match (&applied.answer, request) {
        (Err(Refusal::AlreadyExists { .. }), _) => met.push("another call has the id"),
        (Err(Refusal::AlreadySettled { .. }), Request::Settle { .. }) => met.push("settled late"),
        (Ok(Reply::Promise { new, .. }), _) if has_key(request) && applied.changed.is_empty() => {
            met.push(if *new {
                "settled again under its key"
            } else {
                "settled as it was by another"
            });
        }
        (Err(Refusal::StaleVersion { .. }), Request::Turn(_)) => met.push("stale turn"),
        (Err(Refusal::TurnGap { .. }), _) => met.push("turn gap"),
        (Ok(Reply::Turn(_)), _) if applied.changed.is_empty() => met.push("repeated turn"),
        (Ok(Reply::Turn(reply)), Request::Turn(turn)) => met.extend(turn_situation(turn, reply)),
        (Ok(Reply::Claimed(claimed)), Request::Claim { tied, .. }) => {
            met.extend(claimed.warm.then_some("claimed warm"));
            met.extend(tied.map(|_| "claimed a tied task"));
            met.extend(
                (!claimed.warm && !claimed.children.is_empty())
                    .then_some("claimed cold with a history"),
            );
        }
        (Ok(Reply::Held { .. }), _) => met.push("held"),
        _ => {}
    }
    met.extend(applied.changed.iter().flat_map(change_situation));
    let cancels = |message: &Message| matches!(message, Message::Cancel { .. });
    if applied.messages.iter().any(cancels) {
        met.push("canceled by the next firing");
    }
    for effect in &applied.effects {
        match effect {
            resonate_core::Effect::Push { .. } => met.push("pushed"),
            resonate_core::Effect::Drop { .. } => met.push("dropped"),
            resonate_core::Effect::Settled(_) => {}
        }
    }
    met
}

fn turn_situation(turn: &resonate_core::Turn, reply: &TurnReply) -> Option<&'static str> {
    use resonate_core::End;
    match (&turn.end, &reply.status) {
        (End::Suspend { tied }, TurnStatus::Suspended) => {
            Some(if *tied { "tied" } else { "suspended" })
        }
        (End::Suspend { .. }, TurnStatus::Leased) => Some("suspend met a settled child"),
        (End::Halt { .. }, _) => None,
        (_, TurnStatus::Halted { .. }) => Some("halted by a turn"),
        (End::ContinueAs(_), _) => Some("continued as another"),
        _ => None,
    }
}

fn change_situation(change: &resonate_core::Change) -> Vec<&'static str> {
    use resonate_core::{FailureKind, Kind, Outcome, TaskState};
    let mut met = Vec::new();
    let (before, after) = (change.before.as_deref(), &*change.after);
    let just_settled = after
        .promise
        .settled()
        .filter(|_| before.is_none_or(|before| before.promise.is_pending()));
    match (
        just_settled.map(|settled| &settled.outcome),
        &after.promise.kind,
    ) {
        (Some(Outcome::Canceled { reason }), _) if reason.contains("its caller") => {
            met.push("wave")
        }
        (Some(Outcome::TimedOut), _) => met.push("timed out"),
        (Some(Outcome::Resolved(_)), Kind::Timer) => met.push("timer fired"),
        (Some(Outcome::Failed(failure)), Kind::Step)
            if failure.kind == FailureKind::OutcomeUnknown =>
        {
            met.push("begun step failed")
        }
        (Some(Outcome::Resolved(_)), Kind::Proxy(_)) => met.push("answered a proxy"),
        (Some(Outcome::Failed(_)), Kind::Call(_)) => met.push("retries used up"),
        _ => {}
    }
    if after.promise.shielded && after.promise.is_pending() && before.is_some() {
        met.push("shielded from a wave");
    }
    met.extend(schedule_situations(before, after));
    let states = (before.and_then(|before| before.task.as_ref()), &after.task);
    match states {
        (None, Some(task)) if matches!(task.state, TaskState::Leased { .. }) => {
            met.push("child claimed by its caller")
        }
        (Some(before), Some(after)) => match (&before.state, &after.state) {
            (TaskState::Suspended { .. }, TaskState::Pending { .. }) => met.push("woken"),
            (TaskState::Leased { .. }, TaskState::Pending { .. })
                if after.failures > before.failures =>
            {
                met.push("retried")
            }

            _ => {}
        },
        _ => {}
    }
    met
}

fn schedule_situations(
    before: Option<&resonate_core::Record>,
    after: &resonate_core::Record,
) -> Vec<&'static str> {
    let mut met = Vec::new();
    let Some(schedule) = after.promise.schedule() else {
        return met;
    };
    let before = before.and_then(|before| before.promise.schedule());
    if before.is_some_and(|before| before.fired < schedule.fired) {
        met.push("fired");
    }
    if !schedule.waiting.is_empty() {
        met.push("waited for another");
    }
    met.extend(
        schedule
            .latest_missed
            .iter()
            .map(|missed| match missed.why {
                WhyMissed::Late => "missed late",
                WhyMissed::Overlap => "missed, since another was under way",
                WhyMissed::Full => "missed, since too many were under way",
            }),
    );
    met
}
