//! How many bytes of a message what a turn says takes: never less than it really is, so that a turn fits by counting.

use std::collections::BTreeMap;

use resonate_core::{ChildKind, End, Failure, Link, NewChild, Op, Outcome, Payload, limits};

/// Numbers, tags and lengths of an op or an end, beside its texts and payloads.
const ENVELOPE_BYTES: usize = 256;
/// The same of an entry of a map or a list.
const ENTRY_BYTES: usize = 16;
/// What one op may take: a message with room for the turn around it.
pub(super) const OP_BYTES: usize = limits::MESSAGE_BYTES - (16 << 10);

pub(crate) fn of_op(op: &Op) -> usize {
    let bytes = match op {
        Op::Create(child) | Op::CreateClaimed(child) => of_child(child),
        Op::Record(child, outcome) => of_child(child) + of_outcome(outcome),
        Op::Cancel { id } | Op::MoveTimer { id, .. } => id.as_str().len(),
        Op::Label { name, value } => name.len() + value.len(),
        Op::State { state, .. } => of_payload(state),
    };
    bytes + ENVELOPE_BYTES
}

/// The end of a turn.
pub(crate) fn of_end(end: &End) -> usize {
    let bytes = match end {
        End::Fulfill(outcome) => of_outcome(outcome),
        End::Fail {
            failure, answer, ..
        } => of_failure(failure) + answer.as_ref().map_or(0, of_payload),
        End::ContinueAs(payload) => of_payload(payload),
        End::Halt { reason, .. } => reason.len(),
        End::GoOn | End::Suspend { .. } | End::Release => return 0,
    };
    bytes + ENVELOPE_BYTES
}

fn of_child(child: &NewChild) -> usize {
    let kind = match &child.kind {
        ChildKind::Call(call) => of_call(call),
        ChildKind::Proxy(Link::Call { promise, .. }) => {
            let call = promise.call.as_ref().map_or(0, |call| of_call(call));
            let texts = of_texts(&promise.labels) + of_texts(&promise.tags);
            promise.id.as_str().len() + call + texts
        }
        ChildKind::Proxy(Link::Tell { id, outcome }) => id.as_str().len() + of_outcome(outcome),
        ChildKind::Proxy(Link::Await { id }) => id.as_str().len(),
        ChildKind::Step | ChildKind::Timer | ChildKind::External => 0,
    };
    kind + of_texts(&child.labels) + child.id.as_str().len() + child.location.len()
}

// Its access is a short word.
fn of_call(call: &resonate_core::Call) -> usize {
    call.address.service.len() + call.address.function.len() + of_payload(&call.param)
}

fn of_outcome(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Resolved(payload) | Outcome::Rejected(payload) => of_payload(payload),
        Outcome::Failed(failure) => of_failure(failure),
        Outcome::Canceled { reason } => reason.len(),
        Outcome::TimedOut => 0,
    }
}

fn of_failure(failure: &Failure) -> usize {
    let promise = failure.promise.as_ref().map_or(0, |id| id.as_str().len());
    failure.bytes() + promise + ENTRY_BYTES * failure.causes.len()
}

fn of_payload(payload: &Payload) -> usize {
    payload.data.len() + payload.encoding.0.len() + of_texts(&payload.headers)
}

fn of_texts(texts: &BTreeMap<String, String>) -> usize {
    texts
        .iter()
        .map(|(name, value)| name.len() + value.len() + ENTRY_BYTES)
        .sum()
}
