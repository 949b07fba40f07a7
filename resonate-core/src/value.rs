//! What travels: payloads, failures, outcomes. Opaque to the server but for its own failures.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::PromiseId;

/// The label of a payload's encoding: `json`, `bincode`, or what a codec of the user's is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Encoding(pub Cow<'static, str>);

impl Encoding {
    /// JSON text; the default.
    pub const JSON: Self = Self(Cow::Borrowed("json"));
    /// bincode 2 with a size limit.
    pub const BINCODE: Self = Self(Cow::Borrowed("bincode"));
}

/// Bytes with their encoding and headers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// How the bytes are to be read.
    pub encoding: Encoding,
    /// What codecs need beside the bytes, such as a key id.
    pub headers: BTreeMap<String, String>,
    /// The bytes.
    pub data: Bytes,
}

impl Payload {
    /// A payload without headers.
    #[must_use]
    pub fn new(encoding: Encoding, data: impl Into<Bytes>) -> Self {
        Self {
            encoding,
            headers: BTreeMap::new(),
            data: data.into(),
        }
    }

    /// JSON text, taken as it is.
    #[must_use]
    pub fn json(text: impl Into<Bytes>) -> Self {
        Self::new(Encoding::JSON, text)
    }

    /// The arguments of a call whose only argument this is. In a codec of the user's that must be the same bytes, as it is
    /// in bincode.
    #[must_use]
    pub fn as_only_argument(&self) -> Self {
        if self.encoding != Encoding::JSON {
            return self.clone();
        }
        let data = [b"[".as_slice(), &self.data, b"]"].concat();
        Self {
            data: data.into(),
            ..self.clone()
        }
    }

    /// How much it counts against the limit.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.data.len()
            + self
                .headers
                .iter()
                .map(|(k, v)| k.len() + v.len())
                .sum::<usize>()
    }
}

/// Length only: payloads are users' data and never reach a log.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({}, {} bytes)", self.encoding.0, self.data.len())
    }
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FailureKind {
    /// The function's error, without a type of its own.
    Failed,
    /// Its time was over.
    Timeout,
    /// It, or what it belonged to, was canceled.
    Canceled,
    /// The function panicked.
    Panicked,
    /// A payload could not be read or written.
    Decode,
    /// Nobody knows this function.
    NoSuchFunction,
    /// A payload over the limit.
    TooLarge,
    /// A promise of that name does not exist.
    NotFound,
    /// The id belongs to another call.
    AlreadyExists,
    /// A step that runs at most once was begun and nobody knows what came of it.
    OutcomeUnknown,
    /// The way it was used is not allowed; the message says what to do.
    Misused,
    /// It waits for something that its caller holds until it ends.
    Deadlock,
    /// No server could be reached, or it refused.
    Unavailable,
}

impl FailureKind {
    /// Its name in messages, `--json` and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Canceled => "canceled",
            Self::Panicked => "panicked",
            Self::Decode => "decode",
            Self::NoSuchFunction => "no_such_function",
            Self::TooLarge => "too_large",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Misused => "misused",
            Self::Deadlock => "deadlock",
            Self::Unavailable => "unavailable",
        }
    }
}

/// An error without a type of its own: what it was, whose it was, and what caused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// What happened, for people.
    pub message: String,
    /// The promise it began at.
    pub promise: Option<PromiseId>,
    /// What caused it, nearest first, across services.
    pub causes: Vec<String>,
}

impl Failure {
    /// A failure without causes.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            promise: None,
            causes: Vec::new(),
        }
    }

    /// The same, at this promise.
    #[must_use]
    pub fn at(mut self, promise: &PromiseId) -> Self {
        self.promise = Some(promise.clone());
        self
    }

    /// How much it counts against the payload limit.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.message.len() + self.causes.iter().map(String::len).sum::<usize>()
    }
}

/// How a promise ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// With a value.
    Resolved(Payload),
    /// With an error of the function's own type: an answer.
    Rejected(Payload),
    /// With an error without a type of its own.
    Failed(Failure),
    /// Somebody canceled it, for this reason.
    Canceled {
        /// Why, for people.
        reason: String,
    },
    /// Its time was over.
    TimedOut,
}

impl Outcome {
    /// The state of a promise that ended so, as people read it.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Resolved(_) => "resolved",
            Self::Rejected(_) | Self::Failed(_) => "rejected",
            Self::Canceled { .. } => "canceled",
            Self::TimedOut => "timedout",
        }
    }

    /// How much it counts against the payload limit.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Resolved(payload) | Self::Rejected(payload) => payload.bytes(),
            Self::Failed(failure) => failure.bytes(),
            Self::Canceled { reason } => reason.len(),
            Self::TimedOut => 0,
        }
    }
}
