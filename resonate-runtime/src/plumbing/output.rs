//! How a result type travels: from what a body returns to an outcome, and from an outcome to what an await gives.

use std::{
    any::{Any, TypeId, type_name},
    fmt,
};

use resonate_core::{Encoding, Failure, Outcome, Payload, PromiseId};

use super::{AnswerError, Input, Value, answer};
use crate::{Error, ErrorKind, Result, codec::Codecs, ops::writing_result};

/// How a body ended; opaque, for the worker.
pub struct Ended(pub(crate) Ending);

/// How a body ended.
pub(crate) enum Ending {
    /// With a value.
    Resolved(Payload),
    /// With an error of the function's own type: an answer, unless its retry policy says `again`.
    Rejected {
        answer: Payload,
        failure: Failure,
        again: bool,
    },
    /// With an error without a type of its own; `again` is what its retry policy says of it, if it says something.
    Failed { error: Error, again: Option<bool> },
}

impl Ended {
    /// The attempt ended with an error that no further attempt can mend.
    pub(crate) fn in_vain(error: Error) -> Self {
        Self(Ending::Failed {
            error: error.into_terminal(),
            again: None,
        })
    }
}

/// How the result type `R` travels.
pub struct Output<R> {
    close: fn(R, &Input) -> Ended,
    decode: fn(&Outcome, &Codecs, &PromiseId) -> Result<R>,
    recover: fn(Error) -> Result<R>,
}

impl<T: Value, E: AnswerError> Output<Result<T, E>> {
    /// A value or an answer; an error of ours arrives as an `E`.
    pub(crate) const fn of_result() -> Self {
        Self {
            close: close_result,
            decode: decode_result,
            recover: |error| Ok(Err(E::from(error))),
        }
    }
}

impl<T: Value> Output<T> {
    /// A value; an error of ours ends whoever awaits it.
    pub(crate) const fn of_value() -> Self {
        Self {
            close: |value, input| resolved(&value, input),
            decode: decode_value,
            recover: Err,
        }
    }
}

impl<T: Value> Output<T> {
    /// A value from a promise of which only the type is known: a `Result` is resolved with what is in its `Ok`, and
    /// rejected with what is in its `Err`.
    pub(crate) const fn of_promise() -> Self {
        Self {
            decode: decode_promise,
            ..Self::of_value()
        }
    }
}

impl<R> Output<R> {
    /// For results that cannot travel; the program that has it did not compile.
    pub(super) const fn none() -> Self {
        Self {
            close: |_, _| Ended::in_vain(cannot_travel::<R>()),
            decode: |_, _, _| Err(cannot_travel::<R>()),
            recover: Err,
        }
    }

    /// What the body returned, written.
    pub(crate) fn close(self, result: R, input: &Input) -> Ended {
        writing_result(|| (self.close)(result, input))
    }

    /// What a settled promise gives; an error of ours is not folded into `R`.
    pub(crate) fn decode(
        self,
        outcome: &Outcome,
        codecs: &Codecs,
        promise: &PromiseId,
    ) -> Result<R> {
        (self.decode)(outcome, codecs, promise).map_err(|error| error.at(promise))
    }

    /// An error of ours as an `R`, where `R` has a place for it.
    pub(crate) fn recover(self, error: Error) -> Result<R> {
        (self.recover)(error)
    }
}

fn close_result<T: Value, E: AnswerError>(result: Result<T, E>, input: &Input) -> Ended {
    let error = match result {
        Ok(value) => return resolved(&value, input),
        Err(error) => error,
    };
    let retry = input.definition().options.retry.map(|retry| retry());
    let again = retry.and_then(|retry| retry.wants(&error));
    let error = match own(error) {
        Ok(error) => return Ended(Ending::Failed { error, again }),
        Err(error) => error,
    };
    let failure = Failure::new(
        ErrorKind::Failed,
        format!("it answered with a `{}`", type_name::<E>()),
    );
    match input.encode(&error) {
        Ok(answer) => Ended(Ending::Rejected {
            answer,
            failure,
            again: again == Some(true),
        }),
        Err(error) => Ended::in_vain(error),
    }
}

fn resolved<T: Value>(value: &T, input: &Input) -> Ended {
    match input.encode(value) {
        Ok(payload) => Ended(Ending::Resolved(payload)),
        Err(error) => Ended::in_vain(error),
    }
}

/// The error as our own, if that is what `E` is.
fn own<E: 'static>(error: E) -> Result<Error, E> {
    let mut slot = Some(error);
    let any: &mut dyn Any = &mut slot;
    match any.downcast_mut::<Option<Error>>().and_then(Option::take) {
        Some(error) => Ok(error),
        None => Err(slot.expect("only an error of ours is taken out")),
    }
}

fn decode_result<T: Value, E: AnswerError>(
    outcome: &Outcome,
    codecs: &Codecs,
    promise: &PromiseId,
) -> Result<Result<T, E>> {
    match outcome {
        Outcome::Rejected(payload) if TypeId::of::<E>() == TypeId::of::<Error>() => {
            Err(rejected(payload, codecs))
        }
        Outcome::Rejected(payload) => codecs.decode(payload).map(Err),
        Outcome::Resolved(_)
        | Outcome::Failed(_)
        | Outcome::Canceled { .. }
        | Outcome::TimedOut => decode_value(outcome, codecs, promise).map(Ok),
    }
}

fn decode_value<T: Value>(outcome: &Outcome, codecs: &Codecs, promise: &PromiseId) -> Result<T> {
    match outcome {
        Outcome::Resolved(payload) => codecs.decode(payload),
        Outcome::Rejected(payload) => Err(rejected(payload, codecs)),
        Outcome::Failed(_) | Outcome::Canceled { .. } | Outcome::TimedOut => {
            Err(Error::of_outcome(outcome, promise)
                .expect("an outcome without a payload is an error"))
        }
    }
}

fn decode_promise<T: Value>(outcome: &Outcome, codecs: &Codecs, promise: &PromiseId) -> Result<T> {
    match outcome {
        Outcome::Resolved(payload) => codecs.decode(payload).map(|answer::Resolved(value)| value),
        Outcome::Rejected(payload) => match codecs.decode(payload) {
            Ok(answer::Rejected(error)) => Ok(error),
            Err(_) => Err(rejected(payload, codecs)),
        },
        Outcome::Failed(_) | Outcome::Canceled { .. } | Outcome::TimedOut => {
            decode_value(outcome, codecs, promise)
        }
    }
}

/// An answer for which the awaiting side has no type: a failure if it reads as one, else its text.
fn rejected(payload: &Payload, codecs: &Codecs) -> Error {
    if let Ok(failure) = codecs.decode::<Failure>(payload) {
        return Error::of_failure(failure);
    }
    if let Ok(text) = codecs.decode::<String>(payload) {
        return Error::of(ErrorKind::Failed, format_args!("it was rejected: {text}"));
    }
    if payload.encoding == Encoding::JSON {
        let text = String::from_utf8_lossy(&payload.data);
        return Error::of(ErrorKind::Failed, format_args!("it was rejected: {text}"));
    }
    let message = format!(
        "it was rejected with {} bytes of `{}`",
        payload.bytes(),
        payload.encoding.0
    );
    Error::of(ErrorKind::Failed, message)
}

fn cannot_travel<R>() -> Error {
    let message = format!("`{}` cannot travel between processes", type_name::<R>());
    Error::of(ErrorKind::Decode, message).into_terminal()
}

impl<R> Clone for Output<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Output<R> {}

impl<R> fmt::Debug for Output<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output<{}>", type_name::<R>())
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ending::Resolved(_) => f.write_str("resolved"),
            Ending::Rejected { again, .. } => write!(f, "rejected, again: {again}"),
            Ending::Failed { error, again } => write!(f, "failed, again: {again:?}: {error}"),
        }
    }
}
