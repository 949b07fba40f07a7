//! How a command ends: the codes that `--help` lists, and what went wrong.

use std::process::ExitCode;

use crate::{BindError, OpenError, ServeError, api::grpc::caller::CallError};
use resonate_core::Refusal;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Done.
    Ok = 0,
    /// What was waited for did not resolve.
    NotResolved = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is no such promise.
    NotFound = 3,
    /// Refused.
    Refused = 4,
    /// Damaged data.
    Damaged = 65,
    /// No server answers.
    Unreachable = 69,
    /// The server failed, or could not start.
    Broken = 70,
    /// Waiting took too long.
    TooLong = 75,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Failed {
    pub(crate) fn new(code: Code, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }

    pub(crate) fn usage(message: impl ToString) -> Self {
        Self::new(Code::Usage, message)
    }
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        let code = match &error {
            CallError::BadUrl { .. } => Code::Usage,
            CallError::Unreachable { .. } => Code::Unreachable,
            CallError::Refused(Refusal::NotFound(_)) => Code::NotFound,
            CallError::Refused(_) | CallError::NotDone(_) => Code::Refused,
            CallError::Broken(_) | CallError::Answer(_) => Code::Broken,
        };
        Self::new(code, error)
    }
}

impl From<OpenError> for Failed {
    fn from(error: OpenError) -> Self {
        Self::new(
            if error.is_damage() {
                Code::Damaged
            } else if matches!(error, OpenError::PublicUrl(_)) {
                Code::Usage
            } else {
                Code::Broken
            },
            error,
        )
    }
}

impl From<ServeError> for Failed {
    fn from(error: ServeError) -> Self {
        Self::new(
            if error.is_damage() {
                Code::Damaged
            } else {
                Code::Broken
            },
            error,
        )
    }
}

impl From<BindError> for Failed {
    fn from(error: BindError) -> Self {
        let code = match error {
            BindError::Address { .. } | BindError::Reachable { .. } => Code::Usage,
            BindError::InUse { .. } | BindError::Refused { .. } => Code::Broken,
        };
        Self::new(code, error)
    }
}
