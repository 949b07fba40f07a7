//! Merge: a call that has not begun gives way to a later one with the same key, and settles as that one does.
//!
//! Refuses `NotFound`, `NotACall`, `NotReady` for what has begun or is over, and `NotAllowed` for calls that have nothing
//! in common.

use super::edit::Edit;
use crate::{Message, PromiseId, Refusal, Reply, TaskState};

pub(super) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    into: PromiseId,
) -> Result<Reply, Refusal> {
    let task = edit.task(id)?;
    if task.state == (TaskState::Merged { into: into.clone() }) {
        return Ok(Reply::Done);
    }
    if !matches!(task.state, TaskState::Pending { .. }) || task.holds_key {
        return Err(Refusal::NotReady {
            id: id.clone(),
            state: task.state_name(),
        });
    }
    let record = edit.known(id)?;
    if record.key().is_none() || record.is_dormant() || into == *id {
        let why = format!("it has no key in common with {into}");
        return Err(Refusal::NotAllowed {
            id: id.clone(),
            why,
        });
    }
    let state = TaskState::Merged { into: into.clone() };
    edit.update_task(id, |task| task.state = state);
    edit.send(Message::Subscribe {
        id: into,
        back: id.clone(),
    });
    Ok(Reply::Done)
}
