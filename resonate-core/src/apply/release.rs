//! Release: a lease, or a tie, ends without a turn.
//!
//! A lost worker counts as a new attempt; ten of them in a row without progress halt the task. What is given back counts
//! as none. Refuses `NotFound`, `NotACall` and `StaleVersion`.

use super::{edit::Edit, halt};
use crate::{
    HaltCause, PromiseId, Refusal, ReleaseReason, Reply, RetryPolicy, SessionId, TaskState,
    TaskVersion, limits,
};

pub(super) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    version: TaskVersion,
    session: SessionId,
    why: ReleaseReason,
) -> Result<Reply, Refusal> {
    let task = edit.task(id)?;
    let is_tied = task.state
        == TaskState::Suspended {
            tied: Some(session),
        }
        && task.version == version;
    let now = edit.now();
    if is_tied {
        // Nobody else could wake it: it is replayed. A body that only waited is no suspect.
        edit.update_task(id, |task| {
            task.warm = None;
            task.ready(now);
        });
        return Ok(Reply::Done);
    }
    edit.leased(id, version, session)?;
    match why {
        ReleaseReason::GivenBack => edit.update_task(id, |task| task.ready(now)),
        ReleaseReason::Lost => lost(edit, id),
    }
    Ok(Reply::Done)
}

/// One more attempt took its worker down, or was taken down with it.
fn lost(edit: &mut Edit<'_>, id: &PromiseId) {
    let now = edit.now();
    let mut losses = 0;
    edit.update_task(id, |task| {
        task.attempts += 1;
        task.losses += 1;
        losses = task.losses;
        // The first loss is most likely not the task's fault; from the second on it waits.
        let wait = RetryPolicy::DEFAULT
            .wait(id, losses.saturating_sub(1))
            .filter(|_| losses > 1)
            .unwrap_or_default();
        task.ready(now.after(wait));
    });
    if losses >= limits::LOSSES {
        let reason = format!(
            "{losses} workers in a row were lost while they ran it; find out why, then `resonate continue {id}`"
        );
        halt::halt(edit, id, HaltCause::Poison, reason);
    }
}
