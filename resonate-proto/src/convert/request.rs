//! Turns and what is in them; the creation of a root.

use std::sync::Arc;

use resonate_core::{
    Call, ChildKind, Create, End, Link, NewChild, NewPromise, Op, Payload, Seq, SessionId,
    TaskVersion, Turn,
};

use super::{BadMessage, Reading, read_all, task::halt_cause, timeout_to_wire, write_all};
use crate::v1;

impl From<&Create> for v1::CreateRequest {
    fn from(create: &Create) -> Self {
        Self {
            promise: Some((&create.promise).into()),
            any: create.any,
        }
    }
}

impl TryFrom<v1::CreateRequest> for Create {
    type Error = BadMessage;
    fn try_from(wire: v1::CreateRequest) -> Result<Self, BadMessage> {
        let promise = Reading("CreateRequest").required("promise", wire.promise)?;
        let promise = NewPromise::try_from(promise)?;
        promise.call.as_deref().map_or(Ok(()), check_call)?;
        Ok(Self {
            promise,
            any: wire.any,
        })
    }
}

/// The session stays behind: the server knows it from the stream.
impl From<&Turn> for v1::Turn {
    fn from(turn: &Turn) -> Self {
        Self {
            task: turn.id.to_string(),
            version: turn.version.0,
            n: turn.n,
            shown: turn.shown.0,
            ops: write_all(&turn.ops),
            end: Some((&turn.end).into()),
        }
    }
}

/// A turn as it came in the stream of this session.
///
/// # Errors
/// Names the field that cannot be understood.
pub fn turn(wire: v1::Turn, session: SessionId) -> Result<Turn, BadMessage> {
    const READING: Reading = Reading("Turn");
    Ok(Turn {
        id: READING.id("task", wire.task)?,
        version: TaskVersion(wire.version),
        session,
        n: wire.n,
        shown: Seq(wire.shown),
        ops: read_all(wire.ops)?,
        end: READING.required("end", wire.end)?.try_into()?,
    })
}

impl From<&End> for v1::turn::End {
    fn from(end: &End) -> Self {
        match end {
            End::GoOn => Self::GoOn(v1::GoOn {}),
            End::Suspend { tied } => Self::Suspend(v1::Suspend { tied: *tied }),
            End::Fulfill(outcome) => Self::Fulfill(outcome.into()),
            End::Fail {
                failure,
                retryable,
                answer,
            } => Self::Fail(v1::Fail {
                failure: Some(failure.into()),
                retryable: *retryable,
                answer: answer.as_ref().map(v1::Payload::from),
            }),
            End::ContinueAs(param) => Self::ContinueAs(param.into()),
            End::Release => Self::Release(v1::Release {}),
            End::Halt { cause, reason } => Self::Halt(v1::HaltEnd {
                cause: cause.name().to_owned(),
                reason: reason.clone(),
            }),
        }
    }
}

impl TryFrom<v1::turn::End> for End {
    type Error = BadMessage;
    fn try_from(wire: v1::turn::End) -> Result<Self, BadMessage> {
        use v1::turn::End as Wire;
        Ok(match wire {
            Wire::GoOn(v1::GoOn {}) => Self::GoOn,
            Wire::Suspend(v1::Suspend { tied }) => Self::Suspend { tied },
            Wire::Fulfill(outcome) => Self::Fulfill(outcome.try_into()?),
            Wire::Fail(fail) => {
                let failure = Reading("Fail")
                    .required("failure", fail.failure)?
                    .try_into()?;
                let answer = fail.answer.map(Payload::try_from).transpose()?;
                Self::Fail {
                    failure,
                    retryable: fail.retryable,
                    answer,
                }
            }
            Wire::ContinueAs(param) => Self::ContinueAs(param.try_into()?),
            Wire::Release(v1::Release {}) => Self::Release,
            Wire::Halt(halt) => Self::Halt {
                cause: halt_cause(Reading("HaltEnd"), halt.cause)?,
                reason: halt.reason,
            },
        })
    }
}

impl From<&Op> for v1::Op {
    fn from(op: &Op) -> Self {
        use v1::op::Op as Wire;
        let op = match op {
            Op::Create(child) => Wire::Create(child.into()),
            Op::CreateClaimed(child) => Wire::CreateClaimed(child.into()),
            Op::Record(child, outcome) => Wire::Record(v1::RecordChild {
                child: Some(child.into()),
                outcome: Some(outcome.into()),
            }),
            Op::Cancel { id } => Wire::Cancel(id.to_string()),
            Op::MoveTimer { id, timeout_at } => Wire::MoveTimer(v1::MoveTimer {
                id: id.to_string(),
                timeout_at_ms: timeout_to_wire(*timeout_at),
            }),
            Op::Label { name, value } => Wire::Label(v1::Label {
                name: name.clone(),
                value: value.clone(),
            }),
        };
        Self { op: Some(op) }
    }
}

impl TryFrom<v1::Op> for Op {
    type Error = BadMessage;
    fn try_from(wire: v1::Op) -> Result<Self, BadMessage> {
        use v1::op::Op as Wire;
        Ok(match Reading("Op").required("op", wire.op)? {
            Wire::Create(child) => Self::Create(child.try_into()?),
            Wire::CreateClaimed(child) => Self::CreateClaimed(child.try_into()?),
            Wire::Record(record) => {
                const READING: Reading = Reading("RecordChild");
                let child = READING.required("child", record.child)?.try_into()?;
                Self::Record(
                    child,
                    READING.required("outcome", record.outcome)?.try_into()?,
                )
            }
            Wire::Cancel(id) => Self::Cancel {
                id: Reading("Op").id("cancel", id)?,
            },
            Wire::MoveTimer(timer) => {
                const READING: Reading = Reading("MoveTimer");
                let id = READING.id("id", timer.id)?;
                Self::MoveTimer {
                    id,
                    timeout_at: READING.timeout("timeout_at_ms", timer.timeout_at_ms)?,
                }
            }
            Wire::Label(label) => Self::Label {
                name: label.name,
                value: label.value,
            },
        })
    }
}

impl From<&NewChild> for v1::NewChild {
    fn from(child: &NewChild) -> Self {
        Self {
            id: child.id.to_string(),
            position: child.position,
            location: child.location.to_string(),
            called_at_ms: child.called_at.as_millis(),
            kind: Some((&child.kind).into()),
            timeout_at_ms: timeout_to_wire(child.timeout_at),
            shielded: child.shielded,
            compensation: child.compensation.as_ref().map(Into::into),
            labels: child.labels.clone(),
        }
    }
}

impl TryFrom<v1::NewChild> for NewChild {
    type Error = BadMessage;
    fn try_from(wire: v1::NewChild) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("NewChild");
        let kind = READING.required("kind", wire.kind)?.try_into()?;
        called_by(&kind).map_or(Ok(()), check_call)?;
        Ok(Self {
            id: READING.id("id", wire.id)?,
            position: wire.position,
            location: wire.location.into(),
            called_at: READING.time("called_at_ms", wire.called_at_ms)?,
            kind,
            timeout_at: READING.timeout("timeout_at_ms", wire.timeout_at_ms)?,
            shielded: wire.shielded,
            compensation: wire.compensation.map(TryInto::try_into).transpose()?,
            labels: wire.labels,
        })
    }
}

impl From<&ChildKind> for v1::new_child::Kind {
    fn from(kind: &ChildKind) -> Self {
        match kind {
            ChildKind::Call(call) => Self::Call((&**call).into()),
            ChildKind::Step => Self::Step(v1::Step {}),
            ChildKind::Timer => Self::Timer(v1::Timer {}),
            ChildKind::External => Self::External(v1::External {}),
            ChildKind::Proxy(link) => Self::Proxy(link.into()),
        }
    }
}

impl TryFrom<v1::new_child::Kind> for ChildKind {
    type Error = BadMessage;
    fn try_from(wire: v1::new_child::Kind) -> Result<Self, BadMessage> {
        use v1::new_child::Kind as Wire;
        Ok(match wire {
            Wire::Call(call) => Self::Call(Arc::new(call.try_into()?)),
            Wire::Step(v1::Step {}) => Self::Step,
            Wire::Timer(v1::Timer {}) => Self::Timer,
            Wire::External(v1::External {}) => Self::External,
            Wire::Proxy(link) => Self::Proxy(link.try_into()?),
        })
    }
}

/// The call that a child is, or asks for elsewhere.
fn called_by(kind: &ChildKind) -> Option<&Call> {
    match kind {
        ChildKind::Call(call) => Some(call),
        ChildKind::Proxy(Link::Call { promise, .. }) => promise.call.as_deref(),
        ChildKind::Proxy(Link::Await { .. } | Link::Tell { .. })
        | ChildKind::Step
        | ChildKind::Timer
        | ChildKind::External => None,
    }
}

/// A new call is checked where it comes in; a stored one is read as it was written.
pub(super) fn check_call(call: &Call) -> Result<(), BadMessage> {
    Reading("Call").check_address("function", &call.address)
}
