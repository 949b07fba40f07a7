//! Create: a root, once. Who asks again for the same gets it as it is.
//!
//! Refuses `AlreadyExists` (another function, or other arguments, unless the caller does not mind), `TooLarge`, and
//! `NotAllowed` for a name that only a turn may create.

use std::{collections::BTreeMap, sync::Arc};

use super::edit::Edit;
use crate::{
    Call, Create, Kind, NewPromise, Promise, PromiseId, PromiseState, Record, Refusal, Reply, Task,
    TaskVersion, Timestamp, limits,
    mutants::{Mutant, planted},
};

pub(super) fn apply(
    edit: &mut Edit<'_>,
    Create { promise: new, any }: Create,
) -> Result<Reply, Refusal> {
    if new.id.as_str().contains('.') {
        let why =
            "a `.` stands between a caller and its calls; write `-` or `/` in an id of your own"
                .to_owned();
        return Err(Refusal::NotAllowed { id: new.id, why });
    }
    if new.id.as_str().len() > limits::ROOT_ID_BYTES {
        // Longer, and the ids of its calls would not fit.
        let why = format!(
            "an id of your own has at most {} bytes",
            limits::ROOT_ID_BYTES
        );
        return Err(Refusal::NotAllowed { id: new.id, why });
    }
    if let Some(existing) = edit
        .get(&new.id)
        .filter(|_| !planted(Mutant::CreateOverwrites))
    {
        let record = Arc::clone(existing);
        return if any || is_same(&record.promise, &new) {
            Ok(Reply::Promise { record, new: false })
        } else {
            Err(Refusal::AlreadyExists {
                existing: match record.promise.schedule() {
                    Some(_) => "a schedule".to_owned(),
                    None => describe(record.promise.call(), new.call.as_deref()),
                },
                asked: describe(new.call.as_deref(), record.promise.call()),
                id: new.id,
            })
        };
    }
    fits(&new)?;
    let id = new.id.clone();
    edit.insert(record(new, edit.now()));
    super::expire::touch(edit, &id);
    Ok(Reply::Promise {
        record: Arc::clone(edit.known(&id)?),
        new: true,
    })
}

/// A root's first record.
fn record(new: NewPromise, now: Timestamp) -> Record {
    let task = new
        .call
        .as_ref()
        .map(|call| Task::pending(TaskVersion::default(), call.start_at.max(now)));
    let promise = Promise {
        id: new.id,
        kind: new.call.map_or(Kind::External, Kind::Call),
        state: PromiseState::Pending,
        created_at: now,
        timeout_at: new.timeout_at,
        origin: None,
        generation: 1,
        shielded: false,
        compensation: None,
        labels: new.labels,
        tags: new.tags,
        awaiters: Vec::new(),
    };
    Record { promise, task }
}

fn is_same(existing: &Promise, new: &NewPromise) -> bool {
    let generation = existing.generation;
    match (existing.call(), &new.call) {
        (Some(existing), Some(new)) => {
            // After `continue_as` the arguments are no longer those it was created with.
            existing.address == new.address
                && (existing.param == new.param
                    || generation > 1
                    || planted(Mutant::ArgumentsNotCompared))
        }
        (None, None) => existing.schedule().is_none(),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// A call in words; its arguments by size and digest when only they differ from `other`.
fn describe(call: Option<&Call>, other: Option<&Call>) -> String {
    let Some(call) = call else {
        return "a promise that somebody outside settles".to_owned();
    };
    if other.is_some_and(|other| other.address == call.address) {
        format!(
            "{} with arguments of {} bytes (digest {:016x})",
            call.address,
            call.param.bytes(),
            call.param.digest()
        )
    } else {
        call.address.to_string()
    }
}

/// Refuses what is over its limit.
pub(super) fn fits(new: &NewPromise) -> Result<(), Refusal> {
    for (what, map) in [("the labels", &new.labels), ("the tags", &new.tags)] {
        tags_fit(&new.id, what, map)?;
    }
    new.call
        .as_deref()
        .map_or(Ok(()), |call| arguments_fit(&new.id, call))
}

pub(super) fn tags_fit(
    id: &PromiseId,
    what: &'static str,
    map: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let bytes: usize = map
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes <= limits::TAG_BYTES {
        return Ok(());
    }
    Err(Refusal::TooLarge {
        id: id.clone(),
        what,
        bytes,
        max: limits::TAG_BYTES,
    })
}

pub(super) fn arguments_fit(id: &PromiseId, call: &Call) -> Result<(), Refusal> {
    let bytes = call.param.bytes();
    if bytes <= limits::PAYLOAD_BYTES {
        return Ok(());
    }
    Err(Refusal::TooLarge {
        id: id.clone(),
        what: "the arguments",
        bytes,
        max: limits::PAYLOAD_BYTES,
    })
}
