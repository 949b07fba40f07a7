//! Requests about one promise, and their answer.

use std::sync::Arc;

use resonate_core::{Outcome, Part, PromiseId, Record, ScheduleChange, SettleKey};

use crate::{
    convert::{BadMessage, Reading, key_to_wire},
    v1,
};

/// The promise as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromiseReply {
    /// It and its task.
    pub record: Arc<Record>,
    /// This request made the difference; false when an earlier one had.
    pub new: bool,
    /// Where the answer stands; none from a server that does not say.
    pub at: Option<LogPosition>,
}

/// Where an answer stands in the log of its partition: it rests on all that stands before it, and on nothing after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition {
    /// The partition; positions of different ones have no order that means anything.
    pub part: Part,
    /// The number of the owner of the partition; greater after every start of the server.
    pub epoch: u64,
    /// The batch that made a write durable; of what changed nothing, the batch that was under way.
    pub seq: u64,
    /// How many answers there were before it with the same epoch and batch.
    pub n: u64,
}

/// Resolve or reject a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    /// Which.
    pub id: PromiseId,
    /// With what.
    pub outcome: Outcome,
    /// Tells its repetition from another request that says the same.
    pub key: Option<SettleKey>,
}

/// Cancel a promise and everything pending below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// Which.
    pub id: PromiseId,
    /// Why, for people.
    pub reason: String,
    /// Tells its repetition from another request that says the same.
    pub key: Option<SettleKey>,
}

/// Stop a task until somebody continues it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Which.
    pub id: PromiseId,
    /// Why, for people.
    pub reason: String,
    /// Tells its repetition from another request that says the same.
    pub key: Option<SettleKey>,
}

/// Let a halted task go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continue {
    /// Which.
    pub id: PromiseId,
    /// Tells its repetition from another request that says the same.
    pub key: Option<SettleKey>,
}

/// Pause, resume, delete, trigger or backfill a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeSchedule {
    /// Which.
    pub id: PromiseId,
    /// What.
    pub change: ScheduleChange,
}

/// Send each of these promises once it has settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Which.
    pub ids: Vec<PromiseId>,
}

impl From<&PromiseReply> for v1::PromiseReply {
    fn from(reply: &PromiseReply) -> Self {
        Self {
            record: Some((&*reply.record).into()),
            new: reply.new,
            at: reply.at.map(Into::into),
        }
    }
}

impl TryFrom<v1::PromiseReply> for PromiseReply {
    type Error = BadMessage;
    fn try_from(wire: v1::PromiseReply) -> Result<Self, BadMessage> {
        let record = Reading("PromiseReply").required("record", wire.record)?;
        Ok(Self {
            record: Arc::new(record.try_into()?),
            new: wire.new,
            at: wire.at.map(LogPosition::try_from).transpose()?,
        })
    }
}

impl From<LogPosition> for v1::LogPosition {
    fn from(at: LogPosition) -> Self {
        Self {
            part: at.part.0.into(),
            epoch: at.epoch,
            seq: at.seq,
            n: at.n,
        }
    }
}

impl TryFrom<v1::LogPosition> for LogPosition {
    type Error = BadMessage;
    fn try_from(wire: v1::LogPosition) -> Result<Self, BadMessage> {
        Ok(Self {
            part: Part(Reading("LogPosition").number("part", wire.part)?),
            epoch: wire.epoch,
            seq: wire.seq,
            n: wire.n,
        })
    }
}

impl From<&PromiseId> for v1::GetRequest {
    fn from(id: &PromiseId) -> Self {
        Self { id: id.to_string() }
    }
}

impl TryFrom<v1::GetRequest> for PromiseId {
    type Error = BadMessage;
    fn try_from(wire: v1::GetRequest) -> Result<Self, BadMessage> {
        Reading("GetRequest").id("id", wire.id)
    }
}

impl TryFrom<v1::UrlReply> for String {
    type Error = BadMessage;
    fn try_from(wire: v1::UrlReply) -> Result<Self, BadMessage> {
        Reading("UrlReply").text("url", wire.url)
    }
}

impl From<&Continue> for v1::ContinueRequest {
    fn from(go_on: &Continue) -> Self {
        Self {
            id: go_on.id.to_string(),
            key: key_to_wire(go_on.key),
        }
    }
}

impl TryFrom<v1::ContinueRequest> for Continue {
    type Error = BadMessage;
    fn try_from(wire: v1::ContinueRequest) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("ContinueRequest");
        Ok(Self {
            id: READING.id("id", wire.id)?,
            key: READING.key("key", &wire.key)?,
        })
    }
}

impl From<&Settle> for v1::SettleRequest {
    fn from(settle: &Settle) -> Self {
        Self {
            id: settle.id.to_string(),
            outcome: Some((&settle.outcome).into()),
            key: key_to_wire(settle.key),
        }
    }
}

impl TryFrom<v1::SettleRequest> for Settle {
    type Error = BadMessage;
    fn try_from(wire: v1::SettleRequest) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("SettleRequest");
        let outcome = READING.required("outcome", wire.outcome)?.try_into()?;
        Ok(Self {
            id: READING.id("id", wire.id)?,
            outcome,
            key: READING.key("key", &wire.key)?,
        })
    }
}

impl From<&Cancel> for v1::CancelRequest {
    fn from(cancel: &Cancel) -> Self {
        Self {
            id: cancel.id.to_string(),
            reason: cancel.reason.clone(),
            key: key_to_wire(cancel.key),
        }
    }
}

impl TryFrom<v1::CancelRequest> for Cancel {
    type Error = BadMessage;
    fn try_from(wire: v1::CancelRequest) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("CancelRequest");
        Ok(Self {
            id: READING.id("id", wire.id)?,
            reason: wire.reason,
            key: READING.key("key", &wire.key)?,
        })
    }
}

impl From<&Halt> for v1::HaltRequest {
    fn from(halt: &Halt) -> Self {
        Self {
            id: halt.id.to_string(),
            reason: halt.reason.clone(),
            key: key_to_wire(halt.key),
        }
    }
}

impl TryFrom<v1::HaltRequest> for Halt {
    type Error = BadMessage;
    fn try_from(wire: v1::HaltRequest) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("HaltRequest");
        Ok(Self {
            id: READING.id("id", wire.id)?,
            reason: wire.reason,
            key: READING.key("key", &wire.key)?,
        })
    }
}

impl From<&Watch> for v1::WatchRequest {
    fn from(watch: &Watch) -> Self {
        Self {
            ids: watch.ids.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::WatchRequest> for Watch {
    type Error = BadMessage;
    fn try_from(wire: v1::WatchRequest) -> Result<Self, BadMessage> {
        Ok(Self {
            ids: Reading("WatchRequest").ids("ids", wire.ids)?,
        })
    }
}
