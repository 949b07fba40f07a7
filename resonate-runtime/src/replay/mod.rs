//! Replay: which command of a body is which child, and in which order the body is shown results. Pure.
//!
//! [`Replay`] is the heart of "why `.await` is durable". The body asks for commands, in program order; each gets the next
//! position and an id. What the history holds at that position must be the same, else the body has diverged from it. What
//! the history does not hold is started, but only when the body was shown everything that is known and can do nothing
//! more: so a replay never starts what history already decided against. Results are shown one at a time in the order of
//! the log: so every race ends as it ended before.
//!
//! No clock, no executor, no I/O: times come in as arguments, and what is to be done comes out as values.

mod changes;
mod command;
mod identity;
mod journal;
mod mismatch;
mod outbox;
mod size;
mod start;
#[cfg(test)]
mod tests;
mod verdict;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use resonate_core::{
    NewChild, Outcome, PromiseId, Record, Seq, Settled, Settlement, Timestamp,
    mutants::{Mutant, planted},
};

use self::{
    changes::Changes,
    journal::{Asked, Child, Journal, Past, Stage},
    mismatch::Divergence,
    outbox::Outbox,
};
pub(crate) use self::{
    command::{Command, CommandKind, Due, Place},
    journal::Counts,
    mismatch::Mismatch,
    size::{of_end as end_bytes, of_op as op_bytes},
    start::{Finish, Startable},
    verdict::{Ending, diverged, verdict},
};

/// The number of a command in its caller, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position(pub(crate) u32);

impl Position {
    const FIRST: Self = Self(1);

    const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What is known of one execution, and what its body made of it.
///
/// The calling order: after every `handle_*` let the body run until it can do nothing more ([`drive`]); then
/// [`drop_unwanted`](Self::drop_unwanted) and [`next_start`](Self::next_start) until there is none; then
/// [`take_turn`](Self::take_turn). When the body has ended: [`finish`](Self::finish), then turns until one is the last.
#[derive(Debug)]
pub(crate) struct Replay {
    caller: Caller,
    journal: Journal,
    outbox: Outbox,
    /// Commands asked for so far.
    asked: u32,
    /// How many of each name.
    names: BTreeMap<Arc<str>, u32>,
    /// What settled and was not shown, in log order.
    unshown: VecDeque<(Seq, Position)>,
    /// The highest place of the log that is known here.
    held: Seq,
    /// Until here the log is history: it was written before this body began.
    past: Seq,
    shown: Seq,
    now: Timestamp,
    /// What the body dropped since it last rested.
    dropped: Vec<Position>,
    /// What ran here, or was about to, and is not wanted any more.
    let_go: Vec<Position>,
    has_taken_result: bool,
    changed_arguments: u32,
    changes: Changes,
    divergence: Option<Divergence>,
}

/// Whose children they are.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) id: PromiseId,
    /// The function, for messages.
    pub(crate) function: Arc<str>,
    pub(crate) generation: u32,
    /// The first answer to "what time is it?".
    pub(crate) began_at: Timestamp,
}

/// A settlement without an outcome, of a child that was not recorded here. Server and worker do not understand each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server says that `{0}` settled, but not how")]
pub(crate) struct Unheard(pub(crate) PromiseId);

impl Replay {
    pub(crate) fn new(caller: Caller) -> Self {
        Self {
            now: caller.began_at,
            caller,
            journal: Journal::default(),
            outbox: Outbox::default(),
            asked: 0,
            names: BTreeMap::new(),
            unshown: VecDeque::new(),
            held: Seq::ZERO,
            past: Seq::ZERO,
            shown: Seq::ZERO,
            dropped: Vec::new(),
            let_go: Vec::new(),
            has_taken_result: false,
            changed_arguments: 0,
            changes: Changes::default(),
            divergence: None,
        }
    }

    /// In: the history, before the body begins. In any order.
    pub(crate) fn handle_claimed(&mut self, known: &[Record]) {
        let mut settled = Vec::new();
        for record in known {
            let Some((position, past)) = Past::of(record) else {
                continue;
            };
            let promise = &record.promise;
            if promise
                .origin
                .as_ref()
                .is_some_and(|origin| origin.generation != self.caller.generation)
            {
                continue;
            }
            if self.changes.hear(position, promise) {
                let seq = promise.settled().map_or(Seq::ZERO, |settled| settled.seq);
                self.held = self.held.max(seq);
                continue;
            }
            settled.extend(promise.settled().map(|settled| (settled.seq, position)));
            self.journal
                .insert_past(position, promise.id.clone(), past, promise.settled());
        }
        settled.sort_unstable();
        self.past = settled.last().map_or(self.past, |(seq, _)| *seq);
        self.held = self.held.max(self.past);
        self.unshown.extend(settled);
    }

    /// In: a child settled. What is held already is not taken twice; everything comes in the order of the log.
    ///
    /// # Errors
    /// It does not say how, and nobody here knows.
    pub(crate) fn handle_settled(&mut self, settlement: Settlement) -> Result<(), Unheard> {
        let Settlement {
            id,
            seq,
            at,
            outcome,
        } = settlement;
        if seq <= self.held {
            return Ok(());
        }
        self.held = seq;
        let Some(position) = self.journal.position(&id) else {
            return Ok(());
        };
        if planted(Mutant::StepShownAhead) && outcome.is_none() {
            return Ok(());
        }
        let recorded = match self.journal.get(position).map(Child::stage) {
            Some(Stage::Recording(outcome)) => Some(outcome.clone()),
            _ => None,
        };
        let settled = Settled {
            outcome: outcome.or(recorded).ok_or(Unheard(id))?,
            at,
            seq,
            key: None,
            because_of: None,
        };
        self.journal.shift(position, Stage::Settled(settled));
        self.unshown.push_back((seq, position));
        Ok(())
    }

    /// Asked by the body: a command. It has the next position and an id for good, whatever becomes of it.
    pub(crate) fn ask(&mut self, command: Command) -> (Position, PromiseId) {
        self.say_marks();
        self.asked = self.asked.saturating_add(1);
        let position = Position(self.asked);
        let occurrence = self.names.entry(Arc::clone(&command.name)).or_insert(0);
        let id = self
            .caller
            .id
            .child(self.caller.generation, &command.name, *occurrence);
        *occurrence += 1;
        let asked = Asked {
            command: Arc::new(command),
            at: self.now,
            timeout_at: None,
        };
        self.compare(position, &id, &asked);
        if let Err(new) = self.journal.ask_again(position, asked) {
            self.journal.insert_wished(position, id.clone(), new);
        }
        (position, id)
    }

    /// True if this is one of the body's own.
    pub(crate) fn knows(&self, id: &PromiseId) -> bool {
        self.journal.position(id).is_some()
    }

    /// The id of the next command of this name.
    pub(crate) fn next_id(&self, name: &str) -> PromiseId {
        let occurrence = self.names.get(name).copied().unwrap_or(0);
        self.caller
            .id
            .child(self.caller.generation, name, occurrence)
    }

    /// The id that a command of this name has after one of the other name.
    pub(crate) fn id_after(&self, before: &str, name: &str) -> PromiseId {
        let occurrence = self.names.get(name).copied().unwrap_or(0);
        let occurrence = occurrence + u32::from(before == name);
        self.caller
            .id
            .child(self.caller.generation, name, occurrence)
    }

    /// Asked by the body: the result, once it may see it. Taken once.
    pub(crate) fn take_result(&mut self, position: Position) -> Option<Outcome> {
        if !matches!(self.journal.get(position)?.stage(), Stage::Shown(_)) {
            return None;
        }
        let Some(Stage::Shown(outcome)) = self.journal.shift(position, Stage::Over) else {
            return None;
        };
        self.has_taken_result = true;
        Some(outcome)
    }

    /// Asked by the body: may this step run now?
    pub(crate) fn may_run(&self, step: Position) -> bool {
        self.journal
            .get(step)
            .is_some_and(|child| matches!(child.stage(), Stage::Here { .. }))
    }

    /// Asked by the body: its future was dropped.
    pub(crate) fn abandon(&mut self, position: Position) {
        if let Some(child) = self.journal.get_mut(position) {
            child.is_wanted = false;
            self.dropped.push(position);
        }
    }

    /// Out: shows the body the next result of the log, if it can be shown, and says whose it is.
    ///
    /// It cannot before the body has asked for it: when it did so the last time, nothing later had been shown either.
    pub(crate) fn show_next(&mut self) -> Option<Position> {
        loop {
            if planted(Mutant::ResultsOutOfOrder)
                && let Some(latest) = self.unshown.pop_back()
            {
                self.unshown.push_front(latest);
            }
            let (seq, position) = self.unshown.front().copied()?;
            let child = self.journal.get(position)?;
            let is_wanted = child.is_wanted;
            child.asked.as_ref()?;
            self.unshown.pop_front();
            self.shown = seq;
            let Some(Stage::Settled(settled)) = self.journal.shift(position, Stage::Over) else {
                continue;
            };
            self.now = settled.at;
            if is_wanted {
                self.journal.shift(position, Stage::Shown(settled.outcome));
                return Some(position);
            }
        }
    }

    /// True if the body has not asked for what must be shown next.
    pub(crate) fn is_blocked(&self) -> bool {
        self.unshown.front().is_some_and(|(_, position)| {
            self.journal
                .get(*position)
                .is_some_and(|child| child.asked.is_none())
        })
    }

    /// The body had its time and did not ask for what the log shows next: it finds it there when it does.
    pub(crate) fn unblock(&mut self) {
        if !self.is_blocked() {
            return;
        }
        let Some((seq, position)) = self.unshown.pop_front() else {
            return;
        };
        self.shown = seq;
        if let Some(Stage::Settled(settled)) = self.journal.shift(position, Stage::Over) {
            self.now = settled.at;
            self.journal.shift(position, Stage::Shown(settled.outcome));
        }
    }

    /// The command at this position, as long as the body has asked for it.
    pub(crate) fn command(
        &self,
        position: Position,
    ) -> Option<(&PromiseId, &Arc<Command>, Timestamp)> {
        let child = self.journal.get(position)?;
        let asked = child.asked.as_ref()?;
        Some((&child.id, &asked.command, asked.at))
    }

    /// True while the server knows the child and it has not settled.
    pub(crate) fn is_pending(&self, position: Position) -> bool {
        self.journal
            .get(position)
            .is_some_and(|child| matches!(child.stage(), Stage::Pending))
    }

    /// The child that the command at this position becomes, written at `clock`.
    pub(crate) fn child(&self, position: Position, clock: Timestamp) -> Option<NewChild> {
        let (id, command, called_at) = self.command(position)?;
        Some(command.child(id.clone(), position, called_at, clock))
    }

    /// True if the body has asked for anything.
    pub(crate) fn has_asked(&self) -> bool {
        self.asked > 0
    }

    /// True if the next result of the log can be shown.
    pub(crate) fn can_show(&self) -> bool {
        self.has_unshown() && !self.is_blocked()
    }

    /// The time of the latest log entry that the body was shown.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The highest place of the log that is known here.
    pub(crate) fn held(&self) -> Seq {
        self.held
    }

    pub(crate) fn counts(&self) -> Counts {
        self.journal.counts()
    }

    /// True while something settled that the body was not shown.
    pub(crate) fn has_unshown(&self) -> bool {
        !self.unshown.is_empty()
    }

    /// True while the body does what it, or an earlier body, did before.
    pub(crate) fn is_replaying(&self) -> bool {
        self.shown < self.past || self.journal.has_unasked()
    }

    /// True if the body has made use of a result: a new attempt would meet the same one.
    pub(crate) fn has_taken_result(&self) -> bool {
        self.has_taken_result
    }

    /// How many commands had other arguments than the history holds.
    pub(crate) fn changed_arguments(&self) -> u32 {
        self.changed_arguments
    }
}

/// What came of letting a body run.
#[derive(Debug)]
pub(crate) enum Driven<E> {
    /// It ended so.
    Ended(E),
    /// It can do nothing more until something happens.
    Resting,
    /// It keeps waking itself; others want to run too.
    Busy,
}

/// Lets a body run until it can do nothing more: polls it as long as it wakes itself, then shows it the next result,
/// and again. Nothing may start before.
pub(crate) fn drive<E>(
    mut poll_body: impl FnMut() -> Driven<E>,
    mut show_next: impl FnMut() -> bool,
) -> Driven<E> {
    loop {
        let driven = poll_body();
        if !matches!(driven, Driven::Resting) || !show_next() {
            return driven;
        }
    }
}
