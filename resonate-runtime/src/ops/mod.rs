//! What a durable function may ask for beside calls: one file per operation.

mod execution;
mod label;
mod now;
mod promise;
mod random;
mod shield;
mod sleep;
mod state;
mod step;
mod tell;
mod timeout;

pub use self::{
    execution::{Execution, execution, is_replaying, try_execution},
    label::label,
    now::now,
    promise::{Promise, promise},
    random::{random, uuid},
    shield::shield,
    sleep::{Sleep, sleep, sleep_until},
    state::{state, try_state},
    step::{Step, step},
    tell::{Tell, cancel, reject, resolve},
    timeout::{Timeout, timeout},
};

use crate::{Error, ErrorKind, Result};

/// A name or label that becomes part of an id.
fn check_name(what: &str, name: &str) -> Result<()> {
    if !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    let message = format!("{what} {name:?} is no name; use letters, digits and `_`");
    Err(Error::of(ErrorKind::Misused, message).into_terminal())
}
