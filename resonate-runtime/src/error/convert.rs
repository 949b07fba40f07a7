//! What an error is made from and what it can become.

use std::{any::Any, error, ops::Deref};

use resonate_core::{Failure, Refusal};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Error, ErrorKind, Report, report::Cause};

/// `?` on anything. What came from [`Error::into_std`] or a box becomes what it was.
impl<E: error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(original: E) -> Self {
        let mut original = Some(original);
        let slot: &mut dyn Any = &mut original;
        if let Some(report) = slot
            .downcast_mut::<Option<Box<Report>>>()
            .and_then(Option::take)
        {
            return Self(report);
        }
        let original = original.expect("only a report is taken out, and then this is not reached");
        Self::made_from(Box::new(original))
    }
}

impl Error {
    /// `?` on a box. One that was made of an error of ours becomes that again.
    pub(super) fn of_boxed(boxed: Box<dyn error::Error + Send + Sync>) -> Self {
        match boxed.downcast::<Report>() {
            Ok(report) => Self(report),
            Err(original) => Self::made_from(original),
        }
    }

    fn made_from(original: Box<dyn error::Error + Send + Sync>) -> Self {
        let report = Report::new(ErrorKind::Failed, original.to_string());
        Self(Box::new(Report {
            original: Some(original),
            ..report
        }))
    }

    /// What travelled, as an error again.
    pub(crate) fn of_failure(failure: Failure) -> Self {
        let report = Report::new(failure.kind, failure.message);
        Self(Box::new(Report {
            promise: failure.promise,
            cause: Cause::chain(failure.causes),
            ..report
        }))
    }

    /// What a client is told when the server said no.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        let (kind, promise) = match refusal {
            Refusal::NotFound(id) => (ErrorKind::NotFound, id),
            Refusal::AlreadyExists { id, .. } | Refusal::AlreadySettled { id, .. } => {
                (ErrorKind::AlreadyExists, id)
            }
            Refusal::TooLarge { id, .. } => (ErrorKind::TooLarge, id),
            Refusal::StaleVersion { id, .. }
            | Refusal::TurnGap { id, .. }
            | Refusal::NotReady { id, .. }
            | Refusal::NotACall(id)
            | Refusal::NotHalted { id, .. }
            | Refusal::NotAllowed { id, .. } => (ErrorKind::Misused, id),
        };
        Self::of(kind, refusal).at(promise).into_terminal()
    }
}

impl Deref for Error {
    type Target = dyn error::Error + Send + Sync + 'static;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl AsRef<dyn error::Error + Send + Sync> for Error {
    fn as_ref(&self) -> &(dyn error::Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl From<Error> for Box<dyn error::Error + Send + Sync> {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl From<Error> for Box<dyn error::Error + Send> {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl From<Error> for Box<dyn error::Error> {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_failure().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Error {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Failure::deserialize(deserializer).map(Self::of_failure)
    }
}
