//! What comes in, and the questions that are answered from memory.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use resonate_core::{
    ChildKind, End, Link, Op, Payload, PromiseId, Record, Refusal, Reply, Request, Timestamp, Turn,
};
use resonate_proto::{
    client::{LogPosition, ServedFunction, WorkerInfo},
    stream::{FromWorker, Hello},
};
use tokio::sync::{mpsc, oneshot};

use super::memory::idle::IdleTrees;
use crate::{
    dispatch::stream::{Outbound, StreamId},
    limits,
};

/// One thing that came in.
#[derive(Debug)]
pub enum Input {
    /// A client asks; answered when what the answer says is durable.
    Ask {
        /// What.
        request: Request,
        /// Where the answer goes.
        answer: oneshot::Sender<Told<Reply>>,
    },
    /// A client waits for promises to settle.
    Watch {
        /// Which; at most a bounded number.
        ids: Vec<PromiseId>,
        /// Gets each record once; ends with the engine's end. Has room for all of them.
        out: mpsc::Sender<Watched>,
    },
    /// A client asks who is connected, what is served, or how the engine does.
    Look {
        /// Where the answer goes.
        answer: oneshot::Sender<Seen>,
    },
    /// A worker's stream opened.
    Open {
        /// Its number.
        stream: StreamId,
        /// What the worker said first.
        hello: Hello,
        /// Where it connects from.
        peer: String,
        /// Its way back.
        out: Outbound,
    },
    /// A worker said something.
    Items {
        /// On which stream.
        stream: StreamId,
        /// What, in order.
        items: VecDeque<FromWorker>,
    },
    /// A worker's stream closed.
    Closed {
        /// Which.
        stream: StreamId,
    },
}

impl Input {
    /// How many bytes of payloads it has, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Ask { request, .. } => request_bytes(request),
            Self::Items { items, .. } => items.iter().map(item_bytes).sum(),
            Self::Watch { .. } | Self::Look { .. } | Self::Open { .. } | Self::Closed { .. } => 0,
        }
    }
}

fn request_bytes(request: &Request) -> usize {
    match request {
        Request::Create(create) => create
            .promise
            .call
            .as_ref()
            .map_or(0, |call| call.param.bytes()),
        Request::Schedule(new) => new.plan.call.param.bytes(),
        Request::Settle { outcome, .. } => outcome.bytes(),
        Request::Turn(turn) => turn_bytes(turn),
        Request::Get { .. }
        | Request::Cancel { .. }
        | Request::Claim { .. }
        | Request::Hold { .. }
        | Request::Recall { .. }
        | Request::Release { .. }
        | Request::Halt { .. }
        | Request::Continue { .. }
        | Request::ChangeSchedule { .. }
        | Request::Expire { .. }
        | Request::Deliver(_) => 0,
    }
}

fn item_bytes(item: &FromWorker) -> usize {
    match item {
        FromWorker::Turn(turn) => turn_bytes(turn),
        FromWorker::Hello(_)
        | FromWorker::Credits { .. }
        | FromWorker::Heartbeat { .. }
        | FromWorker::Acknowledge { .. }
        | FromWorker::Reclaim(_)
        | FromWorker::NeedHistory { .. }
        | FromWorker::Drain
        | FromWorker::GiveBack { .. } => 0,
    }
}

fn turn_bytes(turn: &Turn) -> usize {
    turn.ops.iter().map(op_bytes).sum::<usize>() + end_bytes(&turn.end)
}

fn op_bytes(op: &Op) -> usize {
    match op {
        Op::Create(child) | Op::CreateClaimed(child) => child_bytes(&child.kind),
        Op::Record(child, outcome) => child_bytes(&child.kind) + outcome.bytes(),
        Op::Cancel { .. } | Op::MoveTimer { .. } | Op::Label { .. } => 0,
    }
}

fn child_bytes(kind: &ChildKind) -> usize {
    match kind {
        ChildKind::Call(call) => call.param.bytes(),
        ChildKind::Proxy(Link::Call { promise, .. }) => {
            promise.call.as_ref().map_or(0, |call| call.param.bytes())
        }
        ChildKind::Proxy(Link::Tell { outcome, .. }) => outcome.bytes(),
        ChildKind::Proxy(Link::Await { .. })
        | ChildKind::Step
        | ChildKind::Timer
        | ChildKind::External => 0,
    }
}

fn end_bytes(end: &End) -> usize {
    match end {
        End::Fulfill(outcome) => outcome.bytes(),
        End::Fail {
            failure, answer, ..
        } => failure.bytes() + answer.as_ref().map_or(0, Payload::bytes),
        End::ContinueAs(param) => param.bytes(),
        End::GoOn | End::Suspend { .. } | End::Release | End::Halt { .. } => 0,
    }
}

/// The answer to a request, or why there is none.
pub type Answer = Result<Reply, AskError>;

/// What can be seen, or why nothing can.
pub type Seen = Result<View, AskError>;

/// What a watch gets: a settled record, or the end.
pub type Watched = Told<Arc<Record>>;

/// What somebody is told, and where it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<T> {
    /// None if nothing could be answered.
    pub at: Option<LogPosition>,
    /// The answer, or why there is none.
    pub answer: Result<T, AskError>,
}

impl<T> From<AskError> for Told<T> {
    fn from(error: AskError) -> Self {
        Self {
            at: None,
            answer: Err(error),
        }
    }
}

/// Why a request has no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// A documented no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no room on the disk; nothing was written.
    #[error("{0}")]
    NoRoom(String),
    /// The engine has stopped, or could not write just now; nothing that was asked is known to be written.
    #[error("{0}")]
    Unavailable(String),
}

/// What can be seen without asking for a promise.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Workers that are connected, or whose leases run.
    pub workers: Vec<WorkerInfo>,
    /// Functions that are served, declared, or waited for.
    pub functions: Vec<ServedFunction>,
    /// Figures since the start.
    pub figures: Figures,
}

/// Figures since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Lanes made durable.
    pub commits: u64,
    /// Requests applied, of clients, workers and the engine itself.
    pub requests: u64,
    /// Records written.
    pub rows: u64,
    /// Commits that failed and were answered as such.
    pub failed_commits: u64,
}

/// What the engine is told once.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a worker may be silent.
    pub lease: Duration,
    /// How much of what nobody works on stays in memory.
    pub idle: IdleTrees,
    /// How long the engine waits at most when nothing comes in; leases run for twice as long between two looks.
    pub longest_wait: Duration,
}

impl Settings {
    /// The usual ones, with this lease.
    #[must_use]
    pub fn with_lease(lease: Duration) -> Self {
        Self {
            lease,
            idle: IdleTrees::default(),
            longest_wait: limits::LONGEST_WAIT,
        }
    }

    /// How often a worker says that it is alive.
    #[must_use]
    pub fn heartbeat(&self) -> Duration {
        self.lease / 3
    }
}

/// When the engine wants to run again though nothing comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once: there is more to do.
    Now,
    /// After this long at the latest.
    After(Duration),
}

impl Next {
    /// The sooner of two.
    #[must_use]
    pub fn at(self, now: Timestamp, at: Option<Timestamp>) -> Self {
        match (self, at) {
            (Self::Now, _) => Self::Now,
            (Self::After(wait), Some(at)) => Self::After(wait.min(now.until(at))),
            (Self::After(_), None) => self,
        }
    }
}
