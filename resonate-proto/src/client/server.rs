//! What the server says about itself, its workers and their functions.

use std::time::Duration;

use resonate_core::{SessionId, Timestamp, keys::KeysLook, queue::TenantWaiting};

use crate::{
    convert::{BadMessage, Reading, micros, millis, read_all, write_all},
    stream::Function,
    v1,
};

/// A worker that is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Its registration.
    pub session: SessionId,
    /// Host and process, for people.
    pub name: String,
    /// Where it connects from.
    pub address: String,
    /// What it executes.
    pub services: Vec<String>,
    /// Executions at once.
    pub capacity: u32,
    /// Tasks it holds.
    pub leased: u64,
    /// Since when.
    pub connected_at: Timestamp,
    /// When it was last heard of.
    pub last_seen: Timestamp,
    /// It takes no more tasks.
    pub draining: bool,
    /// Of its library.
    pub version: String,
}

/// A function that is served, or that somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedFunction {
    /// As it was registered.
    pub function: Function,
    /// How many workers serve it.
    pub workers: u32,
    /// Tasks that wait for a worker.
    pub ready: u64,
    /// Since when the oldest of them waits.
    pub waiting_since: Option<Timestamp>,
    /// How many a worker has.
    pub running: u32,
    /// When its rate lets the next one start, if it has one.
    pub opens_at: Option<Timestamp>,
    /// Its keys: how many calls wait for one, and those that most wait for.
    pub keys: KeysLook,
    /// Whose the ready tasks are, the longest lines first.
    pub tenants: Vec<TenantWaiting>,
}

/// The server: version, limits, figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its version.
    pub version: String,
    /// The protocol it speaks.
    pub protocol: u32,
    /// Which store it has.
    pub store: String,
    /// Partitions it owns.
    pub partitions: u32,
    /// The limit of one payload.
    pub payload_bytes_max: usize,
    /// How long a worker may be silent.
    pub lease: Duration,
    /// Batches made durable since the start.
    pub commits: u64,
    /// Requests since the start.
    pub requests: u64,
    /// Processor time of the whole process since the start.
    pub cpu: Duration,
    /// Memory of the whole process.
    pub resident_bytes: u64,
    /// When it started.
    pub started_at: Timestamp,
    /// From the start of the process until it answered.
    pub ready_after: Duration,
}

impl From<&WorkerInfo> for v1::Worker {
    fn from(worker: &WorkerInfo) -> Self {
        Self {
            session: worker.session.to_string(),
            name: worker.name.clone(),
            address: worker.address.clone(),
            services: worker.services.clone(),
            capacity: worker.capacity,
            leased: worker.leased,
            connected_at_ms: worker.connected_at.as_millis(),
            last_seen_ms: worker.last_seen.as_millis(),
            draining: worker.draining,
            version: worker.version.clone(),
        }
    }
}

impl TryFrom<v1::Worker> for WorkerInfo {
    type Error = BadMessage;
    fn try_from(wire: v1::Worker) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Worker");
        Ok(Self {
            session: READING.session("session", wire.session)?,
            name: wire.name,
            address: wire.address,
            services: wire.services,
            capacity: wire.capacity,
            leased: wire.leased,
            connected_at: READING.time("connected_at_ms", wire.connected_at_ms)?,
            last_seen: READING.time("last_seen_ms", wire.last_seen_ms)?,
            draining: wire.draining,
            version: wire.version,
        })
    }
}

impl From<&[WorkerInfo]> for v1::WorkersReply {
    fn from(workers: &[WorkerInfo]) -> Self {
        Self {
            workers: write_all(workers),
        }
    }
}

impl TryFrom<v1::WorkersReply> for Vec<WorkerInfo> {
    type Error = BadMessage;
    fn try_from(wire: v1::WorkersReply) -> Result<Self, BadMessage> {
        read_all(wire.workers)
    }
}

impl From<&ServedFunction> for v1::ServedFunction {
    fn from(served: &ServedFunction) -> Self {
        Self {
            function: Some((&served.function).into()),
            workers: served.workers,
            ready: served.ready,
            waiting_since_ms: served.waiting_since.map_or(0, Timestamp::as_millis),
            running: served.running,
            opens_at_ms: served.opens_at.map_or(0, Timestamp::as_millis),
            held_back: served.keys.waiting,
            held_back_since_ms: served.keys.since.map_or(0, Timestamp::as_millis),
            keys: write_all(&served.keys.most),
            tenants: write_all(&served.tenants),
        }
    }
}

impl TryFrom<v1::ServedFunction> for ServedFunction {
    type Error = BadMessage;
    fn try_from(wire: v1::ServedFunction) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("ServedFunction");
        let since = READING.time("waiting_since_ms", wire.waiting_since_ms)?;
        let opens_at = READING.time("opens_at_ms", wire.opens_at_ms)?;
        let held_back = READING.time("held_back_since_ms", wire.held_back_since_ms)?;
        Ok(Self {
            function: READING.required("function", wire.function)?.try_into()?,
            workers: wire.workers,
            ready: wire.ready,
            waiting_since: Some(since).filter(|since| *since != Timestamp::ZERO),
            running: wire.running,
            opens_at: Some(opens_at).filter(|at| *at != Timestamp::ZERO),
            keys: KeysLook {
                waiting: wire.held_back,
                since: Some(held_back).filter(|since| *since != Timestamp::ZERO),
                most: read_all(wire.keys)?,
            },
            tenants: read_all(wire.tenants)?,
        })
    }
}

impl From<&[ServedFunction]> for v1::FunctionsReply {
    fn from(functions: &[ServedFunction]) -> Self {
        Self {
            functions: write_all(functions),
        }
    }
}

impl TryFrom<v1::FunctionsReply> for Vec<ServedFunction> {
    type Error = BadMessage;
    fn try_from(wire: v1::FunctionsReply) -> Result<Self, BadMessage> {
        read_all(wire.functions)
    }
}

impl From<&Info> for v1::InfoReply {
    fn from(info: &Info) -> Self {
        Self {
            version: info.version.clone(),
            protocol: info.protocol,
            store: info.store.clone(),
            partitions: info.partitions,
            payload_bytes_max: u64::try_from(info.payload_bytes_max).unwrap_or(u64::MAX),
            lease_ms: millis(info.lease),
            commits: info.commits,
            requests: info.requests,
            cpu_us: micros(info.cpu),
            resident_bytes: info.resident_bytes,
            started_at_ms: info.started_at.as_millis(),
            ready_after_us: micros(info.ready_after),
        }
    }
}

impl TryFrom<v1::InfoReply> for Info {
    type Error = BadMessage;
    fn try_from(wire: v1::InfoReply) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("InfoReply");
        Ok(Self {
            version: wire.version,
            protocol: wire.protocol,
            store: wire.store,
            partitions: wire.partitions,
            payload_bytes_max: READING.number("payload_bytes_max", wire.payload_bytes_max)?,
            lease: Duration::from_millis(wire.lease_ms),
            commits: wire.commits,
            requests: wire.requests,
            cpu: Duration::from_micros(wire.cpu_us),
            resident_bytes: wire.resident_bytes,
            started_at: READING.time("started_at_ms", wire.started_at_ms)?,
            ready_after: Duration::from_micros(wire.ready_after_us),
        })
    }
}
