//! Looking for something again and again until it is there.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use crate::{
    Error, Result,
    call::{body_or_refusal, place},
    context::{
        Child, OnDrop, current,
        current::{Scope, StepScope},
    },
    plumbing::{Output, Value},
    replay::{Command, CommandKind},
};

/// Runs a closure here, at once and then after each `every`, until it gives something. That is recorded; the looks that
/// found nothing are not, so the history of a year of looks is as long as that of one.
///
/// Between two looks the execution holds no thread, no memory that is needed elsewhere and no lease, and it survives
/// restarts: a worker that takes it over looks at once. If the worker is lost before what was found is durable it is looked
/// for again. The closure borrows what it needs; nothing durable can be done inside. One that panics fails the attempt.
///
/// ```ignore
/// let report = poll_until(minutes(1), || async { fetch_report(&url).await.ok() }).await?;
/// ```
///
/// A race with something else ends it: `select!` with a promise, or [`timeout`](crate::timeout).
///
/// # Errors
/// What was found cannot be written or read. Outside of durable functions, and in a [`step`](crate::step).
#[track_caller]
pub fn poll_until<F, Fut, T>(every: Duration, look: F) -> PollUntil<F, Fut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
    T: Value,
{
    PollUntil {
        every,
        look,
        looking: None,
        state: State::Fresh(Location::caller()),
    }
}

/// See [`poll_until`]. Dropping it ends the look that is under way.
#[must_use = "nothing is looked for unless this is awaited"]
pub struct PollUntil<F, Fut> {
    every: Duration,
    look: F,
    looking: Option<(Scope, Pin<Box<Fut>>)>,
    state: State,
}

enum State {
    Fresh(&'static Location<'static>),
    Asked(Child),
    Done,
}

// Nothing in it is ever pinned in place: the closure's future has a box of its own.
impl<F, Fut> Unpin for PollUntil<F, Fut> {}

impl<F, Fut, T> Future for PollUntil<F, Fut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
    T: Value,
{
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let this = &mut *self;
        let mut child = match std::mem::replace(&mut this.state, State::Done) {
            State::Fresh(location) => match begin(location) {
                Ok(child) => child,
                Err(error) => return Poll::Ready(Err(error)),
            },
            State::Asked(child) => child,
            State::Done => return Poll::Pending,
        };
        if let Poll::Ready(outcome) = child.poll(cx.waker()) {
            this.looking = None;
            let codecs = &child.context().settings().codecs;
            return Poll::Ready(Output::<T>::of_value().decode(&outcome, codecs, child.id()));
        }
        if child.may_run()
            && let Poll::Ready(seen) = this.poll_look(&child, cx)
        {
            match seen {
                Some(value) => child.end_with_value(&value),
                None => child.sleep_here(this.every),
            }
        }
        this.state = State::Asked(child);
        Poll::Pending
    }
}

impl<F, Fut, T> PollUntil<F, Fut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    fn poll_look(&mut self, child: &Child, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let look = &mut self.look;
        let (scope, future) = self.looking.get_or_insert_with(|| {
            let scope = Scope {
                context: Arc::clone(child.context()),
                step: Some(Arc::new(StepScope::new(Some(child.id().clone())))),
            };
            let _entered = current::enter(scope.clone());
            (scope, Box::pin(look()))
        });
        let entered = current::enter(scope.clone());
        let seen = ready!(future.as_mut().poll(cx));
        self.looking = None;
        drop(entered);
        Poll::Ready(seen)
    }
}

fn begin(location: &'static Location<'static>) -> Result<Child, Error> {
    let context = body_or_refusal("`poll_until`", location)?;
    let kind = CommandKind::Step {
        at_most_once: false,
    };
    let command = Command::new("poll_until", place(location), kind);
    Ok(Child::ask(&context, command, OnDrop::Cancel))
}

impl<F, Fut> fmt::Debug for PollUntil<F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Fresh(_) => write!(f, "PollUntil({:?}, not begun)", self.every),
            State::Asked(child) => write!(f, "PollUntil({:?}, {})", self.every, child.id()),
            State::Done => write!(f, "PollUntil({:?}, done)", self.every),
        }
    }
}
