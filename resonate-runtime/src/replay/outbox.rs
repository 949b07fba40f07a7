//! What the next turns must say, in order, and how much of it fits into one.

use std::collections::VecDeque;

use resonate_core::{
    Op, PromiseId, Settled, Timestamp, limits,
    mutants::{Mutant, planted},
};

use super::{
    CommandKind, Finish, Position, Replay,
    changes::Mark,
    journal::{Stage, Start},
    size,
    start::is_undone,
};

/// What the next turns must say.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Out>,
    /// How many of them cancel or tell something, or make a promise.
    binding: usize,
    /// Children in the unanswered turn that run here once it is durable.
    opening: Vec<Position>,
    /// The unanswered turn cancels or tells something, or makes a promise.
    is_binding: bool,
}

/// One thing to say; which op it is depends on how far the child is by then.
#[derive(Debug)]
enum Out {
    Child(Position),
    Cancel(Position),
    Label { name: String, value: String },
    Mark(Mark),
}

/// The ops of one turn.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) ops: Vec<Op>,
    /// Calls that run here and are known to the server by this turn: each may write turns of its own from now on.
    pub(crate) adopted: Vec<Position>,
    /// Calls that this turn creates claimed, and that start here once it is durable.
    pub(crate) opened: Vec<(Position, PromiseId)>,
    /// Nothing is left for a further turn.
    pub(crate) is_last: bool,
    /// What comes next fits no turn at all; then there are no ops.
    pub(crate) unfit: Option<Unfit>,
}

/// Something that no message can carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{id}` takes {bytes} bytes of a turn; at most {} fit a message; store what is large elsewhere and pass a reference",
    size::OP_BYTES
)]
pub(crate) struct Unfit {
    /// The promise that the op is about.
    id: PromiseId,
    bytes: usize,
}

impl Replay {
    pub(super) fn say_child(&mut self, position: Position) {
        self.say(Out::Child(position));
    }

    pub(super) fn say_cancel(&mut self, position: Position) {
        self.say(Out::Cancel(position));
    }

    /// The function gives its promise a label.
    pub(crate) fn label(&mut self, name: String, value: String) {
        self.say(Out::Label { name, value });
    }

    pub(super) fn say_mark(&mut self, mark: Mark) {
        self.say(Out::Mark(mark));
    }

    fn say(&mut self, out: Out) {
        self.outbox.binding += usize::from(self.binds(&out));
        self.outbox.waiting.push_back(out);
    }

    fn pop(&mut self) -> Option<Out> {
        let out = self.outbox.waiting.pop_front()?;
        self.outbox.binding -= usize::from(self.binds(&out));
        Some(out)
    }

    /// True if there is something to say.
    pub(crate) fn has_ops(&mut self) -> bool {
        while let Some(first) = self.outbox.waiting.front() {
            if !self.is_said(first) {
                return true;
            }
            self.pop();
        }
        false
    }

    /// The ops of the next turn, in order, with room for `reserved` bytes beside them. `clock` is now, for timeouts.
    pub(crate) fn take_turn(&mut self, clock: Timestamp, reserved: usize) -> Page {
        let room = limits::TURN_BYTES.saturating_sub(reserved);
        let mut page = Page {
            ops: Vec::new(),
            adopted: Vec::new(),
            opened: Vec::new(),
            is_last: false,
            unfit: None,
        };
        let mut bytes = 0;
        while self.has_ops() {
            let Some(op) = self
                .outbox
                .waiting
                .front()
                .and_then(|out| self.op(out, clock))
            else {
                break;
            };
            let more = size::of_op(&op);
            if page.ops.is_empty() && size::OP_BYTES < more {
                page.unfit = Some(Unfit {
                    id: self.about(&op).clone(),
                    bytes: more,
                });
                return page;
            }
            bytes += more;
            if !page.ops.is_empty() && (bytes > room || page.ops.len() == limits::TURN_OPS) {
                break;
            }
            page.ops.push(op);
            if let Some(out) = self.pop() {
                self.said(&out, &mut page);
            }
        }
        // One op may take what the end of the turn needs; then that comes with the next.
        page.is_last = !self.has_ops() && (page.ops.is_empty() || bytes <= room);
        page
    }

    /// The promise that an op is about.
    fn about<'a>(&'a self, op: &'a Op) -> &'a PromiseId {
        match op {
            Op::Create(child) | Op::CreateClaimed(child) | Op::Record(child, _) => &child.id,
            Op::Cancel { id } | Op::MoveTimer { id, .. } => id,
            Op::Label { .. } | Op::State { .. } => &self.caller.id,
        }
    }

    /// The turn is durable: what waited for that may start. Calls among them were created claimed by this worker.
    pub(crate) fn handle_answered(&mut self) -> Vec<Position> {
        self.outbox.is_binding = false;
        let mut started = Vec::new();
        for position in std::mem::take(&mut self.outbox.opening) {
            let Some(child) = self.journal.get(position) else {
                continue;
            };
            let stage = match child.stage() {
                Stage::Opening(Start::Begun) if child.is_wanted => Stage::Here {
                    is_known: true,
                    is_leaving: false,
                },
                Stage::Opening(_) => Stage::Pending,
                Stage::Wished
                | Stage::Queued(_)
                | Stage::Here { .. }
                | Stage::Ended { .. }
                | Stage::Recording(_)
                | Stage::Pending
                | Stage::Settled(_)
                | Stage::Shown(_)
                | Stage::Over => continue,
            };
            // What is shielded runs although nobody wants it any more.
            if child.is_wanted || self.is_shielded(position) {
                started.push(position);
            }
            self.journal.shift(position, stage);
        }
        started
    }

    /// True while a cancel, a tell or a promise is under way: what was asked for after it may not run here before it is durable.
    pub(super) fn is_bound(&mut self) -> bool {
        self.outbox.is_binding || (self.has_ops() && self.outbox.binding > 0)
    }

    /// Keeps of what is still to be said only what holds beyond the end of the body.
    pub(super) fn retain_lasting(&mut self, finish: Finish) {
        let waiting = std::mem::take(&mut self.outbox.waiting);
        let lasting = |out: &Out| match (out, finish) {
            (Out::Label { .. }, _) => true,
            // What depends on it may be written already, or will be in this turn.
            (Out::Mark(_), Finish::Answer | Finish::Again) => true,
            (Out::Child(position), Finish::Answer | Finish::Again) => self.is_lasting(*position),
            // What the body dropped before its last run; with an answer everything pending is canceled anyway.
            (Out::Cancel(_), Finish::Again) => true,
            (Out::Cancel(position), Finish::Answer) => {
                self.journal.get(*position).is_some_and(is_undone)
            }
            (Out::Cancel(_) | Out::Child(_) | Out::Mark(_), Finish::Stop) => false,
        };
        let kept: VecDeque<_> = waiting.into_iter().filter(lasting).collect();
        self.outbox.binding = kept.iter().filter(|out| self.binds(out)).count();
        self.outbox.waiting = kept;
    }

    fn is_said(&self, out: &Out) -> bool {
        match out {
            Out::Label { .. } | Out::Mark(_) => false,
            Out::Cancel(position) => !self.journal.get(*position).is_some_and(|child| {
                matches!(child.stage(), Stage::Pending | Stage::Opening(_)) || is_undone(child)
            }),
            Out::Child(position) => !matches!(
                self.journal.get(*position).map(|child| child.stage()),
                Some(
                    Stage::Queued(_)
                        | Stage::Ended { .. }
                        | Stage::Here {
                            is_leaving: true,
                            ..
                        }
                )
            ),
        }
    }

    fn binds(&self, out: &Out) -> bool {
        match out {
            Out::Label { .. } | Out::Mark(_) => false,
            Out::Cancel(_) => true,
            Out::Child(position) => {
                let asked = self
                    .journal
                    .get(*position)
                    .and_then(|child| child.asked.as_ref());
                // The id of a promise may be given away at once, so it exists before anything runs that could do so.
                asked.is_some_and(|asked| {
                    matches!(
                        asked.command.kind,
                        CommandKind::Tell { .. } | CommandKind::External | CommandKind::Undo { .. }
                    )
                })
            }
        }
    }

    fn op(&self, out: &Out, clock: Timestamp) -> Option<Op> {
        let position = match out {
            Out::Label { name, value } => {
                return Some(Op::Label {
                    name: name.clone(),
                    value: value.clone(),
                });
            }
            Out::Mark(mark) => return Some(self.mark_op(mark)),
            Out::Cancel(position) => {
                return Some(Op::Cancel {
                    id: self.journal.get(*position)?.id.clone(),
                });
            }
            Out::Child(position) => *position,
        };
        let child = self.journal.get(position)?;
        let asked = child.asked.as_ref()?;
        let mut new = asked
            .command
            .child(child.id.clone(), position, asked.at, clock);
        new.timeout_at = asked.timeout_at.unwrap_or(new.timeout_at);
        match child.stage() {
            Stage::Queued(Start::Elsewhere | Start::Begun) => Some(Op::Create(new)),
            Stage::Queued(Start::Claimed) | Stage::Here { .. } => Some(Op::CreateClaimed(new)),
            Stage::Ended { outcome, .. } => Some(Op::Record(new, outcome.clone())),
            Stage::Wished
            | Stage::Opening(_)
            | Stage::Recording(_)
            | Stage::Pending
            | Stage::Settled(_)
            | Stage::Shown(_)
            | Stage::Over => None,
        }
    }

    /// What was said is under way.
    fn said(&mut self, out: &Out, page: &mut Page) {
        self.outbox.is_binding |= self.binds(out);
        let Out::Child(position) = *out else { return };
        let Some(stage) = self.journal.shift(position, Stage::Pending) else {
            return;
        };
        match stage {
            Stage::Queued(start @ (Start::Claimed | Start::Begun)) => {
                self.outbox.opening.push(position);
                if start == Start::Claimed
                    && let Some(child) = self.journal.get(position)
                {
                    page.opened.push((position, child.id.clone()));
                }
                self.journal.shift(position, Stage::Opening(start));
            }
            Stage::Here { .. } => page.adopted.push(position),
            Stage::Ended { outcome, .. } if planted(Mutant::StepShownAhead) => {
                let (at, seq, key) = (self.now, self.held, None);
                let settled = Settled {
                    outcome,
                    at,
                    seq,
                    key,
                    because_of: None,
                };
                self.journal.shift(position, Stage::Settled(settled));
                self.unshown.push_back((seq, position));
            }
            Stage::Ended { outcome, .. } => {
                self.journal.shift(position, Stage::Recording(outcome));
            }
            Stage::Queued(Start::Elsewhere)
            | Stage::Wished
            | Stage::Opening(_)
            | Stage::Recording(_)
            | Stage::Pending
            | Stage::Settled(_)
            | Stage::Shown(_)
            | Stage::Over => {}
        }
    }
}
