//! A refusal as a gRPC status, and back.
//!
//! | refusal | name on the wire | status |
//! |---|---|---|
//! | `NotFound` | `not_found` | `NOT_FOUND` |
//! | `AlreadyExists` | `already_exists` | `ALREADY_EXISTS` |
//! | `AlreadySettled` | `already_settled` | `FAILED_PRECONDITION` |
//! | `StaleVersion` | `stale_version` | `FAILED_PRECONDITION` |
//! | `TurnGap` | `turn_gap` | `FAILED_PRECONDITION` |
//! | `NotReady` | `not_ready` | `FAILED_PRECONDITION` |
//! | `NotACall` | `not_a_call` | `FAILED_PRECONDITION` |
//! | `NotHalted` | `not_halted` | `FAILED_PRECONDITION` |
//! | `TooLarge` | `too_large` | `RESOURCE_EXHAUSTED` |
//! | `NotAllowed` | `not_allowed` | `INVALID_ARGUMENT` |
//! | a message that cannot be understood | none | `INVALID_ARGUMENT` |
//!
//! The whole refusal travels in the metadata [`DETAILS`], so that a client gets the value the core gave. A status is
//! sent in headers, which have a bound: an answer too large for them is left out of `AlreadySettled`, and the client asks
//! for the promise.

use prost::Message as _;
use resonate_core::{PromiseId, Refusal};
use tonic::{Code, Status, metadata::MetadataValue};

pub use super::refusal::name;
use super::{BadMessage, Reading};
use crate::{client::LogPosition, v1};

/// The metadata key that carries the refusal: a `resonate.v1.Refusal` in binary.
pub const DETAILS: &str = "resonate-refusal-bin";

/// Bytes of the details. Peers take 16 KiB of headers in all, and these grow by a third in base64.
const DETAILS_BYTES: usize = 4 << 10;
/// Bytes of the text of a status, which may grow threefold in its percent-encoding.
const TEXT_BYTES: usize = 1 << 10;

/// Why a status carries no refusal that can be used, though it is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRefusal {
    /// The promise is settled already, with an answer that is too large for a status.
    #[error("the promise `{id}` is settled already; get it to see how")]
    AnswerLeftOut {
        /// Which promise.
        id: PromiseId,
    },
    /// The bytes are not a refusal.
    #[error("the details of the status are damaged")]
    Damaged,
    /// A refusal this version does not understand; the status's text still says what it was.
    #[error(transparent)]
    NotUnderstood(#[from] BadMessage),
}

/// The status that a refusal is answered with.
#[must_use]
pub fn to_status(refusal: &Refusal) -> Status {
    to_status_at(refusal, None)
}

/// The same, with where the answer stands.
#[must_use]
pub fn to_status_at(refusal: &Refusal, at: Option<LogPosition>) -> Status {
    let mut status = Status::new(code(refusal), shortened(&refusal.to_string(), TEXT_BYTES));
    let mut details = v1::Refusal {
        message: String::new(),
        at: at.map(Into::into),
        ..refusal.into()
    };
    if details.encoded_len() > DETAILS_BYTES {
        details.outcome = None;
    }
    if details.encoded_len() <= DETAILS_BYTES {
        let value = MetadataValue::from_bytes(&details.encode_to_vec());
        status.metadata_mut().insert_bin(DETAILS, value);
    }
    status
}

/// The refusal that a status carries; none when it is something else, such as a server that is gone.
///
/// # Errors
/// Says why a refusal that is there cannot be used.
pub fn from_status(status: &Status) -> Result<Option<Refusal>, BadRefusal> {
    let Some(details) = details(status)? else {
        return Ok(None);
    };
    if details.kind == "already_settled" && details.outcome.is_none() {
        let id = Reading("Refusal").id("id", details.id)?;
        return Err(BadRefusal::AnswerLeftOut { id });
    }
    Ok(Some(details.try_into()?))
}

/// Where a refused answer stands; none from a server that does not say.
///
/// # Errors
/// If the details are damaged.
pub fn position(status: &Status) -> Result<Option<LogPosition>, BadRefusal> {
    let details = details(status)?;
    let at = details.and_then(|details| details.at);
    Ok(at.map(LogPosition::try_from).transpose()?)
}

fn details(status: &Status) -> Result<Option<v1::Refusal>, BadRefusal> {
    let Some(value) = status.metadata().get_bin(DETAILS) else {
        return Ok(None);
    };
    let bytes = value.to_bytes().map_err(|_| BadRefusal::Damaged)?;
    let details = v1::Refusal::decode(bytes).map_err(|_| BadRefusal::Damaged)?;
    Ok(Some(details))
}

impl From<BadMessage> for Status {
    fn from(bad: BadMessage) -> Self {
        Self::invalid_argument(shortened(&bad.to_string(), TEXT_BYTES))
    }
}

/// The one table.
const fn code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::NotFound(_) => Code::NotFound,
        Refusal::AlreadyExists { .. } => Code::AlreadyExists,
        Refusal::AlreadySettled { .. }
        | Refusal::StaleVersion { .. }
        | Refusal::TurnGap { .. }
        | Refusal::NotReady { .. }
        | Refusal::NotACall(_)
        | Refusal::NotHalted { .. } => Code::FailedPrecondition,
        Refusal::TooLarge { .. } => Code::ResourceExhausted,
        Refusal::NotAllowed { .. } => Code::InvalidArgument,
    }
}

fn shortened(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes);
    format!("{}…", text.get(..end).unwrap_or_default())
}
