//! All of several futures, or the first of them.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{Error, ErrorKind, call::end_with};

/// Waits for all of these and gives what they give, in their order.
///
/// For many items [`map`](super::map) is better: it starts a bounded number at once, and ends at the first failure.
pub fn join_all<C>(futures: C) -> JoinAll<<C as IntoIterator>::Item>
where
    C: IntoIterator<Item: Future>,
{
    let futures = futures
        .into_iter()
        .map(|future| Slot::UnderWay(Box::pin(future)));
    JoinAll(futures.collect())
}

/// Waits for the first of these that ends, however it ends, and drops the others, which so are canceled. Of several
/// that have ended, the one that ended first by the log wins: the same in every replay.
///
/// For the first that succeeds, see [`min_success`](super::Map::min_success).
///
/// # Panics
/// Awaited outside of a durable function, if there are none.
pub fn race<C>(futures: C) -> Race<<C as IntoIterator>::Item>
where
    C: IntoIterator<Item: Future>,
{
    Race(futures.into_iter().map(Box::pin).collect())
}

/// See [`join_all`].
#[must_use = "nothing happens unless it is awaited"]
pub struct JoinAll<F: Future>(Vec<Slot<F>>);

enum Slot<F: Future> {
    UnderWay(Pin<Box<F>>),
    Ended(Option<F::Output>),
}

/// See [`race`].
#[must_use = "nothing happens unless it is awaited"]
pub struct Race<F>(Vec<Pin<Box<F>>>);

// Futures have boxes of their own; nothing else is pinned.
impl<F: Future> Unpin for JoinAll<F> {}

impl<F: Future> Future for JoinAll<F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut is_pending = false;
        for slot in &mut self.0 {
            if let Slot::UnderWay(future) = slot {
                match future.as_mut().poll(cx) {
                    Poll::Ready(output) => *slot = Slot::Ended(Some(output)),
                    Poll::Pending => is_pending = true,
                }
            }
        }
        if is_pending {
            return Poll::Pending;
        }
        let ended = self.0.drain(..).filter_map(|slot| match slot {
            Slot::Ended(output) => output,
            Slot::UnderWay(_) => None,
        });
        Poll::Ready(ended.collect())
    }
}

impl<F: Future> Future for Race<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.0.is_empty() {
            let message = "a `race` of nothing has no winner; give it at least one future";
            return end_with(Error::of(ErrorKind::Misused, message).into_terminal());
        }
        let first = self
            .0
            .iter_mut()
            .find_map(|future| match future.as_mut().poll(cx) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            });
        match first {
            Some(output) => {
                self.0.clear();
                Poll::Ready(output)
            }
            None => Poll::Pending,
        }
    }
}

impl<F: Future> fmt::Debug for JoinAll<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinAll({})", self.0.len())
    }
}

impl<F> fmt::Debug for Race<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Race({})", self.0.len())
    }
}
