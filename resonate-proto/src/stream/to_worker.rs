//! What the server says to a worker.

use std::time::Duration;

use bytes::Bytes;
use resonate_core::{
    Capabilities, CapabilityKey, Payload, PromiseId, Record, Refusal, Settlement, TaskVersion,
    Timeline, Timestamp, TurnReply,
};

use super::cut;
use crate::{
    convert::{
        BadMessage, Problem, Reading, answer_from_wire, answer_to_wire, millis, read_all, write_all,
    },
    v1::{self, server_item::Item as Wire},
};

/// What the server says to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a dispatch is moved once, to its execution; the rest is short-lived"
)]
pub enum ToWorker {
    /// The answer to the hello: the first item of a stream.
    Welcome(Welcome),
    /// A task to execute.
    Dispatch(Dispatch),
    /// What became of a turn.
    TurnAnswer(TurnAnswer),
    /// What settled below a leased task.
    Settlements {
        /// The task.
        task: PromiseId,
        /// Its fencing token.
        version: TaskVersion,
        /// In log order; may repeat what the worker holds.
        settled: Vec<Settlement>,
    },
    /// The claim, or the body held in memory, is void; its destructors run.
    Drop {
        /// The task.
        task: PromiseId,
        /// The fencing token that is over.
        version: TaskVersion,
        /// Why, for people.
        why: String,
    },
    /// The lease goes on.
    HeartbeatAnswer {
        /// The heartbeat's.
        n: u64,
    },
    /// The worker is refused; the stream ends.
    Refused {
        /// What is the matter, by name.
        kind: String,
        /// What is the matter and what to do, for people.
        message: String,
    },
}

/// What a worker has to know of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The protocol it speaks.
    pub protocol: u32,
    /// Its version.
    pub server: String,
    /// How long the worker may be silent.
    pub lease: Duration,
    /// How often it says that it is alive.
    pub heartbeat: Duration,
    /// The limit of one payload.
    pub payload_bytes_max: usize,
    /// Tasks that were named as held and are not any more.
    pub let_go: Vec<PromiseId>,
    /// The server's time.
    pub now: Timestamp,
    /// The timeline of its store; to be named in the next hello.
    pub timeline: Timeline,
    /// What the URLs of promises are made with; none if the server has none.
    pub capabilities: Option<Capabilities>,
}

/// A task to execute, or a page of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// The promise and its task, with the new fencing token.
    pub record: Record,
    /// `children` has only what settled since the body was put aside.
    pub warm: bool,
    /// Settled ones in log order, then pending ones.
    pub children: Vec<Record>,
    /// Further pages follow, with the same task and version.
    pub more: bool,
    /// For the method of an object: the state it begins with, if there is one. It is on the last page.
    pub state: Option<Payload>,
}

/// What became of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnAnswer {
    /// The task.
    pub task: PromiseId,
    /// The fencing token it was shown with.
    pub version: TaskVersion,
    /// The number of the turn.
    pub n: u32,
    /// What the core said.
    pub answer: Result<TurnReply, Refusal>,
}

impl ToWorker {
    /// The messages that carry these items, in order.
    #[must_use]
    pub fn batches(items: &[Self]) -> Vec<v1::ToWorker> {
        cut(items.iter().map(v1::ServerItem::from))
            .into_iter()
            .map(|items| v1::ToWorker { items })
            .collect()
    }
}

impl TryFrom<v1::ToWorker> for Vec<ToWorker> {
    type Error = BadMessage;
    fn try_from(wire: v1::ToWorker) -> Result<Self, BadMessage> {
        read_all(wire.items)
    }
}

impl From<&ToWorker> for v1::ServerItem {
    fn from(item: &ToWorker) -> Self {
        let item = match item {
            ToWorker::Welcome(welcome) => Wire::Welcome(welcome.into()),
            ToWorker::Dispatch(dispatch) => Wire::Dispatch(dispatch.into()),
            ToWorker::TurnAnswer(answer) => Wire::TurnAnswer(answer.into()),
            ToWorker::Settlements {
                task,
                version,
                settled,
            } => Wire::Settlements(v1::Settlements {
                task: task.to_string(),
                version: version.0,
                settled: write_all(settled),
            }),
            ToWorker::Drop { task, version, why } => Wire::Drop(v1::Drop {
                task: task.to_string(),
                version: version.0,
                why: why.clone(),
            }),
            ToWorker::HeartbeatAnswer { n } => Wire::HeartbeatAnswer(v1::HeartbeatAnswer { n: *n }),
            ToWorker::Refused { kind, message } => Wire::Refused(v1::Refused {
                kind: kind.clone(),
                message: message.clone(),
            }),
        };
        Self { item: Some(item) }
    }
}

impl TryFrom<v1::ServerItem> for ToWorker {
    type Error = BadMessage;
    fn try_from(wire: v1::ServerItem) -> Result<Self, BadMessage> {
        Ok(match Reading("ServerItem").required("item", wire.item)? {
            Wire::Welcome(welcome) => Self::Welcome(welcome.try_into()?),
            Wire::Dispatch(dispatch) => Self::Dispatch(dispatch.try_into()?),
            Wire::TurnAnswer(answer) => Self::TurnAnswer(answer.try_into()?),
            Wire::Settlements(of) => Self::Settlements {
                task: Reading("Settlements").id("task", of.task)?,
                version: TaskVersion(of.version),
                settled: read_all(of.settled)?,
            },
            Wire::Drop(drop) => Self::Drop {
                task: Reading("Drop").id("task", drop.task)?,
                version: TaskVersion(drop.version),
                why: drop.why,
            },
            Wire::HeartbeatAnswer(answer) => Self::HeartbeatAnswer { n: answer.n },
            Wire::Refused(refused) => Self::Refused {
                kind: refused.kind,
                message: refused.message,
            },
        })
    }
}

impl From<&Welcome> for v1::Welcome {
    fn from(welcome: &Welcome) -> Self {
        let capabilities = welcome.capabilities.as_ref();
        Self {
            protocol: welcome.protocol,
            server: welcome.server.clone(),
            lease_ms: millis(welcome.lease),
            heartbeat_ms: millis(welcome.heartbeat),
            payload_bytes_max: u64::try_from(welcome.payload_bytes_max).unwrap_or(u64::MAX),
            let_go: welcome.let_go.iter().map(ToString::to_string).collect(),
            now_ms: welcome.now.as_millis(),
            timeline: welcome.timeline.0,
            capability_key: capabilities
                .map(|capabilities| Bytes::copy_from_slice(capabilities.key.secret()))
                .unwrap_or_default(),
            public_url: capabilities
                .map(|capabilities| capabilities.public_url.to_string())
                .unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::Welcome> for Welcome {
    type Error = BadMessage;
    fn try_from(wire: v1::Welcome) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Welcome");
        Ok(Self {
            protocol: wire.protocol,
            server: wire.server,
            lease: Duration::from_millis(wire.lease_ms),
            heartbeat: Duration::from_millis(wire.heartbeat_ms),
            payload_bytes_max: READING.number("payload_bytes_max", wire.payload_bytes_max)?,
            let_go: READING.ids("let_go", wire.let_go)?,
            now: READING.time("now_ms", wire.now_ms)?,
            timeline: Timeline(wire.timeline),
            capabilities: capabilities(&wire.capability_key, wire.public_url)?,
        })
    }
}

/// What URLs are made with, if the message says it: both or neither.
fn capabilities(key: &[u8], public_url: String) -> Result<Option<Capabilities>, BadMessage> {
    const READING: Reading = Reading("Welcome");
    if key.is_empty() && public_url.is_empty() {
        return Ok(None);
    }
    let key = key.try_into().map_err(|_| {
        let problem = Problem::OutOfRange(key.len().try_into().unwrap_or(i128::MAX));
        READING.bad("capability_key", problem)
    })?;
    Ok(Some(Capabilities {
        key: CapabilityKey::new(key),
        public_url: READING.text("public_url", public_url)?.into(),
    }))
}

impl From<&Dispatch> for v1::Dispatch {
    fn from(dispatch: &Dispatch) -> Self {
        Self {
            record: Some((&dispatch.record).into()),
            warm: dispatch.warm,
            children: write_all(&dispatch.children),
            more: dispatch.more,
            state: dispatch.state.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<v1::Dispatch> for Dispatch {
    type Error = BadMessage;
    fn try_from(wire: v1::Dispatch) -> Result<Self, BadMessage> {
        let record = Reading("Dispatch")
            .required("record", wire.record)?
            .try_into()?;
        Ok(Self {
            record,
            warm: wire.warm,
            children: read_all(wire.children)?,
            more: wire.more,
            state: wire.state.map(Payload::try_from).transpose()?,
        })
    }
}

impl From<&TurnAnswer> for v1::TurnAnswer {
    fn from(turn: &TurnAnswer) -> Self {
        let (settled, status) = answer_to_wire(&turn.answer);
        Self {
            task: turn.task.to_string(),
            version: turn.version.0,
            n: turn.n,
            settled,
            status: Some(status),
        }
    }
}

impl TryFrom<v1::TurnAnswer> for TurnAnswer {
    type Error = BadMessage;
    fn try_from(wire: v1::TurnAnswer) -> Result<Self, BadMessage> {
        Ok(Self {
            task: Reading("TurnAnswer").id("task", wire.task)?,
            version: TaskVersion(wire.version),
            n: wire.n,
            answer: answer_from_wire(wire.settled, wire.status)?,
        })
    }
}
