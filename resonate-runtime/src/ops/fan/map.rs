//! One call for each item, with a window and a policy.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::window::Window;
use crate::{Error, ErrorKind, limits};

/// Makes a call of each item, a bounded number at once, and gives their values in the order of the items.
///
/// The first failure ends it, unless [`tolerate`](Map::tolerate) or [`min_success`](Map::min_success) say otherwise; what
/// is still under way then is dropped, and so canceled. A new call starts as soon as one has ended. What is under way is
/// bounded; the history is not: it keeps each call, its arguments until the function ends, and its value.
///
/// A function that returns no `Result` is called with [`result`](crate::Call::result).
///
/// ```ignore
/// let parcels = map(&order.items, |item| ship(item)).concurrency(16).await?;
/// ```
pub fn map<I, F, Fut, T, E>(items: I, call: F) -> Map<I::IntoIter, F, Fut, T, E>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    Map {
        window: Window::new(items.into_iter(), call, limits::MAP_WINDOW),
        policy: Policy::default(),
        results: Vec::new(),
        succeeded: 0,
        failed: 0,
        is_over: false,
    }
}

/// See [`map`]. Awaiting it gives `Result<Vec<T>, E>`; dropping it cancels what is under way.
#[must_use = "nothing is called unless it is awaited"]
pub struct Map<I, F, Fut, T, E> {
    window: Window<I, F, Fut>,
    policy: Policy,
    results: Vec<Option<Result<T, E>>>,
    succeeded: usize,
    failed: usize,
    is_over: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Policy {
    min_success: Option<usize>,
    tolerated: Option<usize>,
}

/// Why a [`map`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// All calls have ended, and no more failed than was tolerated.
    All,
    /// As many have succeeded as were asked for.
    Enough,
    /// More failed than was tolerated, or fewer can succeed than were asked for.
    TooManyFailures,
}

/// What became of each item of a [`map`], and why it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MapOutcome<T, E> {
    /// By item, up to the last that was taken: how its call ended, or none if it was canceled.
    pub results: Vec<Option<Result<T, E>>>,
    /// Why it ended.
    pub why: Why,
}

impl<I, F, Fut, T, E> Map<I, F, Fut, T, E>
where
    I: Iterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    /// How many calls are under way at once; 100 if nothing is said. Each takes a moment whenever one of them ends.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.window.set_places(calls);
        self
    }

    /// Ends as soon as so many have succeeded, and cancels the rest. Failures are tolerated as long as so many can.
    pub fn min_success(mut self, calls: usize) -> Self {
        self.policy.min_success = Some(calls);
        self
    }

    /// So many may fail; one more ends it. Failures have no place among the values.
    pub fn tolerate(mut self, failures: usize) -> Self {
        self.policy.tolerated = Some(failures);
        self
    }

    /// The same, but awaiting it tells what became of each item, and why it ended.
    pub fn outcome(self) -> MapWhole<I, F, Fut, T, E> {
        MapWhole(self)
    }

    /// Runs on until the policy has an answer.
    fn poll_why(&mut self, cx: &mut Context<'_>) -> Poll<Why> {
        if self.is_over {
            return Poll::Pending;
        }
        let why = loop {
            if let Some(why) = self.verdict() {
                break why;
            }
            match ready!(self.window.poll_next(cx)) {
                Some((n, result)) => self.note(n, result),
                None => break self.verdict_of_all(),
            }
        };
        self.is_over = true;
        let started = self.window.started();
        self.window.clear();
        self.results.resize_with(started, || None);
        Poll::Ready(why)
    }

    fn note(&mut self, n: usize, result: Result<T, E>) {
        if result.is_ok() {
            self.succeeded += 1;
        } else {
            self.failed += 1;
        }
        if self.results.len() <= n {
            self.results.resize_with(n + 1, || None);
        }
        if let Some(place) = self.results.get_mut(n) {
            *place = Some(result);
        }
    }

    /// What is decided before all have ended.
    fn verdict(&self) -> Option<Why> {
        let Policy {
            min_success,
            tolerated,
        } = self.policy;
        if min_success.is_some_and(|min| min <= self.succeeded) {
            return Some(Why::Enough);
        }
        let most = match (tolerated, min_success) {
            (Some(most), _) => most,
            (None, None) => 0,
            // How many there are is known when the last was taken.
            (None, Some(min)) if self.window.is_exhausted() => {
                self.window.started().saturating_sub(min)
            }
            (None, Some(_)) => usize::MAX,
        };
        (most < self.failed).then_some(Why::TooManyFailures)
    }

    fn verdict_of_all(&self) -> Why {
        match self.policy.min_success {
            Some(min) if self.succeeded < min => Why::TooManyFailures,
            Some(_) | None => Why::All,
        }
    }

    /// The values, or the first error by item.
    fn close(&mut self, why: Why) -> Result<Vec<T>, E>
    where
        E: From<Error>,
    {
        let results = std::mem::take(&mut self.results).into_iter().flatten();
        if why != Why::TooManyFailures {
            return Ok(results.filter_map(Result::ok).collect());
        }
        Err(results.filter_map(Result::err).next().unwrap_or_else(|| {
            let message = format!(
                "{} calls of a `map` were to succeed, and there were only {}",
                self.policy.min_success.unwrap_or_default(),
                self.window.started()
            );
            Error::of(ErrorKind::Misused, message)
                .into_terminal()
                .into()
        }))
    }
}

// Futures have boxes of their own; nothing else is pinned.
impl<I, F, Fut, T, E> Unpin for Map<I, F, Fut, T, E> {}
impl<I, F, Fut, T, E> Unpin for MapWhole<I, F, Fut, T, E> {}

impl<I, F, Fut, T, E> Future for Map<I, F, Fut, T, E>
where
    I: Iterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: From<Error>,
{
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let why = ready!(self.poll_why(cx));
        Poll::Ready(self.close(why))
    }
}

/// A [`Map`] that gives its whole [`MapOutcome`]. Made by [`Map::outcome`].
#[must_use = "nothing is called unless it is awaited"]
pub struct MapWhole<I, F, Fut, T, E>(Map<I, F, Fut, T, E>);

impl<I, F, Fut, T, E> Future for MapWhole<I, F, Fut, T, E>
where
    I: Iterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = MapOutcome<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let why = ready!(self.0.poll_why(cx));
        let results = std::mem::take(&mut self.0.results);
        Poll::Ready(MapOutcome { results, why })
    }
}

impl<I, F, Fut, T, E> fmt::Debug for Map<I, F, Fut, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("policy", &self.policy)
            .field("succeeded", &self.succeeded)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl<I, F, Fut, T, E> fmt::Debug for MapWhole<I, F, Fut, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
