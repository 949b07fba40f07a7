//! What a durable function may ask for beside calls: one file per operation.

mod changed;
mod compensate;
mod emit;
mod execution;
mod fan;
mod inbox;
mod label;
mod now;
mod poll_until;
mod promise;
mod random;
mod returned;
mod send;
mod shield;
mod sleep;
mod state;
mod step;
mod tell;
mod timeout;

pub use self::{
    changed::changed,
    compensate::{ByReference, ByValue, Undo, on_cancel},
    emit::{emit, progress},
    execution::{Execution, execution, is_replaying, try_execution},
    fan::{JoinAll, Map, MapOutcome, MapWhole, Race, Why, join_all, map, race},
    inbox::{Inbox, Recv, inbox},
    label::label,
    now::now,
    poll_until::{PollUntil, poll_until},
    promise::{Promise, promise},
    random::{random, uuid},
    send::{Sending, send},
    shield::shield,
    sleep::{Sleep, sleep, sleep_until},
    state::{state, try_state},
    step::{Step, step},
    tell::{Tell, cancel, reject, resolve},
    timeout::{Timeout, timeout},
};

pub(crate) use self::{compensate::definition_of, returned::writing_result};

use std::collections::BTreeMap;

use resonate_core::limits;

use crate::{Error, ErrorKind, Result};

/// The labels of one promise; a turn with more than a server takes would be refused for ever.
pub(crate) fn check_labels(labels: &BTreeMap<String, String>) -> Result<()> {
    let bytes: usize = labels
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let max = limits::TAG_BYTES;
    if bytes <= max {
        return Ok(());
    }
    let message = format!(
        "{bytes} bytes are too many for the labels of one promise; at most {max} are allowed; keep what is long in the result"
    );
    Err(Error::of(ErrorKind::TooLarge, message).into_terminal())
}

/// A name or label that becomes part of an id.
fn check_name(what: &str, name: &str) -> Result<()> {
    if !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    let message = format!("{what} {name:?} is no name; use letters, digits and `_`");
    Err(Error::of(ErrorKind::Misused, message).into_terminal())
}
