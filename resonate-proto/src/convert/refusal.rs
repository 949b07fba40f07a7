//! Refusals, by name, with everything that is in them.

use resonate_core::{Refusal, TaskVersion};

use super::{BadMessage, Reading};
use crate::v1;

/// The names of states in refusals.
const STATES: [&str; 5] = ["pending", "leased", "suspended", "halted", "done"];
/// What can be too large.
const SUBJECTS: [&str; 6] = [
    "the arguments",
    "the result",
    "the error",
    "the reason",
    "the labels",
    "the tags",
];

/// The name of a refusal on the wire, in `--json` and in metrics.
#[must_use]
pub const fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotFound(_) => "not_found",
        Refusal::AlreadyExists { .. } => "already_exists",
        Refusal::AlreadySettled { .. } => "already_settled",
        Refusal::StaleVersion { .. } => "stale_version",
        Refusal::TurnGap { .. } => "turn_gap",
        Refusal::NotReady { .. } => "not_ready",
        Refusal::NotACall(_) => "not_a_call",
        Refusal::NotHalted { .. } => "not_halted",
        Refusal::TooLarge { .. } => "too_large",
        Refusal::NotAllowed { .. } => "not_allowed",
    }
}

impl From<&Refusal> for v1::Refusal {
    fn from(refusal: &Refusal) -> Self {
        let mut wire = Self {
            kind: name(refusal).to_owned(),
            message: refusal.to_string(),
            ..Self::default()
        };
        match refusal {
            Refusal::NotFound(id) | Refusal::NotACall(id) => wire.id = id.to_string(),
            Refusal::AlreadyExists {
                id,
                existing,
                asked,
            } => {
                wire.id = id.to_string();
                wire.existing.clone_from(existing);
                wire.asked.clone_from(asked);
            }
            Refusal::AlreadySettled { id, outcome } => {
                wire.id = id.to_string();
                wire.outcome = Some(outcome.into());
            }
            Refusal::StaleVersion {
                id,
                version,
                current,
                state,
            } => {
                wire.id = id.to_string();
                (wire.version, wire.current) = (version.0, current.0);
                (*state).clone_into(&mut wire.state);
            }
            Refusal::TurnGap { id, n, last } => {
                wire.id = id.to_string();
                (wire.n, wire.last) = (*n, *last);
            }
            Refusal::NotReady { id, state } | Refusal::NotHalted { id, state } => {
                wire.id = id.to_string();
                (*state).clone_into(&mut wire.state);
            }
            Refusal::TooLarge {
                id,
                what,
                bytes,
                max,
            } => {
                debug_assert!(
                    SUBJECTS.contains(what),
                    "SUBJECTS lacks {what:?}: clients could not read this refusal"
                );
                wire.id = id.to_string();
                (*what).clone_into(&mut wire.what);
                (wire.bytes, wire.max) = (as_u64(*bytes), as_u64(*max));
            }
            Refusal::NotAllowed { id, why } => {
                wire.id = id.to_string();
                wire.why.clone_from(why);
            }
        }
        wire
    }
}

impl TryFrom<v1::Refusal> for Refusal {
    type Error = BadMessage;
    fn try_from(wire: v1::Refusal) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Refusal");
        let id = READING.id("id", wire.id)?;
        let state = |name| known(&STATES, "state", name);
        Ok(match wire.kind.as_str() {
            "not_found" => Self::NotFound(id),
            "already_exists" => Self::AlreadyExists {
                id,
                existing: wire.existing,
                asked: wire.asked,
            },
            "already_settled" => {
                let outcome = READING.required("outcome", wire.outcome)?.try_into()?;
                Self::AlreadySettled { id, outcome }
            }
            "stale_version" => Self::StaleVersion {
                id,
                version: TaskVersion(wire.version),
                current: TaskVersion(wire.current),
                state: state(wire.state)?,
            },
            "turn_gap" => Self::TurnGap {
                id,
                n: wire.n,
                last: wire.last,
            },
            "not_ready" => Self::NotReady {
                id,
                state: state(wire.state)?,
            },
            "not_a_call" => Self::NotACall(id),
            "not_halted" => Self::NotHalted {
                id,
                state: state(wire.state)?,
            },
            "too_large" => Self::TooLarge {
                id,
                what: known(&SUBJECTS, "what", wire.what)?,
                bytes: READING.number("bytes", wire.bytes)?,
                max: READING.number("max", wire.max)?,
            },
            "not_allowed" => Self::NotAllowed { id, why: wire.why },
            _ => return READING.unknown("kind", wire.kind),
        })
    }
}

fn known(
    names: &[&'static str],
    field: &'static str,
    name: String,
) -> Result<&'static str, BadMessage> {
    match names.iter().find(|known| **known == name) {
        Some(known) => Ok(known),
        None => Reading("Refusal").unknown(field, name),
    }
}

fn as_u64(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}
