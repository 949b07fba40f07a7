//! What the core can be asked. Every request names promises of one tree; what goes wider is a [`Message`].

use std::sync::Arc;

use crate::{
    Call, Compensation, Failure, HaltCause, Link, NewPromise, NewSchedule, Outcome, Payload,
    PromiseId, RetryPolicy, ScheduleChange, Seq, SessionId, SettleKey, TaskVersion, Timestamp,
};

/// One request; one file of `apply` each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Create a root, or get the one of that name.
    Create(Create),
    /// Look at a promise.
    Get {
        /// Which.
        id: PromiseId,
    },
    /// Settle a promise from outside.
    Settle {
        /// Which.
        id: PromiseId,
        /// With what; a client may resolve and reject.
        outcome: Outcome,
        /// Tells its repetition from another request that says the same.
        key: Option<SettleKey>,
    },
    /// Cancel a promise and everything pending below it.
    Cancel {
        /// Which.
        id: PromiseId,
        /// Why, for people.
        reason: String,
        /// Tells its repetition from another request that says the same.
        key: Option<SettleKey>,
    },
    /// Take a task.
    Claim {
        /// Which.
        id: PromiseId,
        /// For whom.
        session: SessionId,
        /// Set when a worker takes a task again that is tied to it: the version it holds.
        tied: Option<TaskVersion>,
        /// What the claimer announced of the function; a call that does not say keeps it.
        retry: Option<RetryPolicy>,
    },
    /// A worker names what it holds after its stream opened.
    Hold {
        /// Which.
        id: PromiseId,
        /// Under which fencing token.
        version: TaskVersion,
        /// Who.
        session: SessionId,
        /// The highest place of the log it holds there.
        shown: Seq,
    },
    /// A worker whose claim was warm has no body any more: it gets the whole history under the same fencing token.
    Recall {
        /// Which.
        id: PromiseId,
        /// Under which fencing token.
        version: TaskVersion,
        /// Who.
        session: SessionId,
    },
    /// The one way a worker writes.
    Turn(Turn),
    /// A lease ends without a turn.
    Release {
        /// Which.
        id: PromiseId,
        /// Under which fencing token.
        version: TaskVersion,
        /// Whose.
        session: SessionId,
        /// Why.
        why: ReleaseReason,
    },
    /// Stop a task until somebody continues it.
    Halt {
        /// Which.
        id: PromiseId,
        /// What kind of reason.
        cause: HaltCause,
        /// Why, for people.
        reason: String,
        /// Tells its repetition from another request that says the same.
        key: Option<SettleKey>,
    },
    /// Let a halted task go on.
    Continue {
        /// Which.
        id: PromiseId,
        /// Tells its repetition from another request that says the same.
        key: Option<SettleKey>,
    },
    /// Create a schedule, or give it this plan.
    Schedule(NewSchedule),
    /// Pause, resume, delete, trigger or backfill a schedule.
    ChangeSchedule {
        /// Which.
        id: PromiseId,
        /// What.
        change: ScheduleChange,
    },
    /// Its time has come: settle it by timeout if that is so.
    Expire {
        /// Which.
        id: PromiseId,
    },
    /// What another tree, or an earlier round, sent.
    Deliver(Message),
}

/// Create a root, or get the one of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// What to create.
    pub promise: NewPromise,
    /// An existing promise of another function or with other arguments is returned instead of refused.
    pub any: bool,
}

/// Everything that came out of running an execution until it could do nothing more. All of it is written or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The task.
    pub id: PromiseId,
    /// Under which fencing token.
    pub version: TaskVersion,
    /// Whose claim it is.
    pub session: SessionId,
    /// Turns of one claim are numbered from 1; a repeated one changes nothing.
    pub n: u32,
    /// The highest place of the log the worker holds for this task; it gets what came after.
    pub shown: Seq,
    /// What to write, in order.
    pub ops: Vec<Op>,
    /// How the turn ends.
    pub end: End,
}

/// One write below a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A call elsewhere, a timer, an external promise, a proxy, a step that must be known before it runs.
    Create(NewChild),
    /// A call that starts here and must be known: created already claimed by this session.
    CreateClaimed(NewChild),
    /// A leaf or step that ran here and wrote nothing below itself: created and settled in one write.
    Record(NewChild, Outcome),
    /// Its future was dropped.
    Cancel {
        /// Which child.
        id: PromiseId,
    },
    /// A pending timer of one's own gets another time.
    MoveTimer {
        /// Which child.
        id: PromiseId,
        /// When it fires now.
        timeout_at: Timestamp,
    },
    /// A label on the task's own promise.
    Label {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
}

/// A child to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChild {
    /// Its name, below the task's.
    pub id: PromiseId,
    /// The number of the call in its caller.
    pub position: u32,
    /// File and line of the call.
    pub location: Arc<str>,
    /// The time the caller had been shown.
    pub called_at: Timestamp,
    /// What it is.
    pub kind: ChildKind,
    /// When it settles by itself.
    pub timeout_at: Timestamp,
    /// No cancellation wave enters it.
    pub shielded: bool,
    /// It waits until its caller ends badly; only of a call.
    pub compensation: Option<Compensation>,
    /// Searchable.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// What a child is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildKind {
    /// A call of a function.
    Call(Arc<Call>),
    /// A closure run in place.
    Step,
    /// A durable timer.
    Timer,
    /// A promise that somebody outside settles.
    External,
    /// A promise that is not below the caller.
    Proxy(Link),
}

/// How a turn ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The worker keeps the task and goes on.
    GoOn,
    /// Nothing can be done until a child settles.
    Suspend {
        /// Something else than a promise may wake the body: the task stays with this session.
        tied: bool,
    },
    /// The promise is settled with this.
    Fulfill(Outcome),
    /// The attempt failed.
    Fail {
        /// How.
        failure: Failure,
        /// The retry policy decides; otherwise the failure is the answer.
        retryable: bool,
        /// The error of the function's own type it stands for: what the promise is rejected with when no attempt is left.
        answer: Option<Payload>,
    },
    /// The execution goes on as a new one under the same promise, with an empty history.
    ContinueAs(Payload),
    /// Given back, no attempt counted.
    Release,
    /// Stop, visibly.
    Halt {
        /// What kind of reason.
        cause: HaltCause,
        /// What happened, for people.
        reason: String,
    },
}

/// Why a lease ends without a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseReason {
    /// The worker is gone or does not answer: a new attempt.
    Lost,
    /// The worker is there, and the body has not come back from a poll for a whole lease: a new attempt.
    Stalled,
    /// The worker does not run it, or gives it back: no attempt.
    GivenBack,
}

/// What crosses trees, or continues a wave: written with the batch that causes it, applied exactly once in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Create this root for a proxy.
    Create {
        /// What to create.
        promise: Box<NewPromise>,
        /// The proxy that hears of it.
        back: PromiseId,
        /// Answer as soon as it exists.
        detached: bool,
    },
    /// Tell the proxy how this promise settles.
    Subscribe {
        /// Which promise.
        id: PromiseId,
        /// The proxy that hears of it.
        back: PromiseId,
    },
    /// The proxy has settled otherwise and need not hear how this promise settles.
    Unsubscribe {
        /// Which promise.
        id: PromiseId,
        /// The proxy.
        back: PromiseId,
    },
    /// Settle or cancel this promise and tell the proxy what came of it.
    Tell {
        /// Which promise.
        id: PromiseId,
        /// What it is told.
        outcome: Outcome,
        /// The proxy that hears of it.
        back: PromiseId,
    },
    /// Cancel this promise, if it is pending; its awaiters hear of it.
    Cancel {
        /// Which promise.
        id: PromiseId,
        /// Why, for people.
        reason: String,
    },
    /// What came of it.
    Answer {
        /// The proxy.
        proxy: PromiseId,
        /// Its outcome.
        outcome: Outcome,
    },
    /// Go on canceling below this settled promise.
    Wave {
        /// Which promise.
        id: PromiseId,
    },
    /// Go on answering those who await this settled promise.
    Answers {
        /// Which promise.
        id: PromiseId,
    },
    /// Forget what settled below this promise in earlier generations of its history.
    Trim {
        /// Which promise.
        id: PromiseId,
    },
}

impl Message {
    /// The promise it is for, hence its tree and partition.
    #[must_use]
    pub fn target(&self) -> &PromiseId {
        match self {
            Self::Create { promise, .. } => &promise.id,
            Self::Subscribe { id, .. }
            | Self::Unsubscribe { id, .. }
            | Self::Tell { id, .. }
            | Self::Cancel { id, .. }
            | Self::Wave { id }
            | Self::Answers { id }
            | Self::Trim { id } => id,
            Self::Answer { proxy, .. } => proxy,
        }
    }
}

impl Request {
    /// The promise it is about; its tree is everything the request may read or change.
    #[must_use]
    pub fn target(&self) -> &PromiseId {
        match self {
            Self::Create(create) => &create.promise.id,
            Self::Schedule(new) => &new.id,
            Self::Turn(turn) => &turn.id,
            Self::Deliver(message) => message.target(),
            Self::Get { id }
            | Self::Settle { id, .. }
            | Self::Cancel { id, .. }
            | Self::Claim { id, .. }
            | Self::Hold { id, .. }
            | Self::Recall { id, .. }
            | Self::Release { id, .. }
            | Self::Halt { id, .. }
            | Self::Continue { id, .. }
            | Self::ChangeSchedule { id, .. }
            | Self::Expire { id } => id,
        }
    }
}
