//! What a worker's stream carries, in core types. One stream per process, both ways, for everything that is hot.
//!
//! A worker sends [`FromWorker`], the server [`ToWorker`]; each wire message is a batch of them. The first of each side
//! are [`Hello`] and [`Welcome`]. `batches` writes; a [`FromWorkerReader`], or `Vec<ToWorker>: TryFrom`, reads.

mod from_worker;
mod function;
mod to_worker;

use prost::Message as _;
use resonate_core::{PromiseId, Record, Seq, TaskVersion, limits};

pub use self::{
    from_worker::{FromWorker, FromWorkerReader, Hello},
    function::{Defaults, Function, Parameter, key_text},
    to_worker::{Dispatch, ToWorker, TurnAnswer, Welcome},
};
use crate::{
    convert::{BadMessage, Reading},
    v1,
};

/// The protocol this version speaks. A field that must not be skipped raises it.
pub const PROTOCOL: u32 = 3;

/// The kind of refusal after which a worker drops what it holds and says hello again, as if for the first time.
pub const ANOTHER_TIMELINE: &str = "timeline";

/// A task that a worker holds: leased to it, or suspended and tied to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The task.
    pub task: PromiseId,
    /// Its fencing token.
    pub version: TaskVersion,
    /// The highest place of the log the worker holds for it.
    pub shown: Seq,
}

impl From<&Held> for v1::Held {
    fn from(held: &Held) -> Self {
        Self {
            task: held.task.to_string(),
            version: held.version.0,
            shown: held.shown.0,
        }
    }
}

impl TryFrom<v1::Held> for Held {
    type Error = BadMessage;
    fn try_from(wire: v1::Held) -> Result<Self, BadMessage> {
        let task = Reading("Held").id("task", wire.task)?;
        Ok(Self {
            task,
            version: TaskVersion(wire.version),
            shown: Seq(wire.shown),
        })
    }
}

/// How many bytes a record has on the wire, for paging a history by bytes.
#[must_use]
pub fn record_bytes(record: &Record) -> usize {
    v1::Record::from(record).encoded_len()
}

/// Room in a message for what is around one item.
const ENVELOPE_BYTES: usize = 16;

/// Cuts items into batches that fit a message, in order. An item that is too large by itself gets a batch of its own;
/// the sender's limit refuses it.
fn cut<T: prost::Message>(items: impl IntoIterator<Item = T>) -> Vec<Vec<T>> {
    let mut batches = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for item in items {
        let more = item.encoded_len() + ENVELOPE_BYTES;
        if !batch.is_empty() && limits::MESSAGE_BYTES < bytes + more {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        batch.push(item);
        bytes += more;
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}
