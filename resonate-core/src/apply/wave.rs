//! The wave: whatever is pending below a settled promise is canceled, in rounds of bounded size.
//!
//! It does not enter shielded promises, nor compensations that are needed. A promise it settles releases its own children
//! into it. What does not fit into a request goes on with a message to the same tree, written in the same batch.

use super::{
    claim, compensate,
    edit::Edit,
    settle::{self, By},
    trim,
};
use crate::{
    Message, Outcome, PromiseId, Record, Settled, limits,
    mutants::{Mutant, planted},
};

/// Starts the wave below a promise that has just settled or begun another generation, or goes on with it.
pub(super) fn below(edit: &mut Edit<'_>, id: &PromiseId) {
    if planted(Mutant::CancelNotPassedOn) {
        return;
    }
    let mut parents = vec![id.clone()];
    let mut has_ended = true;
    while let Some(parent) = parents.pop() {
        let Some(cause) = cause(edit, &parent) else {
            continue;
        };
        let children: Vec<_> = edit
            .tree()
            .pending_children(&parent)
            .filter(|child| {
                is_over(edit, &parent, child) && compensate::wave_enters(edit, &parent, child)
            })
            .take(limits::WAVE + 1)
            .map(|child| child.promise.id.clone())
            .collect();
        for child in children {
            if !edit.take_from_wave() {
                edit.send(Message::Wave { id: parent.clone() });
                has_ended = false;
                break;
            }
            settle::settle_one_by(edit, &child, cause.outcome(), cause.by());
            parents.push(child);
        }
        compensate::go_on(edit, &parent);
    }
    if has_ended {
        trim::after_wave(edit, id);
    }
}

/// How a wave will settle this promise that it has not reached yet; none if no wave is above it.
pub(super) fn reaches(edit: &Edit<'_>, id: &PromiseId) -> Option<Cause> {
    let record = edit.get(id)?;
    let parent = record.promise.parent()?;
    if !record.promise.is_pending()
        || !is_over(edit, parent, record)
        || !compensate::wave_enters(edit, parent, record)
    {
        return None;
    }
    cause(edit, parent)
}

/// True for a child whose caller, or the generation of the caller that asked for it, is over.
fn is_over(edit: &Edit<'_>, parent: &PromiseId, child: &Record) -> bool {
    edit.get(parent).is_none_or(|parent| {
        !parent.promise.is_pending() || !claim::is_of_this_history(parent, child)
    })
}

/// Why a wave cancels: the reason, and the promise whose end began it.
pub(super) struct Cause {
    reason: String,
    because_of: PromiseId,
}

impl Cause {
    pub(super) fn outcome(&self) -> Outcome {
        Outcome::Canceled {
            reason: self.reason.clone(),
        }
    }

    pub(super) fn by(&self) -> By {
        By::Wave(self.because_of.clone())
    }
}

/// Why what is over below this promise is canceled. What began the wave is named all the way down.
fn cause(edit: &Edit<'_>, parent: &PromiseId) -> Option<Cause> {
    let settled = edit.get(parent)?.promise.settled();
    if let Some(Settled {
        outcome: Outcome::Canceled { reason },
        because_of: Some(first),
        ..
    }) = settled
    {
        return Some(Cause {
            reason: reason.clone(),
            because_of: first.clone(),
        });
    }
    let reason = match settled.map(|settled| &settled.outcome) {
        None => format!("{parent} began anew"),
        Some(Outcome::Canceled { reason }) if reason.is_empty() => format!("{parent} was canceled"),
        Some(Outcome::Canceled { reason }) => format!("{parent} was canceled: {reason}"),
        Some(Outcome::TimedOut) => format!("{parent} timed out"),
        Some(Outcome::Resolved(_)) => format!("{parent} returned"),
        Some(Outcome::Rejected(_) | Outcome::Failed(_)) => {
            format!("{parent} ended with an error")
        }
    };
    Some(Cause {
        reason,
        because_of: parent.clone(),
    })
}
