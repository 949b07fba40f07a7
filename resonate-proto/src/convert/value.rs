//! Payloads, failures, outcomes, retry policies.

use std::time::Duration;

use bytes::Bytes;
use resonate_core::{Encoding, Failure, FailureKind, Outcome, Payload, RetryPolicy};

use super::{BadMessage, Reading, millis, optional_text};
use crate::v1;

impl From<&Payload> for v1::Payload {
    fn from(payload: &Payload) -> Self {
        Self {
            encoding: payload.encoding.0.to_string(),
            headers: payload.headers.clone(),
            data: payload.data.clone(),
        }
    }
}

impl TryFrom<v1::Payload> for Payload {
    type Error = BadMessage;
    fn try_from(wire: v1::Payload) -> Result<Self, BadMessage> {
        let encoding = match wire.encoding {
            known if known == Encoding::JSON.0 => Encoding::JSON,
            known if known == Encoding::BINCODE.0 => Encoding::BINCODE,
            other => Encoding(other.into()),
        };
        Ok(Self {
            encoding,
            headers: wire.headers,
            // What is decoded is a part of what was read: of a message, or of a buffer of 8 KiB for a request however small.
            // Who keeps the payload must not keep all of that.
            data: Bytes::copy_from_slice(&wire.data),
        })
    }
}

/// Every kind of failure that has a name on the wire.
const FAILURE_KINDS: [FailureKind; 13] = [
    FailureKind::Failed,
    FailureKind::Timeout,
    FailureKind::Canceled,
    FailureKind::Panicked,
    FailureKind::Decode,
    FailureKind::NoSuchFunction,
    FailureKind::TooLarge,
    FailureKind::NotFound,
    FailureKind::AlreadyExists,
    FailureKind::OutcomeUnknown,
    FailureKind::Misused,
    FailureKind::Deadlock,
    FailureKind::Unavailable,
];

impl From<&Failure> for v1::Failure {
    fn from(failure: &Failure) -> Self {
        Self {
            kind: failure.kind.name().to_owned(),
            message: failure.message.clone(),
            promise: optional_text(failure.promise.as_ref()),
            causes: failure.causes.clone(),
        }
    }
}

impl TryFrom<v1::Failure> for Failure {
    type Error = BadMessage;
    fn try_from(wire: v1::Failure) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Failure");
        let Some(kind) = FAILURE_KINDS
            .into_iter()
            .find(|kind| kind.name() == wire.kind)
        else {
            return READING.unknown("kind", wire.kind);
        };
        let promise = READING.optional_id("promise", wire.promise)?;
        Ok(Self {
            kind,
            message: wire.message,
            promise,
            causes: wire.causes,
        })
    }
}

impl From<&Outcome> for v1::Outcome {
    fn from(outcome: &Outcome) -> Self {
        use v1::outcome::Outcome as Wire;
        let outcome = match outcome {
            Outcome::Resolved(payload) => Wire::Resolved(payload.into()),
            Outcome::Rejected(payload) => Wire::Rejected(payload.into()),
            Outcome::Failed(failure) => Wire::Failed(failure.into()),
            Outcome::Canceled { reason } => Wire::Canceled(reason.clone()),
            Outcome::TimedOut => Wire::TimedOut(v1::TimedOut {}),
        };
        Self {
            outcome: Some(outcome),
        }
    }
}

impl TryFrom<v1::Outcome> for Outcome {
    type Error = BadMessage;
    fn try_from(wire: v1::Outcome) -> Result<Self, BadMessage> {
        use v1::outcome::Outcome as Wire;
        Ok(
            match Reading("Outcome").required("outcome", wire.outcome)? {
                Wire::Resolved(payload) => Self::Resolved(payload.try_into()?),
                Wire::Rejected(payload) => Self::Rejected(payload.try_into()?),
                Wire::Failed(failure) => Self::Failed(failure.try_into()?),
                Wire::Canceled(reason) => Self::Canceled { reason },
                Wire::TimedOut(v1::TimedOut {}) => Self::TimedOut,
            },
        )
    }
}

/// Whole milliseconds. At most no attempt is written as at most one: the first is always made.
impl From<&RetryPolicy> for v1::Retry {
    fn from(policy: &RetryPolicy) -> Self {
        Self {
            initial_ms: millis(policy.initial),
            max_ms: millis(policy.max),
            max_attempts: policy.max_attempts.map_or(0, |max| max.max(1)),
            factor_percent: policy.factor_percent,
        }
    }
}

impl From<v1::Retry> for RetryPolicy {
    fn from(wire: v1::Retry) -> Self {
        Self {
            initial: Duration::from_millis(wire.initial_ms),
            max: Duration::from_millis(wire.max_ms),
            max_attempts: Some(wire.max_attempts).filter(|max| *max > 0),
            factor_percent: wire.factor_percent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_a_payload_does_not_keep_the_message_that_it_came_in() {
        let read = Bytes::from(vec![7; 8 << 10]);
        let wire = v1::Payload {
            encoding: "json".to_owned(),
            headers: Default::default(),
            data: read.slice(100..200),
        };
        let payload = Payload::try_from(wire).expect("it is understood");
        assert_eq!(payload.data, read.slice(100..200));
        assert!(!read.as_ptr_range().contains(&payload.data.as_ptr()));
        assert!(read.is_unique(), "nothing else holds what was read");
    }
}
