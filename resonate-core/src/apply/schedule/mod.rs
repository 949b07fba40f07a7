//! Schedules: `create` says when to call what, `change` is what operators ask, `fire` is what the clock does.

mod change;
mod create;
mod fire;

use std::sync::Arc;

pub(super) use self::{
    change::apply as change,
    create::apply as create,
    fire::{due, ended},
};
use super::edit::Edit;
use crate::{Kind, PromiseId, Refusal, Schedule};

/// The schedule of this name.
fn known<'e>(edit: &'e Edit<'_>, id: &PromiseId) -> Result<&'e Arc<Schedule>, Refusal> {
    match &edit.known(id)?.promise.kind {
        Kind::Schedule(schedule) => Ok(schedule),
        Kind::Call(_) | Kind::Step | Kind::Timer | Kind::External | Kind::Proxy(_) => {
            Err(Refusal::NotAllowed {
                id: id.clone(),
                why: "it is no schedule; `resonate schedule list` shows them".to_owned(),
            })
        }
    }
}

/// Writes what changed of a schedule; it is armed for its next fire time, from now on unless `next` says otherwise.
fn write(edit: &mut Edit<'_>, id: &PromiseId, schedule: Schedule, next: crate::Timestamp) {
    edit.update(id, |record| {
        record.promise.timeout_at = next;
        record.promise.kind = Kind::Schedule(Arc::new(schedule));
    });
}

/// Why a client may not settle or cancel it.
pub(super) fn refuse(edit: &Edit<'_>, id: &PromiseId) -> Result<(), Refusal> {
    let is_schedule =
        |record: &Arc<crate::Record>| matches!(record.promise.kind, Kind::Schedule(_));
    if !edit.get(id).is_some_and(is_schedule) {
        return Ok(());
    }
    Err(Refusal::NotAllowed {
        id: id.clone(),
        why: "it is a schedule, which never ends; pause or delete it, or cancel one of its firings"
            .to_owned(),
    })
}
