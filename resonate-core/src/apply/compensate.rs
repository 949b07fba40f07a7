//! Compensations: calls that are registered while all is well, and run only if their caller ends canceled, timed out or
//! with an error; last to first, each when the one before has settled. No wave enters one that runs.
//!
//! One that belongs to a call takes that call's value, and is not needed without one. It also runs when the future of
//! its call was dropped, whatever becomes of the caller.
//!
//! What waits to be needed is *dormant*: a task that is never ready.

use std::sync::Arc;

use super::{claim, edit::Edit, settle};
use crate::{
    Compensation, Kind, Message, Outcome, Payload, PromiseId, Record, Task, TaskState, Timestamp,
    limits,
    mutants::{Mutant, planted},
};

/// What is to become of a dormant compensation.
enum Fate {
    /// It runs now, with this in place of its arguments if it belongs to a call.
    Runs(Option<Payload>),
    /// It is not needed, for this reason.
    Lapses(String),
    /// Its call has not settled.
    Waits,
}

impl Record {
    /// True for a compensation that waits to be needed.
    #[must_use]
    pub fn is_dormant(&self) -> bool {
        let is_asleep = |task: &Task| matches!(task.state, TaskState::Pending { ready_at } if ready_at == Compensation::ASLEEP);
        self.promise.compensation.is_some() && self.task.as_ref().is_some_and(is_asleep)
    }
}

/// True if a wave below this caller cancels this child of it.
pub(super) fn wave_enters(edit: &Edit<'_>, caller: &PromiseId, child: &Record) -> bool {
    match &child.promise.compensation {
        None => !child.promise.shielded,
        Some(compensation) => {
            child.is_dormant() && !compensation.is_due && !needs(edit, caller, child)
        }
    }
}

/// True if the caller has ended so that what it did is to be undone.
fn needs(edit: &Edit<'_>, caller: &PromiseId, compensation: &Record) -> bool {
    edit.get(caller).is_some_and(|caller| {
        let settled = caller.promise.settled();
        claim::is_of_this_history(caller, compensation)
            && settled.is_some_and(|settled| {
                !matches!(settled.outcome, Outcome::Resolved(_))
                    || planted(Mutant::UndoneThoughWell)
            })
    })
}

/// The caller has settled, or one of its compensations has, or a call that one belongs to: the next one runs.
pub(super) fn go_on(edit: &mut Edit<'_>, caller: &PromiseId) {
    if planted(Mutant::NotUndone) {
        return;
    }
    let mut line: Vec<_> = edit
        .tree()
        .pending_children(caller)
        .filter(|child| is_in_line(edit, caller, child))
        .cloned()
        .collect();
    if line.iter().any(|child| !child.is_dormant()) {
        return;
    }
    line.sort_by_key(|child| child.promise.origin.as_ref().map(|origin| origin.position));
    let too_many = line.len() > limits::WAVE;
    for child in line.iter().rev().take(limits::WAVE) {
        if !decide(edit, &child.promise.id) {
            return;
        }
    }
    // All of them have lapsed, and those before them follow as a wave does.
    if too_many {
        edit.send(Message::Wave { id: caller.clone() });
    }
}

/// True for those of a caller that run one after the other.
fn is_in_line(edit: &Edit<'_>, caller: &PromiseId, child: &Record) -> bool {
    let compensation = child.promise.compensation.as_ref();
    compensation.is_some_and(|compensation| !compensation.is_due) && needs(edit, caller, child)
}

/// Runs it, or lets it lapse; true in the second case, for then it is the next one's turn.
fn decide(edit: &mut Edit<'_>, id: &PromiseId) -> bool {
    match fate(edit, id) {
        Fate::Waits => false,
        Fate::Lapses(reason) => {
            settle::settle_one(edit, id, Outcome::Canceled { reason });
            true
        }
        Fate::Runs(value) => {
            let now = edit.now();
            edit.update(id, |record| {
                if let (Some(value), Kind::Call(call)) = (value, &mut record.promise.kind) {
                    Arc::make_mut(call).param = value.as_only_argument();
                }
                if let Some(task) = &mut record.task {
                    task.ready(now);
                }
            });
            false
        }
    }
}

fn fate(edit: &Edit<'_>, id: &PromiseId) -> Fate {
    let compensation = edit
        .get(id)
        .and_then(|record| record.promise.compensation.as_ref());
    let Some(of) = compensation.and_then(|compensation| compensation.of.as_ref()) else {
        return Fate::Runs(None);
    };
    let Some(call) = edit.get(of) else {
        return Fate::Lapses(format!("{of} was never made"));
    };
    match call.promise.settled().map(|settled| &settled.outcome) {
        None => Fate::Waits,
        Some(Outcome::Resolved(value)) => Fate::Runs(Some(value.clone())),
        Some(_) => Fate::Lapses(format!("{of} ended without a value")),
    }
}

/// The future of a call was dropped: what undoes it, if something does, runs once it has settled.
pub(super) fn dropped(edit: &mut Edit<'_>, caller: &PromiseId, call: &PromiseId) {
    let Some(id) = of_call(edit, caller, call) else {
        return;
    };
    edit.update(&id, |record| {
        if let Some(compensation) = &mut record.promise.compensation {
            compensation.is_due = true;
        }
    });
    decide(edit, &id);
}

/// A promise has settled: whatever waited for that goes on.
pub(super) fn settled(edit: &mut Edit<'_>, id: &PromiseId) {
    let Some(record) = edit.get(id).cloned() else {
        return;
    };
    let Some(caller) = record.promise.parent() else {
        return;
    };
    if record.promise.compensation.is_some() {
        return go_on(edit, caller);
    }
    // Only what is shielded outlives its caller, and may have somebody who waits to undo it.
    if !record.promise.shielded {
        return;
    }
    let Some(compensation) = of_call(edit, caller, id) else {
        return;
    };
    let is_due = edit
        .get(&compensation)
        .and_then(|record| record.promise.compensation.as_ref())
        .is_some_and(|compensation| compensation.is_due);
    if is_due {
        decide(edit, &compensation);
    } else {
        go_on(edit, caller);
    }
}

/// The dormant compensation that belongs to this call.
fn of_call(edit: &Edit<'_>, caller: &PromiseId, call: &PromiseId) -> Option<PromiseId> {
    let found = edit.tree().pending_children(caller).find(|child| {
        let of = child
            .promise
            .compensation
            .as_ref()
            .and_then(|one| one.of.as_ref());
        of == Some(call) && child.is_dormant()
    });
    found.map(|child| child.promise.id.clone())
}

impl Compensation {
    /// The time at which the task of a new one is ready.
    pub(super) const ASLEEP: Timestamp = Timestamp::NEVER;
}
