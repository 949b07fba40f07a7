//! What a gRPC status means to us: a refusal, a server that is not there now, or one that will never take this.

use std::{error::Error as _, time::Duration};

use resonate_proto::{BadMessage, status};
use tonic::{Code, Status};

use crate::client::server::CallError;

/// Reads a status that is not OK.
pub(super) fn read(status: &Status) -> CallError {
    match status::from_status(status) {
        Ok(Some(refusal)) => return CallError::Refused(refusal),
        Ok(None) => {}
        Err(bad) => return CallError::Forbidden(format!("{} ({bad})", status.message())),
    }
    let what = described(status);
    match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss => CallError::Forbidden(what),
        // Every request may be repeated, so what is not a clear no is tried again.
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable => CallError::Unavailable(what),
    }
}

/// No reply in this time.
pub(super) fn late(after: Duration) -> CallError {
    CallError::Unavailable(format!(
        "the server did not answer within {} s",
        after.as_secs()
    ))
}

/// A reply that makes no sense.
pub(super) fn not_understood(bad: &BadMessage) -> CallError {
    CallError::Forbidden(format!(
        "the server's answer is not understood ({bad}); it is of another version"
    ))
}

/// The status's text, and under it the deepest cause, which names the socket's error.
fn described(status: &Status) -> String {
    let mut cause = status.source();
    while let Some(next) = cause.and_then(|cause| cause.source()) {
        cause = Some(next);
    }
    let message = if status.message().is_empty() {
        status.code().description()
    } else {
        status.message()
    };
    match cause.map(ToString::to_string) {
        Some(cause) if !message.contains(&cause) => format!("{message}: {cause}"),
        Some(_) | None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use resonate_core::{PromiseId, Refusal};

    use super::*;

    #[test]
    fn a_refusal_comes_back_as_it_was() {
        let refusal = Refusal::NotFound(PromiseId::new("a").unwrap());
        assert_eq!(
            read(&status::to_status(&refusal)),
            CallError::Refused(refusal)
        );
    }

    #[test]
    fn only_a_clear_no_is_final() {
        assert!(read(&Status::unavailable("gone")).is_passing());
        assert!(read(&Status::resource_exhausted("slow down")).is_passing());
        assert!(!read(&Status::unimplemented("what?")).is_passing());
        assert!(!read(&Status::invalid_argument("CreateRequest.id: missing")).is_passing());
    }
}
