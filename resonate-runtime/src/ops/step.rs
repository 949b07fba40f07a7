//! A piece of a function that runs in place and never again once it has ended.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use resonate_core::{Outcome, PromiseId};
use tracing::debug;

use super::check_name;
use crate::{
    Error, Result, Retry,
    call::{body_or_refusal, place},
    context::{
        self, Child, OnDrop, current,
        current::{Scope, StepScope},
    },
    plumbing::{Output, Value},
    replay::{Command, CommandKind},
};

/// Runs a closure here, and its outcome is recorded before the function sees it: after that it never runs again.
///
/// It borrows what it needs. Failed attempts are tried again in place, by the retry policy; the last error is the
/// outcome. If the worker is lost before the outcome is durable the closure runs again elsewhere: at least once, unless
/// it is told [`at_most_once`](Step::at_most_once). Nothing durable can be done inside.
///
/// What the closure borrows belongs to the function, so a step ends with what holds it: one that runs while its function
/// drops it, fails or panics stops at its next `.await`, and runs again if another attempt asks for it. A call of a
/// durable function does not: it goes on, and the next attempt meets it.
///
/// ```ignore
/// let quote = step(|| async { fetch_quote(&url).await }).label("quote").await?;
/// ```
#[track_caller]
pub fn step<F, Fut, T, E>(closure: F) -> Step<F, Fut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    T: Value,
    E: Into<Error> + 'static,
{
    let options = Options {
        label: None,
        retry: None,
        is_at_most_once: false,
        is_pure: false,
        location: Location::caller(),
    };
    Step {
        closure,
        options,
        state: State::Fresh,
        running: None,
        backoff: None,
        failures: 0,
    }
}

/// See [`step`]. Awaiting it gives `Result<T, resonate::Error>`; dropping it drops what it runs.
#[must_use = "a step does nothing unless it is awaited"]
pub struct Step<F, Fut> {
    closure: F,
    options: Options,
    state: State,
    running: Option<(Scope, Pin<Box<Fut>>)>,
    backoff: Option<Pin<Box<tokio::time::Sleep>>>,
    failures: u32,
}

struct Options {
    label: Option<String>,
    retry: Option<Retry>,
    is_at_most_once: bool,
    is_pure: bool,
    location: &'static Location<'static>,
}

enum State {
    Fresh,
    /// Recorded, once it has ended.
    Asked(Child),
    /// Ended here, and not durable yet.
    Ended(Child),
    /// Not recorded at all.
    Pure(Arc<context::Context>),
    Done,
}

// Nothing in it is ever pinned in place: the closure's future has a box of its own.
impl<F, Fut> Unpin for Step<F, Fut> {}

impl<F, Fut> Step<F, Fut> {
    /// Its name, which is part of its id: letters, digits and `_`.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.options.label = Some(label.into());
        self
    }

    /// When its failed attempts are tried again, in place.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    /// It is recorded before it runs, and never runs a second time: if the worker is lost while it runs, it has failed
    /// and its outcome is unknown. Nor are its errors tried again.
    pub fn at_most_once(mut self) -> Self {
        self.options.is_at_most_once = true;
        self
    }

    /// It is not recorded: it runs in every replay, so it must give the same each time.
    pub fn pure(mut self) -> Self {
        self.options.is_pure = true;
        self
    }
}

impl<F, Fut, T, E> Future for Step<F, Fut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    T: Value,
    E: Into<Error> + 'static,
{
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let this = &mut *self;
        match std::mem::replace(&mut this.state, State::Done) {
            State::Fresh => match this.options.begin() {
                Ok(begun) => {
                    this.state = begun;
                    Pin::new(this).poll(cx)
                }
                Err(error) => Poll::Ready(Err(error)),
            },
            State::Asked(child) => this.poll_asked(child, cx),
            State::Ended(child) => this.poll_ended(child, cx),
            State::Pure(context) => {
                let ended = this.poll_attempts(&context, None, cx);
                if ended.is_pending() {
                    this.state = State::Pure(context);
                }
                ended
            }
            State::Done => Poll::Pending,
        }
    }
}

impl<F, Fut, T, E> Step<F, Fut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    T: Value,
    E: Into<Error> + 'static,
{
    fn poll_asked(&mut self, mut child: Child, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if let Poll::Ready(outcome) = child.poll(cx.waker()) {
            self.running = None;
            return Poll::Ready(read(&child, &outcome));
        }
        if child.may_run() {
            let context = Arc::clone(child.context());
            if let Poll::Ready(result) = self.poll_attempts(&context, Some(child.id()), cx) {
                child.end_here(written(&child, result));
                self.state = State::Ended(child);
                return Poll::Pending;
            }
        }
        self.state = State::Asked(child);
        Poll::Pending
    }

    fn poll_ended(&mut self, mut child: Child, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match child.poll(cx.waker()) {
            Poll::Ready(outcome) => Poll::Ready(read(&child, &outcome)),
            Poll::Pending => {
                self.state = State::Ended(child);
                Poll::Pending
            }
        }
    }

    /// Runs the closure until it succeeds or its retry policy has enough.
    fn poll_attempts(
        &mut self,
        context: &Arc<context::Context>,
        id: Option<&PromiseId>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T>> {
        loop {
            if let Some(backoff) = &mut self.backoff {
                ready!(backoff.as_mut().poll(cx));
                self.backoff = None;
            }
            let closure = &mut self.closure;
            let (scope, future) = self.running.get_or_insert_with(|| {
                let scope = Scope {
                    context: Arc::clone(context),
                    step: Some(Arc::new(StepScope::new(id.cloned()))),
                };
                let _entered = current::enter(scope.clone());
                (scope, Box::pin(closure()))
            });
            let entered = current::enter(scope.clone());
            let ended = ready!(future.as_mut().poll(cx));
            self.running = None;
            drop(entered);
            let error = match ended {
                Ok(value) => return Poll::Ready(Ok(value)),
                Err(error) => error,
            };
            let again = self
                .options
                .retry
                .as_ref()
                .and_then(|retry| retry.wants(&error));
            let error: Error = error.into();
            self.failures += 1;
            let may_retry =
                !self.options.is_at_most_once && !error.is_terminal() && again.unwrap_or(true);
            let policy = self
                .options
                .retry
                .as_ref()
                .map_or(context.settings().retry, Retry::policy);
            let id = id.unwrap_or(&context.subject().id);
            let Some(wait) = may_retry.then(|| policy.wait(id, self.failures)).flatten() else {
                return Poll::Ready(Err(error));
            };
            debug!(%id, attempt = self.failures, ?wait, error = %error, "a step failed and is tried again");
            self.backoff = Some(Box::pin(tokio::time::sleep(wait)));
        }
    }
}

impl Options {
    fn begin(&self) -> Result<State> {
        let name = self.label.as_deref().unwrap_or("step");
        check_name("the step", name)?;
        let context = body_or_refusal(format_args!("the step `{name}`"), self.location)?;
        if self.is_pure {
            return Ok(State::Pure(context));
        }
        let kind = CommandKind::Step {
            at_most_once: self.is_at_most_once,
        };
        let command = Command::new(name, place(self.location), kind);
        Ok(State::Asked(Child::ask(&context, command, OnDrop::Cancel)))
    }
}

/// What the record of the step says.
fn written<T: Value>(child: &Child, result: Result<T>) -> Outcome {
    match result.and_then(|value| child.context().settings().encode(None, &value)) {
        Ok(payload) => Outcome::Resolved(payload),
        Err(error) => Outcome::Failed(error.at(child.id()).to_failure()),
    }
}

fn read<T: Value>(child: &Child, outcome: &Outcome) -> Result<T> {
    Output::<T>::of_value().decode(outcome, &child.context().settings().codecs, child.id())
}

impl<F, Fut> fmt::Debug for Step<F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Fresh => "not asked for",
            State::Asked(_) => "asked for",
            State::Ended(_) => "ended, not durable yet",
            State::Pure(_) => "not recorded",
            State::Done => "done",
        };
        write!(f, "Step({:?}, {state})", self.options.label)
    }
}
