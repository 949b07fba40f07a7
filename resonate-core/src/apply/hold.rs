//! Hold: after its stream opened, a worker names what it holds and gets what settled since.
//!
//! Refuses `NotFound`, `NotACall`, and `StaleVersion` when the claim or tie is over.

use super::{claim, edit::Edit, turn};
use crate::{
    PromiseId, Refusal, Reply, Seq, SessionId, TaskState, TaskVersion,
    mutants::{Mutant, planted},
};

pub(super) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    version: TaskVersion,
    session: SessionId,
    shown: Seq,
) -> Result<Reply, Refusal> {
    let task = edit.task(id)?;
    let is_held = match &task.state {
        TaskState::Leased {
            session: holder, ..
        }
        | TaskState::Suspended { tied: Some(holder) } => {
            *holder == session || planted(Mutant::HoldTokenNotChecked)
        }
        TaskState::Pending { .. }
        | TaskState::Suspended { tied: None }
        | TaskState::Halted(_)
        | TaskState::Merged { .. }
        | TaskState::Done => false,
    };
    if !is_held || (task.version != version && !planted(Mutant::HoldTokenNotChecked)) {
        return Err(claim::stale(id, version, task));
    }
    let settled = turn::settled_after(edit, id, shown, &[]);
    Ok(Reply::Held { settled })
}
