//! What came of a turn, and what settled below a task.

use resonate_core::{Outcome, Refusal, Seq, Settlement, TurnReply, TurnStatus};

use super::{BadMessage, Reading, read_all, write_all};
use crate::v1;

impl From<&Settlement> for v1::Settlement {
    fn from(settlement: &Settlement) -> Self {
        Self {
            id: settlement.id.to_string(),
            seq: settlement.seq.0,
            at_ms: settlement.at.as_millis(),
            outcome: settlement.outcome.as_ref().map(v1::Outcome::from),
        }
    }
}

impl TryFrom<v1::Settlement> for Settlement {
    type Error = BadMessage;
    fn try_from(wire: v1::Settlement) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Settlement");
        Ok(Self {
            id: READING.id("id", wire.id)?,
            seq: Seq(wire.seq),
            at: READING.time("at_ms", wire.at_ms)?,
            outcome: wire.outcome.map(Outcome::try_from).transpose()?,
        })
    }
}

/// The fields `settled` and `status` of a `TurnAnswer`.
pub(crate) fn answer_to_wire(
    answer: &Result<TurnReply, Refusal>,
) -> (Vec<v1::Settlement>, v1::turn_answer::Status) {
    match answer {
        Ok(reply) => (write_all(&reply.settled), (&reply.status).into()),
        Err(refusal) => (Vec::new(), v1::turn_answer::Status::Refused(refusal.into())),
    }
}

/// The answer that these fields of a `TurnAnswer` make.
pub(crate) fn answer_from_wire(
    settled: Vec<v1::Settlement>,
    status: Option<v1::turn_answer::Status>,
) -> Result<Result<TurnReply, Refusal>, BadMessage> {
    use v1::turn_answer::Status as Wire;
    let status = match Reading("TurnAnswer").required("status", status)? {
        Wire::Leased(v1::Leased {}) => TurnStatus::Leased,
        Wire::Suspended(v1::Suspended {}) => TurnStatus::Suspended,
        Wire::Over(v1::Over {}) => TurnStatus::Over,
        Wire::Halted(reason) => TurnStatus::Halted { reason },
        Wire::Refused(refusal) => return Ok(Err(refusal.try_into()?)),
    };
    Ok(Ok(TurnReply {
        settled: read_all(settled)?,
        status,
    }))
}

impl From<&TurnStatus> for v1::turn_answer::Status {
    fn from(status: &TurnStatus) -> Self {
        match status {
            TurnStatus::Leased => Self::Leased(v1::Leased {}),
            TurnStatus::Suspended => Self::Suspended(v1::Suspended {}),
            TurnStatus::Over => Self::Over(v1::Over {}),
            TurnStatus::Halted { reason } => Self::Halted(reason.clone()),
        }
    }
}
