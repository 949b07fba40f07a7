//! The right and the duty to execute a promise.

use serde::{Deserialize, Serialize};

use crate::{Failure, Seq, SessionId, SettleKey, Timestamp, limits};

/// The fencing token: +1 on every claim, never otherwise. Every write a worker makes carries it; a stale one changes nothing.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct TaskVersion(pub u64);

impl TaskVersion {
    /// The token of the next claim.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl std::fmt::Display for TaskVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The task of a promise that has a target; its id is the promise's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Who may execute it now.
    pub state: TaskState,
    /// The fencing token.
    pub version: TaskVersion,
    /// The number of the last turn of this claim.
    pub turn: u32,
    /// Attempts that are over, in whatever way: the one that runs, or comes next, has this number plus one. Begins anew
    /// with a generation.
    pub attempts: u32,
    /// Attempts that ended in a failure or a panic.
    pub failures: u32,
    /// Panics, lost workers and stalls in a row, without progress.
    pub losses: u32,
    /// How many of them were stalls: the body blocked its thread for a whole lease.
    pub stalls: u32,
    /// Why the last attempt ended.
    pub last_failure: Option<Failure>,
    /// Whose memory may still hold the body; cleared by every claim.
    pub warm: Option<Warm>,
    /// The fingerprint of the body that the last claim was given to; none if its worker did not say.
    pub body: Option<u64>,
    /// The fingerprints of bodies that left its history, the latest last: they are not tried again by themselves.
    pub misfits: Vec<u64>,
    /// Of the last request from outside that halted it, also when it has gone on.
    pub halted_by: Option<SettleKey>,
    /// Of the last request that let it go on, also when it is halted again.
    pub continued_by: Option<SettleKey>,
    /// It is pending until a look of its own is due, and ready as soon as one of its children settles.
    pub is_asleep: bool,
}

/// Where a body waits in memory, and what it has been shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warm {
    /// The worker.
    pub session: SessionId,
    /// The highest place of the log it holds.
    pub shown: Seq,
}

/// Who may execute a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskState {
    /// Anybody who serves the function, from this moment on.
    Pending {
        /// Not earlier.
        ready_at: Timestamp,
    },
    /// This worker.
    Leased {
        /// Its session.
        session: SessionId,
        /// Since when.
        since: Timestamp,
    },
    /// Nobody, until one of its children settles.
    Suspended {
        /// A worker that may claim it again because something else than a promise may wake the body it holds.
        tied: Option<SessionId>,
    },
    /// Nobody, until somebody continues it.
    Halted(Box<Halted>),
    /// Nobody, ever: its promise is settled.
    Done,
}

/// Why and since when a task is halted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halted {
    /// What kind of reason.
    pub cause: HaltCause,
    /// What happened and what to do, for people.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// What kind of reason stopped a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HaltCause {
    /// A person.
    Operator,
    /// The code asks for other calls than its history holds.
    NonDeterministic,
    /// It panicked, took its worker down or blocked its thread too often without progress.
    Poison,
    /// It asked for something that can never succeed.
    Impossible,
}

impl HaltCause {
    /// Its name in messages and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::NonDeterministic => "non_deterministic",
            Self::Poison => "poison",
            Self::Impossible => "impossible",
        }
    }
}

impl Task {
    /// A task that anybody may claim from `ready_at` on.
    #[must_use]
    pub fn pending(version: TaskVersion, ready_at: Timestamp) -> Self {
        Self {
            state: TaskState::Pending { ready_at },
            version,
            turn: 0,
            attempts: 0,
            failures: 0,
            losses: 0,
            stalls: 0,
            last_failure: None,
            warm: None,
            body: None,
            misfits: Vec::new(),
            halted_by: None,
            continued_by: None,
            is_asleep: false,
        }
    }

    /// What failed before does not count against it any more.
    pub(crate) fn forgive(&mut self) {
        (self.losses, self.stalls) = (0, 0);
    }

    /// The body that has it does not fit its history.
    pub(crate) fn does_not_fit(&mut self) {
        let Some(body) = self.body else { return };
        self.misfits.retain(|misfit| *misfit != body);
        if self.misfits.len() >= limits::MISFITS {
            self.misfits.remove(0);
        }
        self.misfits.push(body);
    }

    /// True if it is halted until a worker connects whose body may fit its history.
    #[must_use]
    pub fn awaits_another_body(&self) -> bool {
        matches!(&self.state, TaskState::Halted(halted) if halted.cause == HaltCause::NonDeterministic)
            && !self.misfits.is_empty()
    }

    /// The session that holds it, by lease or tie.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match self.state {
            TaskState::Leased { session, .. } => Some(session),
            TaskState::Suspended { tied } => tied,
            TaskState::Pending { .. } | TaskState::Halted(_) | TaskState::Done => None,
        }
    }

    /// Since when or from when on somebody must look at it.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match &self.state {
            TaskState::Pending { ready_at } => Some(*ready_at).filter(|at| !at.is_never()),
            TaskState::Leased { since, .. } => Some(*since),
            TaskState::Suspended { tied: Some(_) } => Some(Timestamp::ZERO),
            TaskState::Suspended { tied: None } | TaskState::Halted(_) | TaskState::Done => None,
        }
    }

    /// Its state, as people read it.
    #[must_use]
    pub fn state_name(&self) -> &'static str {
        match self.state {
            TaskState::Pending { .. } => "pending",
            TaskState::Leased { .. } => "leased",
            TaskState::Suspended { .. } => "suspended",
            TaskState::Halted(_) => "halted",
            TaskState::Done => "done",
        }
    }
}
