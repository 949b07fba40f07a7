//! [`Call`]: one use of a durable function, until it is awaited; [`Handle`] once it is spawned.
//!
//! A call is lazy. Its first poll decides what it is: inside of a durable function a child of it, whose future this is
//! from then on; outside a root. Dropping it then cancels it.

mod continue_as;
mod detached;
mod handle;
mod request;
mod waiting;

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use resonate_core::{Payload, RetryPolicy, Timestamp};

pub use self::{
    continue_as::{ContinueAs, continue_as},
    detached::Detached,
    handle::Handle,
};
pub(crate) use self::{
    request::{Request, in_step, place},
    waiting::{Arrived, Waiting},
};
use crate::{
    Error, ErrorKind, Result, Retry,
    context::{self, current, current::Whereabouts},
    function::Definition,
    ops::{Undo, definition_of},
    plumbing::Output,
    replay::{Due, Place},
};

/// One use of a durable function: a future that starts when it is first polled.
///
/// Awaiting it gives what the function returns. The methods that say more must be used before that:
///
/// ```ignore
/// let receipt = charge(&card, 1200).timeout(minutes(5)).label("order", "42").await?;
/// ```
///
/// *Inside* of a durable function it is a child of it; dropping it before it has ended cancels it. *Outside* it is a
/// root and needs an [`id`](Self::id); dropping it only stops waiting.
///
/// # Panics
/// Awaited outside of durable functions, if it fails and its function returns no `Result`; [`result`](Self::result)
/// does not.
#[must_use = "a call does nothing unless it is awaited, spawned or detached"]
pub struct Call<R> {
    output: Output<R>,
    state: State,
}

enum State {
    Fresh(Box<Request>),
    Waiting(Waiting),
    Done,
}

impl<R> Call<R> {
    #[track_caller]
    pub(crate) fn new(
        definition: &'static Definition,
        output: Output<R>,
        arguments: Result<Payload>,
    ) -> Self {
        let request = Request::new(definition, arguments, Location::caller());
        Self {
            output,
            state: State::Fresh(Box::new(request)),
        }
    }

    /// The function it calls, unless it was polled.
    pub(crate) fn prototype(&self) -> Option<(&'static Definition, Output<R>)> {
        match &self.state {
            State::Fresh(request) => Some((request.definition, self.output)),
            State::Waiting(_) | State::Done => None,
        }
    }

    /// Its own id: at most 400 bytes, no `.`. Who uses the same id for the same call shares one execution.
    pub fn id(self, id: impl Into<String>) -> Self {
        self.with(|request| request.id = Some(id.into()))
    }

    /// How long it may take in all, its attempts and waits included. Its caller's timeout holds as well.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|request| request.timeout = Some(timeout))
    }

    /// When its failed attempts are tried again.
    pub fn retry(self, retry: Retry) -> Self {
        self.with(|request| request.retry = Some(retry))
    }

    /// Starts so long after it is asked for.
    pub fn delay(self, delay: Duration) -> Self {
        self.with(|request| request.due = Due::After(delay))
    }

    /// Starts at this time, at once if it has passed.
    pub fn at(self, time: Timestamp) -> Self {
        self.with(|request| request.due = Due::At(time))
    }

    /// Calls the function of the same name in this service.
    pub fn on(self, service: impl Into<Arc<str>>) -> Self {
        self.with(|request| request.service = Some(service.into()))
    }

    /// Runs in this process, and waits here until there is room.
    pub fn local(self) -> Self {
        self.with(|request| request.place = Place::Here)
    }

    /// Runs on any worker that serves it, even if there is room here.
    pub fn remote(self) -> Self {
        self.with(|request| request.place = Place::Elsewhere)
    }

    /// Calls this function version.
    pub fn version(self, version: u32) -> Self {
        self.with(|request| request.version = Some(version))
    }

    /// A searchable label on its promise.
    pub fn label(self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.with(|request| {
            request.labels.insert(name.into(), value.to_string());
        })
    }

    /// Before others of its service when higher; 0 is usual.
    pub fn priority(self, priority: i8) -> Self {
        self.with(|request| request.priority = Some(priority))
    }

    /// What a schedule calls, and how long each call may take.
    pub(crate) fn into_scheduled(
        self,
        retry: RetryPolicy,
    ) -> Result<(resonate_core::Call, Option<Duration>)> {
        match self.state {
            State::Fresh(request) => request.into_scheduled(retry),
            State::Waiting(_) | State::Done => Err(too_late()),
        }
    }

    pub(crate) fn shielded(self) -> Self {
        self.with(|request| request.is_shielded = true)
    }

    /// Registers it instead of starting it.
    pub(crate) fn register(self, context: &Arc<context::Context>) -> Result<()> {
        match self.state {
            State::Fresh(request) => request.register(context),
            State::Waiting(_) | State::Done => Err(too_late()),
        }
    }

    /// Starts it now. The handle is a future too; dropping it cancels nothing, but what still runs when the calling
    /// function returns is canceled.
    #[must_use = "a handle that is dropped leaves the call to run until its caller returns; use `detach` if it must outlive it"]
    pub fn spawn(self) -> Handle<R> {
        let waiting = match self.state {
            State::Fresh(request) => Waiting::start(*request),
            State::Waiting(waiting) => waiting,
            State::Done => Waiting::Refused(Some(too_late())),
        };
        Handle::new(self.output, waiting)
    }

    /// Starts it now as a root of its own that outlives its caller: no timeout is inherited, no cancellation enters it.
    ///
    /// Awaiting what this gives waits only until that root exists; dropping it changes nothing.
    pub fn detach(self) -> Detached<R> {
        match self.state {
            State::Fresh(request) => Detached::start(self.output, *request),
            State::Waiting(_) | State::Done => Detached::refused(self.output, too_late()),
        }
    }

    /// The same call, whose errors of ours are told apart from the function's own.
    pub fn result(self) -> CallResult<R> {
        CallResult(self)
    }

    fn with(self, change: impl FnOnce(&mut Request)) -> Self {
        let state = match self.state {
            State::Fresh(mut request) => {
                change(&mut request);
                State::Fresh(request)
            }
            State::Waiting(_) | State::Done => State::Waiting(Waiting::Refused(Some(too_late()))),
        };
        Self {
            output: self.output,
            state,
        }
    }

    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Result<R>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Fresh(request) => self.state = State::Waiting(Waiting::start(*request)),
                State::Waiting(mut waiting) => {
                    let polled = poll_decoded(&mut waiting, self.output, cx);
                    if polled.is_pending() {
                        self.state = State::Waiting(waiting);
                    }
                    return polled;
                }
                // Polled again after it was ready: as with other futures, nothing comes any more.
                State::Done => return Poll::Pending,
            }
        }
    }
}

impl<T, E> Call<Result<T, E>> {
    /// What this call has done is undone by this durable function, which takes the call's value, if the caller ends
    /// canceled, timed out or with an error, or drops the future of this call.
    ///
    /// That is written before the call starts, and no cancellation enters the call from then on: it goes on, and what
    /// undoes it runs once it has a value. A call that ends without one needs nothing undone. What is to be undone
    /// even then is registered before it, with [`on_cancel`](crate::on_cancel), which also says in which order all of
    /// that runs.
    ///
    /// ```ignore
    /// let receipt = charge(&card, 1200).compensate(refund).await?;
    /// ```
    #[track_caller]
    pub fn compensate<F: Undo<T, How>, How>(self, undo: F) -> Self {
        // Its type says which function it is.
        let _named = undo;
        let undo = definition_of::<F>(Location::caller());
        self.with(|request| request.undo = Some(undo))
    }
}

fn too_late() -> Error {
    let message = "the call has started already; say everything about it before it is first polled";
    Error::of(ErrorKind::Misused, message).into_terminal()
}

fn poll_decoded<R>(
    waiting: &mut Waiting,
    output: Output<R>,
    cx: &mut Context<'_>,
) -> Poll<Result<R>> {
    let arrived = ready!(waiting.poll(cx));
    Poll::Ready(arrived.and_then(
        |Arrived {
             outcome,
             subject,
             settings,
         }| output.decode(&outcome, &settings.codecs, &subject),
    ))
}

/// An error of ours as an `R`. Where `R` has no place for it, it ends whoever awaits it.
fn fold<R>(output: Output<R>, result: Result<R>) -> Poll<R> {
    match result.or_else(|error| output.recover(error)) {
        Ok(value) => Poll::Ready(value),
        Err(error) => end_with(error),
    }
}

/// Ends the durable function that is being polled with this error: it has no other place.
///
/// # Panics
/// Outside of durable functions.
pub(crate) fn end_with<R>(error: Error) -> Poll<R> {
    match current::scope() {
        Some(scope) => {
            scope.context.force(context::Forced::Error(error));
            Poll::Pending
        }
        None => panic!("{error:#}"),
    }
}

impl<R> Future for Call<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let result = ready!(self.poll_result(cx));
        fold(self.output, result)
    }
}

/// A [`Call`] that gives `Result<R, resonate::Error>`: what the function returned, or why there is nothing of it.
#[must_use = "a call does nothing unless it is awaited, spawned or detached"]
pub struct CallResult<R>(Call<R>);

impl<R> Future for CallResult<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<R>> {
        self.0.poll_result(cx)
    }
}

/// Refuses something durable where there is no function to replay it: in a step, or outside.
pub(crate) fn body_or_refusal(
    what: impl fmt::Display,
    location: &Location<'_>,
) -> Result<Arc<context::Context>> {
    match current::whereabouts() {
        Whereabouts::Body(context) => Ok(context),
        Whereabouts::Step => Err(in_step(what, location)),
        Whereabouts::Outside => {
            let message = format!(
                "{what} at {} is outside of a durable function; if this is a task that one has spawned, do it in the function itself",
                place(location)
            );
            Err(Error::of(ErrorKind::Misused, message).into_terminal())
        }
    }
}

impl<R> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Fresh(request) => write!(f, "Call({request:?})"),
            State::Waiting(waiting) => write!(f, "Call({waiting:?})"),
            State::Done => f.write_str("Call(done)"),
        }
    }
}

impl<R> fmt::Debug for CallResult<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
