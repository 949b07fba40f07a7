//! Ending an execution by beginning it anew.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use resonate_core::Payload;

use super::{Call, State, body_or_refusal, fold, place, too_late};
use crate::{Error, ErrorKind, Result, context::Forced};

/// Ends this execution by becoming a new one under the same promise: the same function with other arguments and an empty
/// history, which makes endless loops possible. What is pending below it is canceled.
///
/// ```ignore
/// poll(&mut inbox).await?;
/// continue_as(watch(inbox)).await
/// ```
///
/// The call must be one of the function that is running, and only its arguments count.
#[track_caller]
pub fn continue_as<R>(call: Call<R>) -> ContinueAs<R> {
    ContinueAs {
        call: Some(call),
        location: Location::caller(),
    }
}

/// See [`continue_as`]. Nothing comes after awaiting it.
#[must_use = "an execution goes on until this is awaited"]
pub struct ContinueAs<R> {
    call: Option<Call<R>>,
    location: &'static Location<'static>,
}

impl<R> ContinueAs<R> {
    fn end(&self, state: State) -> Result<()> {
        let State::Fresh(request) = state else {
            return Err(too_late());
        };
        let context = body_or_refusal("`continue_as`", self.location)?;
        if request.key.is_some() {
            let message = format!(
                "`continue_as` at {} is given a call of an object, which holds it until it ends; return, and call it again",
                place(self.location)
            );
            return Err(Error::of(ErrorKind::Misused, message).into_terminal());
        }
        let (running, called) = (&context.subject().address, request.definition.address());
        if *running != called {
            let message = format!(
                "`continue_as` at {} is given a call of {called} and must be one of {running}, the function that is running",
                place(self.location)
            );
            return Err(Error::of(ErrorKind::Misused, message).into_terminal());
        }
        let param: Payload = request.arguments.map_err(|error| error.at(context.id()))?;
        context.force(Forced::ContinueAs(param));
        Ok(())
    }
}

impl<R> Future for ContinueAs<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<R> {
        let Some(Call { output, state }) = self.call.take() else {
            return Poll::Pending;
        };
        match self.end(state) {
            Ok(()) => Poll::Pending,
            Err(error) => fold(output, Err(error)),
        }
    }
}

impl<R> fmt::Debug for ContinueAs<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContinueAs({:?})", self.call)
    }
}
