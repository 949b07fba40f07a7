//! Time, once more: nothing settles otherwise at or after its timeout, no timeout is forgotten, and the server's time and
//! the places of its answers never go back.

use std::collections::{BTreeMap, BTreeSet};

use resonate_core::{Kind, Outcome, Part, PromiseId, Record, Refusal, Timestamp};
use resonate_proto::client::LogPosition;

use crate::model::Model;

/// What is armed, and how far time has come.
#[derive(Default)]
pub(crate) struct Times {
    /// Pending promises by the time at which they settle by themselves.
    armed: BTreeSet<(Timestamp, PromiseId)>,
    /// The newest time that anything durable speaks of.
    newest: Timestamp,
    /// The time of the last round of the server that runs.
    round: Timestamp,
    /// The last place that was answered, and all that were, by partition.
    last: BTreeMap<Part, LogPosition>,
    answered: BTreeSet<LogPosition>,
}

/// What was known when a request reached the server.
pub(crate) struct Asked {
    id: PromiseId,
    existed: bool,
    round: Timestamp,
    last: Option<LogPosition>,
}

impl Asked {
    /// True if this is what was asked for.
    pub(crate) fn is_of(&self, record: &Record) -> bool {
        self.id == record.promise.id
    }
}

impl Times {
    /// A server starts: its time is not that of the one before.
    pub(crate) fn begins(&mut self) {
        self.round = Timestamp::ZERO;
    }

    /// A round begins.
    pub(crate) fn round_begins(&mut self, now: Timestamp) {
        self.round = self.round.max(now);
    }

    /// The newest time that anything durable speaks of.
    pub(crate) fn newest(&self) -> Timestamp {
        self.newest
    }

    /// A record becomes durable.
    pub(crate) fn arm(&mut self, before: Option<&Record>, after: &Record) {
        if let Some(before) = before.filter(|before| before.promise.is_pending()) {
            let armed = (before.promise.timeout_at, before.promise.id.clone());
            self.armed.remove(&armed);
        }
        let promise = &after.promise;
        if promise.is_pending() && !promise.timeout_at.is_never() {
            self.armed.insert((promise.timeout_at, promise.id.clone()));
        }
    }

    /// The times of one commit: all the same, and not before those of earlier ones.
    pub(crate) fn committed(&mut self, times: &BTreeSet<Timestamp>) -> Result<(), String> {
        let Some(first) = times.first().copied() else {
            return Ok(());
        };
        if times.len() > 1 {
            return Err(format!("one commit has the times {times:?}"));
        }
        if first < self.newest {
            return Err(format!(
                "the server wrote the time {first} after {}",
                self.newest
            ));
        }
        self.newest = first;
        Ok(())
    }

    /// The server has done all that is due: nothing is pending whose time has passed.
    pub(crate) fn nothing_is_overdue(&self) -> Result<(), String> {
        match self.armed.first() {
            Some((at, id)) if *at <= self.round => Err(format!(
                "{id} is pending at {}, and its timeout was at {at}",
                self.round
            )),
            Some(_) | None => Ok(()),
        }
    }
}

/// The times that a change speaks of as now.
pub(crate) fn fresh<'a>(
    before: Option<&Record>,
    after: &'a Record,
) -> impl Iterator<Item = Timestamp> + use<'a> {
    let created = before.is_none().then_some(after.promise.created_at);
    let was_pending = before.is_none_or(|before| before.promise.is_pending());
    let settled = after.promise.settled().filter(|_| was_pending);
    created.into_iter().chain(settled.map(|settled| settled.at))
}

/// True if it settled otherwise than by its timeout when that had passed.
pub(crate) fn is_late(record: &Record) -> bool {
    let promise = &record.promise;
    promise.settled().is_some_and(|settled| {
        let by_time = settled.outcome == Outcome::TimedOut
            || matches!(promise.kind, Kind::Timer)
                && matches!(settled.outcome, Outcome::Resolved(_));
        !by_time && promise.timeout_at <= settled.at
    })
}

impl Model {
    /// What settled late, which only a wave may: it cancels what is below a promise that is over.
    pub(crate) fn may_be_late(&self, id: &PromiseId) -> Result<(), String> {
        let Some(record) = self.get(id) else {
            return Ok(());
        };
        let settled = record.promise.settled();
        let is_canceled =
            settled.is_some_and(|settled| matches!(settled.outcome, Outcome::Canceled { .. }));
        let caller = record.promise.parent().and_then(|caller| self.get(caller));
        let is_over = caller.is_some_and(|caller| {
            let generation = record
                .promise
                .origin
                .as_ref()
                .map(|origin| origin.generation);
            !caller.promise.is_pending() || generation != Some(caller.promise.generation)
        });
        if is_canceled && is_over && !record.promise.shielded {
            return Ok(());
        }
        Err(format!(
            "{id} settled as {settled:?}, and its timeout was at {}",
            record.promise.timeout_at
        ))
    }

    /// A request about a promise reaches the server.
    pub(crate) fn asked(&self, id: &PromiseId) -> Asked {
        Asked {
            id: id.clone(),
            existed: self.get(id).is_some(),
            round: self.times.round,
            last: self.times.last.get(&id.part()).copied(),
        }
    }

    /// An answer stands after everything that had been answered before it was asked for, at a place of its own.
    pub(crate) fn answers(&mut self, asked: &Asked, at: LogPosition) -> Result<(), String> {
        let Asked { id, last, .. } = asked;
        if at.part != id.part() || last.is_some_and(|last| at <= last) {
            return Err(format!(
                "an answer about {id} stands at {at:?}; when it was asked for, {last:?} was answered"
            ));
        }
        if !self.times.answered.insert(at) {
            return Err(format!("two answers stand at {at:?}"));
        }
        let last = self.times.last.entry(at.part).or_insert(at);
        *last = at.max(*last);
        Ok(())
    }

    /// No answer shows a promise as pending whose timeout had passed when it was asked for.
    pub(crate) fn answers_with(&self, asked: &Asked, record: &Record) -> Result<(), String> {
        let promise = &record.promise;
        if promise.is_pending() && promise.timeout_at <= asked.round {
            return Err(format!(
                "{} is told to be pending at {}, and its timeout was at {}",
                asked.id, asked.round, promise.timeout_at
            ));
        }
        Ok(())
    }

    /// A no rests on what is durable as well.
    pub(crate) fn refuses(&self, asked: &Asked, refusal: &Refusal) -> Result<(), String> {
        if let Refusal::NotFound(id) = refusal
            && *id == asked.id
            && asked.existed
        {
            return Err(format!("{id} was durable, and is told not to exist"));
        }
        let Refusal::AlreadySettled { id, outcome } = refusal else {
            return Ok(());
        };
        let settled = self.get(id).and_then(|record| record.promise.settled());
        if settled.is_some_and(|settled| settled.outcome == *outcome) {
            return Ok(());
        }
        Err(format!(
            "{id} is told to be settled as {outcome:?}, and {settled:?} is durable"
        ))
    }
}
