//! Recall: a worker that was given a warm claim has no body any more and gets everything known of the execution.
//!
//! Refuses `NotFound`, `NotACall` and `StaleVersion`.

use std::sync::Arc;

use super::{
    claim::{fail_begun_steps, history},
    edit::Edit,
    object,
};
use crate::{Claimed, PromiseId, Refusal, Reply, SessionId, TaskVersion};

pub(super) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    version: TaskVersion,
    session: SessionId,
) -> Result<Reply, Refusal> {
    edit.leased(id, version, session)?;
    // What settles by this travels in the answer.
    edit.set_acting(Some(id.clone()));
    fail_begun_steps(edit, id);
    let record = Arc::clone(edit.known(id)?);
    let children = history(edit.tree(), &record);
    let state = object::state_for(edit, &record);
    Ok(Reply::Claimed(Box::new(Claimed {
        record,
        warm: false,
        children,
        state,
    })))
}
