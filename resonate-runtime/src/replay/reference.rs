//! Results that are kept elsewhere, and payloads that are to be kept before the next turn.

use resonate_core::{ChildKind, End, Link, Op, Outcome, Payload, Timestamp, limits};

use super::{Position, Replay, journal::Stage, size};
use crate::objects::{is_reference, payload_of};

impl Replay {
    /// In, before the body begins: whether references are not shown, and what they stand for is fetched first.
    pub(crate) fn fetch_references(&mut self, fetches: bool) {
        self.fetches = fetches;
    }

    /// Out: the result of the log that comes next, if it is a reference. The body is shown nothing before it is
    /// [fetched](Self::handle_fetched).
    pub(crate) fn next_reference(&self) -> Option<(Position, Payload)> {
        let (_, position) = self.unshown.front().filter(|_| self.fetches)?;
        let Stage::Settled(settled) = self.journal.get(*position)?.stage() else {
            return None;
        };
        let payload = payload_of(&settled.outcome).filter(|payload| is_reference(payload))?;
        Some((*position, payload.clone()))
    }

    /// In: what the result at this position stands for.
    pub(crate) fn handle_fetched(&mut self, position: Position, whole: Payload) {
        let is_settled = |stage: &Stage| matches!(stage, Stage::Settled(_));
        let child = self.journal.get(position);
        if !child.is_some_and(|child| is_settled(child.stage())) {
            return;
        }
        if let Some(Stage::Settled(mut settled)) = self.journal.shift(position, Stage::Over) {
            settled.outcome = match settled.outcome {
                Outcome::Resolved(_) => Outcome::Resolved(whole),
                Outcome::Rejected(_) => Outcome::Rejected(whole),
                other @ (Outcome::Failed(_) | Outcome::Canceled { .. } | Outcome::TimedOut) => {
                    other
                }
            };
            self.journal.shift(position, Stage::Settled(settled));
        }
    }

    /// How many bytes of a message an op takes. What is larger than any server takes will be a reference by then.
    pub(super) fn bytes_of(&self, op: &Op) -> usize {
        let bytes = size::of_op(op);
        if !self.fetches {
            return bytes;
        }
        let mut excess = 0;
        each_of_op(&mut op.clone(), &mut |payload| {
            excess += payload.data.len().saturating_sub(limits::PAYLOAD_BYTES);
        });
        bytes.saturating_sub(excess)
    }

    /// Out, before [`take_turn`](Self::take_turn): the payloads of all that is still to be said.
    pub(crate) fn unsaid(&self) -> Vec<Payload> {
        let mut payloads = Vec::new();
        for mut op in self.unsaid_ops(Timestamp::ZERO) {
            each_of_op(&mut op, &mut |payload| payloads.push(payload.clone()));
        }
        payloads
    }
}

/// Each payload of an op.
pub(crate) fn each_of_op(op: &mut Op, each: &mut dyn FnMut(&mut Payload)) {
    let child = match op {
        Op::Create(child) | Op::CreateClaimed(child) => child,
        Op::Record(child, outcome) => {
            each_of_outcome(outcome, each);
            child
        }
        // What is emitted has a bound of its own, far below.
        Op::Emit { .. }
        | Op::Progress(_)
        | Op::Cancel { .. }
        | Op::MoveTimer { .. }
        | Op::Label { .. } => return,
    };
    match &mut child.kind {
        ChildKind::Call(call) => each(&mut std::sync::Arc::make_mut(call).param),
        ChildKind::Proxy(Link::Call { promise, .. }) => {
            if let Some(call) = &mut promise.call {
                each(&mut std::sync::Arc::make_mut(call).param);
            }
        }
        ChildKind::Proxy(Link::Tell { outcome, .. }) => each_of_outcome(outcome, each),
        ChildKind::Proxy(Link::Await { .. } | Link::Send { .. })
        | ChildKind::Step
        | ChildKind::Timer
        | ChildKind::Receive
        | ChildKind::External => {}
    }
}

/// Each payload of the end of a turn.
pub(crate) fn each_of_end(end: &mut End, each: &mut dyn FnMut(&mut Payload)) {
    match end {
        End::Fulfill(outcome) => each_of_outcome(outcome, each),
        End::ContinueAs(payload) => each(payload),
        End::Fail { answer, .. } => answer.iter_mut().for_each(each),
        End::GoOn | End::Suspend { .. } | End::Release | End::Halt { .. } => {}
    }
}

fn each_of_outcome(outcome: &mut Outcome, each: &mut dyn FnMut(&mut Payload)) {
    match outcome {
        Outcome::Resolved(payload) | Outcome::Rejected(payload) => each(payload),
        Outcome::Failed(_) | Outcome::Canceled { .. } | Outcome::TimedOut => {}
    }
}
