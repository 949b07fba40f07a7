//! What tests of whole processes need to know of a worker, and how a simulator runs many processes in one thread. No part
//! of the public API, and nothing that runs in a release but a look at an `Option`.

pub mod gate;
pub(crate) mod stage;
mod wall;

use std::{cell::Cell, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    gate::Gate,
    stage::Stage,
    wall::{set_wall, wall_millis},
};
pub use crate::client::{Answer, CallError, Server, WorkStream};
use crate::{
    Builder, Result,
    codec::{Bounded, Format},
};

/// A moment of a turn, by which a worker writes. A process that ends between two of them has either written or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnPoint {
    /// It is about to be sent, for the first time or again: the server knows nothing of it yet.
    Unsent,
    /// It is written, or refused, and nothing here has heard of that yet.
    Answered,
}

/// A process that talks to this server. Start it within a [`Gate`]: then it has no thread of its own.
pub fn process(server: Arc<dyn Server>) -> Builder {
    Builder::default().through(server)
}

/// The same, and its functions are those of this stage.
pub fn process_on(server: Arc<dyn Server>, stage: Stage) -> Builder {
    Builder::default().through(server).on(stage)
}

/// Writes a value as a payload's bytes, in one of the two formats that everybody reads.
///
/// # Errors
/// What keeps it from being written.
pub fn write_payload<T: Serialize>(format: Format, value: &T) -> Result<Vec<u8>> {
    let mut out = Bounded::new(usize::MAX);
    format.write(value, &mut out, &Cell::new(0))?;
    Ok(out.into_bytes())
}

/// Reads a payload's bytes, which may be anything.
///
/// # Errors
/// They are no such value.
pub fn read_payload<T: DeserializeOwned>(format: Format, data: &[u8]) -> Result<T> {
    format.read(data)
}
