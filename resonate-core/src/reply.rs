//! What the core answers: a reply, or a documented no.

use std::sync::Arc;

use crate::{NewPromise, Outcome, Payload, PromiseId, Record, Seq, TaskVersion, Timestamp};

/// The answer to a request that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The promise as it is now.
    Promise {
        /// It and its task.
        record: Arc<Record>,
        /// This request made the difference; false when an earlier one had.
        new: bool,
    },
    /// The task is yours.
    Claimed(Box<Claimed>),
    /// You hold it still; this is what settled below it since.
    Held {
        /// In log order.
        settled: Vec<Settlement>,
    },
    /// The turn is written.
    Turn(TurnReply),
    /// What another root may begin with.
    Story(Box<Story>),
    /// Done; there is nothing to say.
    Done,
}

/// An execution up to one of its calls, for another root to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Its call, under its own id.
    pub promise: NewPromise,
    /// What it holds before that call, settled ones in log order.
    pub history: Vec<Arc<Record>>,
}

impl Story {
    /// Bytes of its arguments and results.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let param = self.promise.call.as_ref();
        let history = self.history.iter().map(|child| child.payload_bytes());
        param.map_or(0, |call| call.param.bytes()) + history.sum::<usize>()
    }

    /// Another root begins with it, on another version of the function if one is given. It says whose story it was.
    pub fn becomes(&mut self, id: PromiseId, version: Option<u32>) {
        let from = std::mem::replace(&mut self.promise.id, id);
        let label = (Self::LABEL.to_owned(), from.to_string());
        self.promise.labels.extend([label]);
        if let (Some(call), Some(version)) = (&mut self.promise.call, version) {
            Arc::make_mut(call).address.version = version;
        }
    }

    /// The label of a root that began with the story of another.
    pub const LABEL: &str = "forked_from";
}

/// A claim: the function, its arguments and the children known so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The promise and its task, with the new fencing token.
    pub record: Arc<Record>,
    /// The worker may still hold the body: `children` has only what settled since.
    pub warm: bool,
    /// Settled ones in log order, then pending ones by position.
    pub children: Vec<Arc<Record>>,
    /// For a call of a durable object whose claim is not warm: the state that it begins with, if there is one.
    pub state: Option<Payload>,
}

/// The answer to a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnReply {
    /// Everything that settled below the task after what the worker held, up to and with this turn, in log order.
    pub settled: Vec<Settlement>,
    /// What became of the task.
    pub status: TurnStatus,
}

/// What became of a task by a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnStatus {
    /// It is yours still.
    Leased,
    /// It waits; a suspended task costs no lease.
    Suspended,
    /// It is not yours any more: settled, given back, or to be tried again later.
    Over,
    /// It is halted, for this reason.
    Halted {
        /// What happened and what to do.
        reason: String,
    },
}

/// One settled child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Which.
    pub id: PromiseId,
    /// At which place of the log.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// How; left out when this very turn recorded it.
    pub outcome: Option<Outcome>,
}

/// A documented no that changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such promise.
    #[error("there is no promise `{0}`")]
    NotFound(PromiseId),
    /// The id belongs to another call.
    #[error("the id `{id}` belongs to {existing} already, this is {asked}; choose another id")]
    AlreadyExists {
        /// Which.
        id: PromiseId,
        /// What has it.
        existing: String,
        /// What was asked for.
        asked: String,
    },
    /// Another answer came first.
    #[error("the promise `{id}` is {} already", outcome.state())]
    AlreadySettled {
        /// Which.
        id: PromiseId,
        /// The answer it has.
        outcome: Outcome,
    },
    /// The claim is over: another fencing token, or not leased to this session.
    #[error(
        "the claim on `{id}` under version {version} is over (it is {state} under version {current})"
    )]
    StaleVersion {
        /// Which.
        id: PromiseId,
        /// What was shown.
        version: TaskVersion,
        /// What is valid.
        current: TaskVersion,
        /// The task's state.
        state: &'static str,
    },
    /// A turn before it is missing.
    #[error("turn {n} of `{id}` came after turn {last}; send them in order")]
    TurnGap {
        /// Which.
        id: PromiseId,
        /// What came.
        n: u32,
        /// What was last.
        last: u32,
    },
    /// The task cannot be claimed now.
    #[error("the task of `{id}` is {state}, not ready to be claimed")]
    NotReady {
        /// Which.
        id: PromiseId,
        /// Its state.
        state: &'static str,
    },
    /// The promise has no task.
    #[error("the promise `{0}` is no call; it has no task")]
    NotACall(PromiseId),
    /// It is not halted.
    #[error("the task of `{id}` is {state}, not halted")]
    NotHalted {
        /// Which.
        id: PromiseId,
        /// Its state.
        state: &'static str,
    },
    /// A payload, or labels, over the limit.
    #[error(
        "{bytes} bytes are too many for {what} of `{id}`; at most {max} are allowed; store it elsewhere and pass a reference"
    )]
    TooLarge {
        /// Which promise.
        id: PromiseId,
        /// What of it.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Something that is never allowed; the text says what to do instead.
    #[error("`{id}`: {why}")]
    NotAllowed {
        /// Which promise.
        id: PromiseId,
        /// Why, and what instead.
        why: String,
    },
}

/// What the shell does after the batch is durable. Losing all of it in a crash loses nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Those who watch this promise get its record.
    Settled(PromiseId),
    /// The worker that holds the parent is sent this settlement.
    Push {
        /// Whose.
        session: crate::SessionId,
        /// The parent's task.
        task: PromiseId,
        /// Under which fencing token.
        version: TaskVersion,
        /// What settled.
        settlement: Settlement,
    },
    /// The worker is told that its claim, or the body it holds in memory, is void.
    Drop {
        /// Whose.
        session: crate::SessionId,
        /// Which task.
        task: PromiseId,
        /// Under which fencing token.
        version: TaskVersion,
        /// Why, for people.
        why: String,
    },
}
