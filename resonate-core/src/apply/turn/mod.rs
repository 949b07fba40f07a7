//! Turn: the one way a worker writes. All of it or none; only under a valid claim; a repeated one changes nothing.
//!
//! Refuses `NotFound`, `NotACall`, `StaleVersion`, `TurnGap`. An op that can never succeed halts the task with the
//! reason instead of blocking the turn for ever.

mod child;
mod end;

use std::collections::BTreeMap;

use super::{claim, edit::Edit, halt, object};
use crate::{
    End, HaltCause, Op, Outcome, PromiseId, Refusal, Reply, Seq, Settlement, TaskState, Turn,
    TurnReply, TurnStatus, limits,
    mutants::{Mutant, planted},
};

pub(super) fn apply(edit: &mut Edit<'_>, turn: Turn) -> Result<Reply, Refusal> {
    let Turn {
        id,
        version,
        session,
        n,
        shown,
        ops,
        end,
    } = turn;
    let task = edit.task(&id)?;
    let is_repeated =
        task.version == version && task.turn == n && n > 0 && was_of(task.session(), session);
    if is_repeated && !planted(Mutant::TurnTakenTwice) {
        return Ok(repeated(edit, &id, shown));
    }
    let is_unfenced = planted(Mutant::TokenNotChecked)
        || (planted(Mutant::SettleTokenNotChecked) && matches!(end, End::Fulfill(_)))
        || (planted(Mutant::TurnTakenTwice) && is_repeated);
    if !is_unfenced {
        let last = edit.leased(&id, version, session)?.turn;
        if n != last + 1 {
            return Err(Refusal::TurnGap { id, n, last });
        }
    }
    edit.set_acting(Some(id.clone()));
    let recorded: Vec<_> = ops.iter().filter_map(recorded).collect();
    // A label is written again by every attempt.
    let has_progress = ops.iter().any(|op| !matches!(op, Op::Label { .. }));
    let written = edit.attempt(|edit| {
        if ops.len() > limits::TURN_OPS {
            let why = format!(
                "a turn has {} ops; at most {} are allowed",
                ops.len(),
                limits::TURN_OPS
            );
            return Err(Refusal::NotAllowed {
                id: id.clone(),
                why,
            });
        }
        object::is_with_value(&id, &ops, &end)?;
        for op in ops {
            apply_op(edit, &id, session, op)?;
        }
        end::fits(&id, &end)
    });
    edit.update_task(&id, |task| {
        task.turn = n;
        if has_progress && written.is_ok() {
            task.forgive();
        }
    });
    let status = match written {
        Ok(()) => end::apply(edit, &id, session, shown, end),
        Err(refusal) => {
            halt::halt(edit, &id, HaltCause::Impossible, refusal.to_string());
            TurnStatus::Halted {
                reason: refusal.to_string(),
            }
        }
    };
    let settled = match status {
        TurnStatus::Leased | TurnStatus::Suspended => settled_after(edit, &id, shown, &recorded),
        TurnStatus::Over | TurnStatus::Halted { .. } => Vec::new(),
    };
    Ok(Reply::Turn(TurnReply { settled, status }))
}

/// A task that left the session by its own last turn still knows that turn.
fn was_of(holder: Option<crate::SessionId>, session: crate::SessionId) -> bool {
    holder.is_none_or(|holder| holder == session)
}

/// The answer to a turn that is written already.
fn repeated(edit: &Edit<'_>, id: &PromiseId, shown: Seq) -> Reply {
    let status = match edit
        .get(id)
        .and_then(|record| record.task.as_ref())
        .map(|task| &task.state)
    {
        Some(TaskState::Leased { .. }) => TurnStatus::Leased,
        Some(TaskState::Suspended { .. }) => TurnStatus::Suspended,
        Some(TaskState::Pending { .. }) if is_warm(edit, id) => TurnStatus::Suspended,
        Some(TaskState::Halted(halted)) => TurnStatus::Halted {
            reason: halted.reason.clone(),
        },
        Some(TaskState::Pending { .. } | TaskState::Done) | None => TurnStatus::Over,
    };
    let settled = match status {
        TurnStatus::Leased | TurnStatus::Suspended => settled_after(edit, id, shown, &[]),
        TurnStatus::Over | TurnStatus::Halted { .. } => Vec::new(),
    };
    Reply::Turn(TurnReply { settled, status })
}

fn is_warm(edit: &Edit<'_>, id: &PromiseId) -> bool {
    edit.get(id)
        .and_then(|record| record.task.as_ref())
        .is_some_and(|task| task.warm.is_some())
}

/// What settled below a task after `shown`, in log order; outcomes that this turn recorded are left out.
pub(super) fn settled_after(
    edit: &Edit<'_>,
    id: &PromiseId,
    shown: Seq,
    recorded: &[(PromiseId, Outcome)],
) -> Vec<Settlement> {
    let Some(record) = edit.get(id) else {
        return Vec::new();
    };
    let recorded: BTreeMap<_, _> = recorded.iter().map(|(id, outcome)| (id, outcome)).collect();
    let children = edit
        .tree()
        .settled_after(id, shown)
        .filter(|child| claim::is_of_this_history(record, child));
    let settlements = children.filter_map(|child| {
        let settled = child.promise.settled()?;
        // A begun step may have timed out before its outcome came.
        let is_known = recorded.get(&child.promise.id) == Some(&&settled.outcome);
        let outcome = (!is_known).then(|| settled.outcome.clone());
        Some(Settlement {
            id: child.promise.id.clone(),
            seq: settled.seq,
            at: settled.at,
            outcome,
        })
    });
    settlements.collect()
}

fn recorded(op: &Op) -> Option<(PromiseId, Outcome)> {
    match op {
        Op::Record(child, outcome) => Some((child.id.clone(), outcome.clone())),
        Op::Create(_)
        | Op::CreateClaimed(_)
        | Op::Cancel { .. }
        | Op::MoveTimer { .. }
        | Op::Label { .. }
        | Op::State { .. } => None,
    }
}

fn apply_op(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    session: crate::SessionId,
    op: Op,
) -> Result<(), Refusal> {
    match op {
        Op::Create(child) => child::create(edit, id, child),
        Op::CreateClaimed(child) => child::create_claimed(edit, id, session, child),
        Op::Record(child, outcome) => child::record(edit, id, child, outcome),
        Op::Cancel { id: child } => child::cancel(edit, id, &child),
        Op::MoveTimer {
            id: child,
            timeout_at,
        } => child::move_timer(edit, id, &child, timeout_at),
        Op::Label { name, value } => child::label(edit, id, name, value),
        Op::State {
            state,
            expire_after,
        } => object::write(edit, id, state, expire_after),
    }
}
