//! Cancel: a promise and everything pending below it is settled as canceled. It needs no living worker.
//!
//! Refuses `NotFound`, and `AlreadySettled` if it ended otherwise. A cancel of what is canceled already changes nothing;
//! the one that made the difference, repeated under its key, is told again that it did.

use std::sync::Arc;

use super::{edit::Edit, schedule, settle};
use crate::{Outcome, PromiseId, Refusal, Reply, SettleKey, limits};

pub(super) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    reason: String,
    key: Option<SettleKey>,
) -> Result<Reply, Refusal> {
    if reason.len() > limits::TAG_BYTES {
        return Err(Refusal::TooLarge {
            id: id.clone(),
            what: "the reason",
            bytes: reason.len(),
            max: limits::TAG_BYTES,
        });
    }
    schedule::refuse(edit, id)?;
    let record = edit.known(id)?;
    let outcome = Outcome::Canceled { reason };
    if let Some(earlier) = record.promise.settled() {
        return if matches!(earlier.outcome, Outcome::Canceled { .. }) {
            Ok(Reply::Promise {
                record: Arc::clone(record),
                new: earlier.is_by(&outcome, key),
            })
        } else {
            Err(Refusal::AlreadySettled {
                id: id.clone(),
                outcome: earlier.outcome.clone(),
            })
        };
    }
    settle::settle_by(edit, id, outcome, settle::By::Request(key));
    Ok(Reply::Promise {
        record: Arc::clone(edit.known(id)?),
        new: true,
    })
}
