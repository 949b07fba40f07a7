//! What a worker says.

use resonate_core::{PromiseId, Seq, SessionId, TaskVersion, Timeline, Turn};

use super::{Function, Held, cut};
use crate::{
    convert::{self, BadMessage, Problem, Reading, read_all, write_all},
    v1::{self, worker_item::Item as Wire},
};

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromWorker {
    /// Who it is, what it serves and holds: the first item of a stream.
    Hello(Hello),
    /// What came out of running an execution.
    Turn(Turn),
    /// How many dispatches this stream may have carried in all since its hello.
    Credits {
        /// That many; cold and warm ones, not the answers to `Reclaim` and `NeedHistory`.
        granted: u64,
    },
    /// It is alive.
    Heartbeat {
        /// Counted by the worker; the answer repeats it.
        n: u64,
        /// Executions whose body has not come back from a poll for a whole lease.
        stalled: Vec<Held>,
    },
    /// A dispatch has arrived.
    Acknowledge {
        /// The task.
        task: PromiseId,
        /// Its fencing token.
        version: TaskVersion,
    },
    /// A task that is tied to this session is claimed again; answered by a dispatch or a drop.
    Reclaim(Held),
    /// A warm dispatch met no body; answered by a whole one of the same version.
    NeedHistory {
        /// The task.
        task: PromiseId,
        /// Its fencing token.
        version: TaskVersion,
    },
    /// No dispatches any more: it finishes what it has and leaves.
    Drain,
    /// A lease is given back without a turn; no attempt is counted.
    GiveBack {
        /// The task.
        task: PromiseId,
        /// Its fencing token.
        version: TaskVersion,
    },
}

/// Who a worker is, what it serves and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The protocol it speaks.
    pub protocol: u32,
    /// Chosen once per process.
    pub session: SessionId,
    /// Host and process, for people.
    pub name: String,
    /// Of the library.
    pub version: String,
    /// What it knows: served here, or declared here and served elsewhere.
    pub functions: Vec<Function>,
    /// What it executes.
    pub services: Vec<String>,
    /// What it holds from an earlier stream.
    pub held: Vec<Held>,
    /// Executions at once.
    pub capacity: u32,
    /// The first credits.
    pub granted: u64,
    /// The timeline of the store in which it holds that; none before the first welcome.
    pub timeline: Option<Timeline>,
}

impl FromWorker {
    /// The messages that carry these items, in order.
    #[must_use]
    pub fn batches(items: &[Self]) -> Vec<v1::FromWorker> {
        cut(items.iter().map(v1::WorkerItem::from))
            .into_iter()
            .map(|items| v1::FromWorker { items })
            .collect()
    }
}

/// Reads what one stream carries. It knows the session from the hello and puts it into each turn.
#[derive(Clone, Debug, Default)]
pub struct FromWorkerReader {
    session: Option<SessionId>,
}

impl FromWorkerReader {
    /// The items of the next message.
    ///
    /// # Errors
    /// Names the message and the field that cannot be understood, or says that the hello is not the first item or is
    /// repeated. The stream cannot go on then.
    pub fn read(&mut self, wire: v1::FromWorker) -> Result<Vec<FromWorker>, BadMessage> {
        wire.items
            .into_iter()
            .map(|item| self.read_item(item))
            .collect()
    }

    fn read_item(&mut self, wire: v1::WorkerItem) -> Result<FromWorker, BadMessage> {
        const READING: Reading = Reading("WorkerItem");
        match (READING.required("item", wire.item)?, self.session) {
            (Wire::Hello(hello), None) => {
                let hello = Hello::try_from(hello)?;
                self.session = Some(hello.session);
                Ok(FromWorker::Hello(hello))
            }
            (item, Some(session)) => after_hello(item, session),
            (_, None) => Err(READING.bad(
                "item",
                Problem::Misplaced("the first item of a stream is a hello"),
            )),
        }
    }
}

fn after_hello(item: Wire, session: SessionId) -> Result<FromWorker, BadMessage> {
    Ok(match item {
        Wire::Hello(_) => {
            return Err(
                Reading("WorkerItem").bad("hello", Problem::Misplaced("a stream has one hello"))
            );
        }
        Wire::Turn(turn) => FromWorker::Turn(convert::turn(turn, session)?),
        Wire::Credits(credits) => FromWorker::Credits {
            granted: credits.granted,
        },
        Wire::Heartbeat(beat) => FromWorker::Heartbeat {
            n: beat.n,
            stalled: read_all(beat.stalled)?,
        },
        Wire::Acknowledge(of) => FromWorker::Acknowledge {
            task: Reading("Acknowledge").id("task", of.task)?,
            version: TaskVersion(of.version),
        },
        Wire::Reclaim(of) => FromWorker::Reclaim(Held {
            task: Reading("Reclaim").id("task", of.task)?,
            version: TaskVersion(of.version),
            shown: Seq(of.shown),
        }),
        Wire::NeedHistory(of) => FromWorker::NeedHistory {
            task: Reading("NeedHistory").id("task", of.task)?,
            version: TaskVersion(of.version),
        },
        Wire::Drain(v1::Drain {}) => FromWorker::Drain,
        Wire::GiveBack(of) => FromWorker::GiveBack {
            task: Reading("GiveBack").id("task", of.task)?,
            version: TaskVersion(of.version),
        },
    })
}

impl From<&FromWorker> for v1::WorkerItem {
    fn from(item: &FromWorker) -> Self {
        let item = match item {
            FromWorker::Hello(hello) => Wire::Hello(hello.into()),
            FromWorker::Turn(turn) => Wire::Turn(turn.into()),
            FromWorker::Credits { granted } => Wire::Credits(v1::Credits { granted: *granted }),
            FromWorker::Heartbeat { n, stalled } => Wire::Heartbeat(v1::Heartbeat {
                n: *n,
                stalled: write_all(stalled),
            }),
            FromWorker::Acknowledge { task, version } => Wire::Acknowledge(v1::Acknowledge {
                task: task.to_string(),
                version: version.0,
            }),
            FromWorker::Reclaim(held) => Wire::Reclaim(v1::Reclaim {
                task: held.task.to_string(),
                version: held.version.0,
                shown: held.shown.0,
            }),
            FromWorker::NeedHistory { task, version } => Wire::NeedHistory(v1::NeedHistory {
                task: task.to_string(),
                version: version.0,
            }),
            FromWorker::Drain => Wire::Drain(v1::Drain {}),
            FromWorker::GiveBack { task, version } => Wire::GiveBack(v1::GiveBack {
                task: task.to_string(),
                version: version.0,
            }),
        };
        Self { item: Some(item) }
    }
}

impl From<&Hello> for v1::Hello {
    fn from(hello: &Hello) -> Self {
        Self {
            protocol: hello.protocol,
            session: hello.session.to_string(),
            name: hello.name.clone(),
            version: hello.version.clone(),
            functions: write_all(&hello.functions),
            services: hello.services.clone(),
            held: write_all(&hello.held),
            capacity: hello.capacity,
            granted: hello.granted,
            timeline: hello.timeline.map_or(0, |timeline| timeline.0),
        }
    }
}

impl TryFrom<v1::Hello> for Hello {
    type Error = BadMessage;
    fn try_from(wire: v1::Hello) -> Result<Self, BadMessage> {
        Ok(Self {
            protocol: wire.protocol,
            session: Reading("Hello").session("session", wire.session)?,
            name: wire.name,
            version: wire.version,
            functions: read_all(wire.functions)?,
            services: wire.services,
            held: read_all(wire.held)?,
            capacity: wire.capacity,
            granted: wire.granted,
            timeline: (wire.timeline > 0).then_some(Timeline(wire.timeline)),
        })
    }
}
