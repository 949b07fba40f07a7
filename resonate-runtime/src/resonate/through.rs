//! A call that goes through a `Resonate` by name.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::Process;
use crate::{Result, ambient, call::Call};

/// A call that goes through the [`Resonate`](crate::Resonate) it was given to. Made by
/// [`Resonate::call`](crate::Resonate::call).
#[must_use = "a call does nothing unless it is awaited"]
pub struct Through<R> {
    process: Arc<Process>,
    call: Call<R>,
}

impl<R> Through<R> {
    pub(super) fn new(process: Arc<Process>, call: Call<R>) -> Self {
        Self { process, call }
    }

    /// The same, but a failure is an error also where the function returns no `Result`.
    pub fn result(self) -> impl Future<Output = Result<R>> + Send
    where
        R: Send + 'static,
    {
        let Self { process, call } = self;
        let mut result = Box::pin(call.result());
        std::future::poll_fn(move |context| {
            ambient::through(&process, || result.as_mut().poll(context))
        })
    }
}

impl<R> Future for Through<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let Self { process, call } = &mut *self;
        ambient::through(process, || Pin::new(call).poll(context))
    }
}

impl<R> fmt::Debug for Through<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Through")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}
