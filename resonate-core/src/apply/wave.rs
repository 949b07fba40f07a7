//! The wave: whatever is pending below a settled promise is canceled, in rounds of bounded size.
//!
//! It does not enter shielded promises, nor compensations that are needed. A promise it settles releases its own children into it. What does not fit into
//! request goes on with a message to the same tree, written in the same batch.

use super::{claim, compensate, edit::Edit, settle, trim};
use crate::{
    Message, Outcome, PromiseId, Record, limits,
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
        let Some(reason) = reason(edit, &parent) else {
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
            settle::settle_one(
                edit,
                &child,
                Outcome::Canceled {
                    reason: reason.clone(),
                },
            );
            parents.push(child);
        }
        compensate::go_on(edit, &parent);
    }
    if has_ended {
        trim::after_wave(edit, id);
    }
}

/// How a wave will settle this promise that it has not reached yet; none if no wave is above it.
pub(super) fn reaches(edit: &Edit<'_>, id: &PromiseId) -> Option<Outcome> {
    let promise = &edit.get(id)?.promise;
    let parent = promise.parent()?;
    let record = edit.get(id)?;
    if !promise.is_pending()
        || !is_over(edit, parent, record)
        || !compensate::wave_enters(edit, parent, record)
    {
        return None;
    }
    Some(Outcome::Canceled {
        reason: reason(edit, parent)?,
    })
}

/// True for a child whose caller, or the generation of the caller that asked for it, is over.
fn is_over(edit: &Edit<'_>, parent: &PromiseId, child: &Record) -> bool {
    edit.get(parent).is_none_or(|parent| {
        !parent.promise.is_pending() || !claim::is_of_this_history(parent, child)
    })
}

/// Why what is over below this promise is canceled.
fn reason(edit: &Edit<'_>, parent: &PromiseId) -> Option<String> {
    let Some(settled) = edit.get(parent)?.promise.settled() else {
        return Some(format!("its caller {parent} continued as another"));
    };
    Some(match &settled.outcome {
        Outcome::Canceled { reason } => reason.clone(),
        Outcome::TimedOut => format!("its caller {parent} timed out"),
        Outcome::Resolved(_) => format!("its caller {parent} returned"),
        Outcome::Rejected(_) | Outcome::Failed(_) => {
            format!("its caller {parent} ended with an error")
        }
    })
}
