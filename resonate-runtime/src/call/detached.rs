//! A call that outlives its caller.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use resonate_core::PromiseId;

use super::{
    Waiting,
    request::{Request, Started},
};
use crate::{
    Error, Result,
    context::{current, current::Whereabouts},
    ops::Promise,
    outside,
    plumbing::Output,
};

/// A call that was [detached](super::Call::detach).
///
/// Awaiting it waits until its root exists and gives the [`Promise`] of its result. Dropping it changes nothing.
pub struct Detached<R> {
    output: Output<R>,
    waiting: Waiting,
}

impl<R> Detached<R> {
    pub(super) fn start(output: Output<R>, request: Request) -> Self {
        let mut waiting = match current::whereabouts() {
            Whereabouts::Body(context) => match request.start(&context, true) {
                Ok(Started { child, subject }) => Waiting::inside(child, subject),
                Err(error) => Waiting::Refused(Some(error)),
            },
            Whereabouts::Step => Waiting::Refused(Some(request.refusal_in_step())),
            Whereabouts::Outside => match request.into_root() {
                Ok(call) => {
                    let subject = call.id.clone();
                    let created = async move {
                        outside::create(call).await?;
                        Ok(resonate_core::Outcome::Resolved(
                            resonate_core::Payload::json("null"),
                        ))
                    };
                    Waiting::Outside {
                        subject,
                        outcome: Box::pin(created),
                    }
                }
                Err(error) => Waiting::Refused(Some(error)),
            },
        };
        waiting.hasten();
        Self { output, waiting }
    }

    pub(super) fn refused(output: Output<R>, error: Error) -> Self {
        Self {
            output,
            waiting: Waiting::Refused(Some(error)),
        }
    }

    /// The id of its promise; none if it could not start, which awaiting it tells.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.waiting.subject().map(PromiseId::as_str)
    }
}

impl<R> Future for Detached<R> {
    type Output = Result<Promise<R>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let arrived = ready!(self.waiting.poll(cx));
        Poll::Ready(arrived.and_then(|arrived| {
            match Error::of_outcome(&arrived.outcome, &arrived.subject) {
                Some(error) => Err(error),
                None => Ok(Promise::of_call(arrived.subject, self.output)),
            }
        }))
    }
}

impl<R> fmt::Debug for Detached<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Detached({:?})", self.waiting)
    }
}
