//! Tasks and their states.

use resonate_core::{Failure, HaltCause, Halted, Seq, Task, TaskState, TaskVersion, Warm};

use super::{BadMessage, Reading, key_to_wire, optional_text};
use crate::v1;

impl From<&Task> for v1::Task {
    fn from(task: &Task) -> Self {
        Self {
            state: Some((&task.state).into()),
            version: task.version.0,
            turn: task.turn,
            attempts: task.attempts,
            failures: task.failures,
            losses: task.losses,
            stalls: task.stalls,
            last_failure: task.last_failure.as_ref().map(v1::Failure::from),
            warm: task.warm.as_ref().map(v1::Warm::from),
            halted_by: key_to_wire(task.halted_by),
            continued_by: key_to_wire(task.continued_by),
            holds_key: task.holds_key,
        }
    }
}

impl TryFrom<v1::Task> for Task {
    type Error = BadMessage;
    fn try_from(wire: v1::Task) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Task");
        Ok(Self {
            state: READING.required("state", wire.state)?.try_into()?,
            version: TaskVersion(wire.version),
            turn: wire.turn,
            // A row from before they were counted on their own says nothing: there were at least so many.
            attempts: wire.attempts.max(wire.failures).max(wire.losses),
            failures: wire.failures,
            losses: wire.losses,
            stalls: wire.stalls,
            last_failure: wire.last_failure.map(Failure::try_from).transpose()?,
            warm: wire.warm.map(Warm::try_from).transpose()?,
            halted_by: READING.key("halted_by", &wire.halted_by)?,
            continued_by: READING.key("continued_by", &wire.continued_by)?,
            holds_key: wire.holds_key,
        })
    }
}

impl From<&TaskState> for v1::task::State {
    fn from(state: &TaskState) -> Self {
        match state {
            TaskState::Pending { ready_at } => Self::Pending(v1::TaskPending {
                ready_at_ms: ready_at.as_millis(),
            }),
            TaskState::Leased { session, since } => Self::Leased(v1::TaskLeased {
                session: session.to_string(),
                since_ms: since.as_millis(),
            }),
            TaskState::Suspended { tied } => Self::Suspended(v1::TaskSuspended {
                tied: optional_text(tied.as_ref()),
            }),
            TaskState::Halted(halted) => Self::Halted(v1::TaskHalted {
                cause: halted.cause.name().to_owned(),
                reason: halted.reason.clone(),
                at_ms: halted.at.as_millis(),
            }),
            TaskState::Merged { into } => Self::Merged(v1::TaskMerged {
                into: into.to_string(),
            }),
            TaskState::Done => Self::Done(v1::TaskDone {}),
        }
    }
}

impl TryFrom<v1::task::State> for TaskState {
    type Error = BadMessage;
    fn try_from(wire: v1::task::State) -> Result<Self, BadMessage> {
        use v1::task::State as Wire;
        Ok(match wire {
            Wire::Pending(pending) => Self::Pending {
                ready_at: Reading("TaskPending").time("ready_at_ms", pending.ready_at_ms)?,
            },
            Wire::Leased(leased) => {
                const READING: Reading = Reading("TaskLeased");
                let session = READING.session("session", leased.session)?;
                Self::Leased {
                    session,
                    since: READING.time("since_ms", leased.since_ms)?,
                }
            }
            Wire::Suspended(suspended) => Self::Suspended {
                tied: Reading("TaskSuspended").optional_session("tied", suspended.tied)?,
            },
            Wire::Halted(halted) => {
                const READING: Reading = Reading("TaskHalted");
                let cause = halt_cause(READING, halted.cause)?;
                let at = READING.time("at_ms", halted.at_ms)?;
                Self::Halted(Box::new(Halted {
                    cause,
                    reason: halted.reason,
                    at,
                }))
            }
            Wire::Merged(merged) => Self::Merged {
                into: Reading("TaskMerged").id("into", merged.into)?,
            },
            Wire::Done(v1::TaskDone {}) => Self::Done,
        })
    }
}

/// Every cause that has a name on the wire.
const HALT_CAUSES: [HaltCause; 4] = [
    HaltCause::Operator,
    HaltCause::NonDeterministic,
    HaltCause::Poison,
    HaltCause::Impossible,
];

/// Reads the field `cause`.
pub(super) fn halt_cause(reading: Reading, name: String) -> Result<HaltCause, BadMessage> {
    match HALT_CAUSES.into_iter().find(|cause| cause.name() == name) {
        Some(cause) => Ok(cause),
        None => reading.unknown("cause", name),
    }
}

impl From<&Warm> for v1::Warm {
    fn from(warm: &Warm) -> Self {
        Self {
            session: warm.session.to_string(),
            shown: warm.shown.0,
        }
    }
}

impl TryFrom<v1::Warm> for Warm {
    type Error = BadMessage;
    fn try_from(wire: v1::Warm) -> Result<Self, BadMessage> {
        Ok(Self {
            session: Reading("Warm").session("session", wire.session)?,
            shown: Seq(wire.shown),
        })
    }
}
