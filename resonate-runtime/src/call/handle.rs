//! A call that is started and not awaited yet.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{Waiting, fold, poll_decoded};
use crate::{Result, plumbing::Output};

/// A call that was [spawned](super::Call::spawn): a future of what it gives.
///
/// Dropping it cancels nothing by itself; what still runs when the calling function returns is canceled.
pub struct Handle<R> {
    output: Output<R>,
    waiting: Waiting,
}

impl<R> Handle<R> {
    pub(super) fn new(output: Output<R>, mut waiting: Waiting) -> Self {
        waiting.leave_on_drop();
        waiting.hasten();
        Self { output, waiting }
    }

    /// The id of its promise; none if it could not start, which awaiting it tells.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.waiting.subject().map(resonate_core::PromiseId::as_str)
    }

    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Result<R>> {
        poll_decoded(&mut self.waiting, self.output, cx)
    }
}

impl<R> Future for Handle<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let result = ready!(self.poll_result(cx));
        fold(self.output, result)
    }
}

impl<R> fmt::Debug for Handle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({:?})", self.waiting)
    }
}
