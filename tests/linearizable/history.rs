//! What was asked, what was answered, and when: the whole of what the checkers know.

use resonate_proto::client::LogPosition;

/// One request as one client saw it. A repeated request is an operation of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Which promise.
    pub(crate) key: u32,
    pub(crate) request: Request,
    /// When it was sent, on a clock that all clients share and that never shows the same moment twice.
    pub(crate) start: u64,
    /// When its answer had come; none if nobody knows whether it was done.
    pub(crate) answered: Option<Answered>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) end: u64,
    pub(crate) at: LogPosition,
    pub(crate) answer: Answer,
}

/// What is asked. Every value is given once in a history, so a value names the request that wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Request {
    Create(Create),
    Get,
    Settle(Outcome),
    /// Cancel, with this reason.
    Cancel(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Create {
    /// Written into a label.
    pub(crate) by: u64,
    /// The argument of a call; none for a promise that somebody outside settles.
    pub(crate) call: Option<u64>,
    /// Its timeout has passed already.
    pub(crate) late: bool,
    /// Another promise of that name will do.
    pub(crate) any: bool,
}

/// How a promise is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Resolved(u64),
    Rejected(u64),
    Canceled(u64),
    TimedOut,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Promise {
        promise: Promise,
        /// This request made the difference.
        new: bool,
    },
    NotFound,
    AlreadyExists,
    AlreadySettled(Outcome),
}

/// A promise as an answer shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Promise {
    pub(crate) by: u64,
    pub(crate) call: Option<u64>,
    pub(crate) created_at: i64,
    pub(crate) settled: Option<Settled>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Settled {
    pub(crate) outcome: Outcome,
    /// Its place in the log: batch and place within it.
    pub(crate) seq: u64,
    pub(crate) at: i64,
}

impl Operation {
    /// The promise that its answer shows.
    pub(crate) fn shown(&self) -> Option<Promise> {
        match self.answered.as_ref()?.answer {
            Answer::Promise { promise, .. } => Some(promise),
            Answer::NotFound | Answer::AlreadyExists | Answer::AlreadySettled(_) => None,
        }
    }

    /// The outcome that its answer shows.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match self.answered.as_ref()?.answer {
            Answer::Promise { promise, .. } => promise.settled.map(|settled| settled.outcome),
            Answer::AlreadySettled(outcome) => Some(outcome),
            Answer::NotFound | Answer::AlreadyExists => None,
        }
    }
}

impl Request {
    /// The outcome that it would write.
    pub(crate) fn writes(self) -> Option<Outcome> {
        match self {
            Self::Settle(outcome) => Some(outcome),
            Self::Cancel(reason) => Some(Outcome::Canceled(reason)),
            Self::Create(_) | Self::Get => None,
        }
    }
}
