//! A bound on how long something may take.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    Error, ErrorKind, Result,
    call::place,
    context::{self, Child, OnDrop, current, current::Whereabouts},
    replay::{Command, CommandKind, Due},
};

/// Lets a future take so long at most; then it is dropped, which cancels the calls in it.
///
/// As long as the future has asked for nothing durable, this is a clock of this attempt and recorded nowhere, so it also
/// works around an HTTP request in a leaf. From the moment it has, it is a durable timer.
#[track_caller]
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout {
        duration,
        location: Location::caller(),
        future: Some(Box::pin(future)),
        clock: Clock::Unset,
    }
}

/// See [`timeout`].
#[must_use = "a timeout does nothing unless it is awaited"]
pub struct Timeout<F> {
    duration: Duration,
    location: &'static Location<'static>,
    future: Option<Pin<Box<F>>>,
    clock: Clock,
}

enum Clock {
    Unset,
    /// A clock of this attempt.
    Own {
        began: Instant,
        sleep: Pin<Box<tokio::time::Sleep>>,
    },
    /// A durable timer.
    Durable(Child),
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(future) = &mut this.future else {
            return Poll::Pending;
        };
        let body = match current::whereabouts() {
            Whereabouts::Body(context) => Some(context),
            Whereabouts::Step | Whereabouts::Outside => None,
        };
        let touches = body.as_ref().map(|body| body.touches());
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            this.future = None;
            this.clock = Clock::Unset;
            return Poll::Ready(Ok(output));
        }
        if let Some(body) = body
            && touches != Some(body.touches())
            && !matches!(this.clock, Clock::Durable(_))
        {
            this.clock = Clock::Durable(this.durable(&body));
        }
        match this.poll_clock(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(clock) => {
                this.future = None;
                this.clock = Clock::Unset;
                Poll::Ready(clock.and_then(|()| Err(this.passed())))
            }
        }
    }
}

impl<F> Timeout<F> {
    /// A durable timer for what is left.
    fn durable(&self, body: &Arc<context::Context>) -> Child {
        let passed = match &self.clock {
            Clock::Own { began, .. } => began.elapsed(),
            Clock::Unset | Clock::Durable(_) => Duration::ZERO,
        };
        let due = Due::After(self.duration.saturating_sub(passed));
        let command = Command::new("timeout", place(self.location), CommandKind::Timer(due));
        Child::ask(body, command, OnDrop::Cancel)
    }

    fn poll_clock(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if matches!(self.clock, Clock::Unset) {
            let sleep = Box::pin(tokio::time::sleep(self.duration));
            self.clock = Clock::Own {
                began: Instant::now(),
                sleep,
            };
        }
        match &mut self.clock {
            Clock::Own { sleep, .. } => sleep.as_mut().poll(cx).map(Ok),
            Clock::Durable(timer) => timer
                .poll(cx.waker())
                .map(|outcome| match Error::of_outcome(&outcome, timer.id()) {
                    None => Ok(()),
                    Some(error) => Err(error),
                }),
            Clock::Unset => Poll::Pending,
        }
    }

    fn passed(&self) -> Error {
        let message = format!(
            "it took longer than {:?}, the timeout at {}",
            self.duration,
            place(self.location)
        );
        Error::of(ErrorKind::Timeout, message)
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = match &self.clock {
            Clock::Unset => "not begun",
            Clock::Own { .. } => "a clock of this attempt",
            Clock::Durable(_) => "a durable timer",
        };
        write!(f, "Timeout({:?}, {clock})", self.duration)
    }
}
