//! What a started call waits for, inside a durable function or outside of all.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use resonate_core::{Outcome, PromiseId};

use super::request::{Request, Started};
use crate::{
    Error, ErrorKind, Result,
    context::{Child, OnDrop, current, current::Whereabouts},
    outside,
    settings::Settings,
};

/// What a started call waits for.
pub(crate) enum Waiting {
    /// A child of the execution that started it.
    Inside { child: Child, subject: PromiseId },
    /// A root, through the process's client.
    Outside {
        outcome: OutcomeFuture,
        subject: PromiseId,
    },
    /// Nothing: it could not start.
    Refused(Option<Error>),
}

/// An outcome that the process's client waits for.
pub(crate) type OutcomeFuture = Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>;

/// An outcome, whose it is, and how its payload is read.
pub(crate) struct Arrived {
    pub(crate) outcome: Outcome,
    pub(crate) subject: PromiseId,
    pub(crate) settings: Arc<Settings>,
}

impl Waiting {
    /// Starts a call where the code stands that polls it.
    pub(super) fn start(request: Request) -> Self {
        match current::whereabouts() {
            Whereabouts::Body(context) => match request.start(&context, false) {
                Ok(Started { child, subject }) => Self::Inside { child, subject },
                Err(error) => Self::Refused(Some(error)),
            },
            Whereabouts::Step => Self::Refused(Some(request.refusal_in_step())),
            Whereabouts::Outside => match request.into_root() {
                Ok(call) => Self::Outside {
                    subject: call.id.clone(),
                    outcome: Box::pin(outside::start(call)),
                },
                Err(error) => Self::Refused(Some(error)),
            },
        }
    }

    /// A child that is asked for already.
    pub(crate) fn inside(child: Child, subject: PromiseId) -> Self {
        Self::Inside { child, subject }
    }

    /// The promise whose outcome it is, if it could start.
    pub(crate) fn subject(&self) -> Option<&PromiseId> {
        match self {
            Self::Inside { subject, .. } | Self::Outside { subject, .. } => Some(subject),
            Self::Refused(_) => None,
        }
    }

    /// From now on dropping it cancels nothing.
    pub(super) fn leave_on_drop(&mut self) {
        if let Self::Inside { child, .. } = self {
            child.set_on_drop(OnDrop::Leave);
        }
    }

    /// From now on dropping it cancels the child.
    pub(crate) fn cancel_on_drop(&mut self) {
        if let Self::Inside { child, .. } = self {
            child.set_on_drop(OnDrop::Cancel);
        }
    }

    /// Why it could not start.
    pub(crate) fn take_refusal(&mut self) -> Option<Error> {
        match self {
            Self::Refused(error) => error.take(),
            Self::Inside { .. } | Self::Outside { .. } => None,
        }
    }

    /// Starts it now also if nobody polls it. Without a tokio runtime it starts when it is polled.
    pub(super) fn hasten(&mut self) {
        if let Self::Outside { outcome, subject } = self
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let nothing: OutcomeFuture = Box::pin(std::future::pending());
            let running = runtime.spawn(std::mem::replace(outcome, nothing));
            let subject = subject.clone();
            *outcome = Box::pin(async move {
                running.await.unwrap_or_else(|error| {
                    let message = format!("the tokio task that awaited it ended: {error}");
                    Err(Error::of(ErrorKind::Unavailable, message).at(&subject))
                })
            });
        }
    }

    /// The outcome, or why there is none.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arrived>> {
        match self {
            Self::Inside { child, subject } => {
                let outcome = ready!(child.poll(cx.waker()));
                let settings = Arc::clone(child.context().settings());
                Poll::Ready(Ok(Arrived {
                    outcome,
                    subject: subject.clone(),
                    settings,
                }))
            }
            Self::Outside { outcome, subject } => {
                let outcome = ready!(outcome.as_mut().poll(cx));
                let settings = outside::settings().unwrap_or_default();
                let arrived = |outcome| Arrived {
                    outcome,
                    subject: subject.clone(),
                    settings,
                };
                Poll::Ready(outcome.map(arrived).map_err(|error| error.at(subject)))
            }
            Self::Refused(error) => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside { subject, .. } => write!(f, "a child, {subject}"),
            Self::Outside { subject, .. } => write!(f, "a root, {subject}"),
            Self::Refused(error) => write!(f, "refused, {error:?}"),
        }
    }
}
