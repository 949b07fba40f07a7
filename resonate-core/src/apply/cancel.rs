//! Cancel: a promise and everything pending below it is settled as canceled. It needs no living worker.
//!
//! Refuses `NotFound`, and `AlreadySettled` if it ended otherwise. A repeated cancel gets the first one's answer.

use std::sync::Arc;

use super::{edit::Edit, settle};
use crate::{Outcome, PromiseId, Refusal, Reply, limits};

pub(super) fn apply(edit: &mut Edit<'_>, id: &PromiseId, reason: String) -> Result<Reply, Refusal> {
    if reason.len() > limits::TAG_BYTES {
        return Err(Refusal::TooLarge {
            id: id.clone(),
            what: "the reason",
            bytes: reason.len(),
            max: limits::TAG_BYTES,
        });
    }
    let record = edit.known(id)?;
    if let Some(earlier) = record.promise.settled() {
        return if matches!(earlier.outcome, Outcome::Canceled { .. }) {
            Ok(Reply::Promise {
                record: Arc::clone(record),
                new: false,
            })
        } else {
            Err(Refusal::AlreadySettled {
                id: id.clone(),
                outcome: earlier.outcome.clone(),
            })
        };
    }
    settle::settle(edit, id, Outcome::Canceled { reason });
    Ok(Reply::Promise {
        record: Arc::clone(edit.known(id)?),
        new: true,
    })
}
