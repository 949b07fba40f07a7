//! Expire: a promise whose time has passed is settled by it. A timer resolves, a schedule fires, everything else times out.
//!
//! Every request touches what it names first, so this file is all there is to timeouts. What a cancellation wave has not
//! reached yet is canceled by a touch as well: nobody can claim it meanwhile.

use super::{edit::Edit, schedule, settle, wave};
use crate::{
    Kind, Outcome, Payload, PromiseId,
    mutants::{Mutant, planted},
};

/// Settles the promise, and its caller before it, if their time has passed.
pub(super) fn touch(edit: &mut Edit<'_>, id: &PromiseId) {
    let parent = edit
        .get(id)
        .and_then(|record| record.promise.parent().cloned());
    for id in parent.iter().chain([id]) {
        let Some(record) = edit.get(id) else { continue };
        let now = if planted(Mutant::TimerEarly) {
            edit.now().after(std::time::Duration::from_secs(1))
        } else {
            edit.now()
        };
        if !record.promise.is_pending() || record.promise.timeout_at > now {
            continue;
        }
        let outcome = match record.promise.kind {
            Kind::Timer => Outcome::Resolved(Payload::json("null")),
            Kind::Call(_) | Kind::Step | Kind::External | Kind::Proxy(_) => Outcome::TimedOut,
            Kind::Schedule(_) => {
                schedule::due(edit, id);
                continue;
            }
        };
        settle::settle(edit, id, outcome);
    }
    if let Some(cause) = wave::reaches(edit, id) {
        settle::settle_by(edit, id, cause.outcome(), cause.by());
    }
}
