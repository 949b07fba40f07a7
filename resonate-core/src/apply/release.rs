//! Release: a lease, or a tie, ends without a turn.
//!
//! A lost worker and a body that stalls count as a new attempt; ten of them in a row without progress halt the task. What
//! is given back counts as none. Refuses `NotFound`, `NotACall` and `StaleVersion`.

use super::{edit::Edit, halt};
use crate::{
    PromiseId, Refusal, ReleaseReason, Reply, RetryPolicy, SessionId, TaskState, TaskVersion,
    mutants::{Mutant, planted},
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
    let version = if planted(Mutant::ReleaseTokenNotChecked) {
        task.version
    } else {
        version
    };
    edit.leased(id, version, session)?;
    if planted(Mutant::TokenRaisedOnRelease) {
        edit.update_task(id, |task| task.version = task.version.next());
    }
    match why {
        ReleaseReason::GivenBack => edit.update_task(id, |task| task.ready(now)),
        ReleaseReason::Lost | ReleaseReason::Stalled => lost(edit, id, why),
    }
    Ok(Reply::Done)
}

/// One more attempt took its worker down, was taken down with it, or blocked its thread.
fn lost(edit: &mut Edit<'_>, id: &PromiseId, why: ReleaseReason) {
    let now = edit.now();
    edit.update_task(id, |task| {
        task.attempts += 1;
        task.losses += 1;
        task.stalls += u32::from(why == ReleaseReason::Stalled);
        // The first loss is most likely not the task's fault; from the second on it waits.
        let wait = RetryPolicy::DEFAULT
            .wait(id, task.losses.saturating_sub(1))
            .filter(|_| task.losses > 1)
            .unwrap_or_default();
        task.ready(now.after(wait));
    });
    halt::halt_poison(edit, id, None);
}
