//! What an execution emits, read from outside.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::{Stream, future::BoxFuture};
use resonate_core::{Outcome, Payload, PromiseId, StreamPage};
use resonate_proto::client::Tail;

use super::Process;
use crate::{
    Error, ErrorKind, Result,
    plumbing::{Output, Value},
};

/// The items that an execution [`emit`](crate::emit)s, in order: those that it has emitted, then those that it emits, until
/// it has settled and all were read. A `futures` stream, too.
///
/// An item comes after it is durable, and once: over lost connections and restarts of the server, too. Who stops and goes
/// on later asks [`from`](Self::from) the [`offset`](Self::offset) where it was.
#[must_use = "a stream does nothing unless it is read"]
pub struct Items<T> {
    process: Arc<Process>,
    id: Option<PromiseId>,
    /// Why it cannot be read at all.
    bad: Option<Error>,
    /// The offset of the first item of `items`, or of what is asked for next.
    next: u64,
    items: VecDeque<Payload>,
    asking: Option<BoxFuture<'static, Result<StreamPage>>>,
    is_over: bool,
    item: PhantomData<fn() -> T>,
}

impl<T: Value> Items<T> {
    pub(super) fn new(process: Arc<Process>, id: Result<PromiseId>) -> Self {
        let (id, bad) = match id {
            Ok(id) => (Some(id), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            process,
            id,
            bad,
            next: 0,
            items: VecDeque::new(),
            asking: None,
            is_over: false,
            item: PhantomData,
        }
    }

    /// Begins with the item of this offset; the first of all has 0.
    pub fn from(mut self, offset: u64) -> Self {
        self.next = offset;
        self.items.clear();
        self.asking = None;
        self
    }

    /// The offset of the item that comes next.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.next
    }

    /// The next item; none once the execution has settled and all were read. Cancel-safe.
    ///
    /// # Errors
    /// An item is no `T`, or is not kept any more, nor are those up to the one that comes next: both end nothing. There
    /// is no such execution, or the server refused, after which nothing comes.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        if let Some(error) = self.bad.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let Some(id) = self.id.clone() else {
            return Poll::Ready(None);
        };
        loop {
            if let Some(item) = self.items.pop_front() {
                self.next += 1;
                let codecs = &self.process.settings().codecs;
                let outcome = Outcome::Resolved(item);
                let item = Output::<T>::of_value().decode(&outcome, codecs, &id);
                return Poll::Ready(Some(item));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            let page = ready!(self.poll_page(&id, cx));
            self.asking = None;
            match page {
                Ok(page) => {
                    let missed = self.next..page.offset;
                    self.next = self.next.max(page.offset);
                    self.is_over = page.is_over;
                    self.items = page.items.into();
                    if !missed.is_empty() {
                        return Poll::Ready(Some(Err(gone(&id, missed.start, missed.end))));
                    }
                }
                Err(error) => {
                    self.is_over = true;
                    return Poll::Ready(Some(Err(error.at(&id))));
                }
            }
        }
    }

    fn poll_page(&mut self, id: &PromiseId, cx: &mut Context<'_>) -> Poll<Result<StreamPage>> {
        let (process, from) = (&self.process, self.next);
        let asking = self.asking.get_or_insert_with(|| {
            let (client, id) = (process.client().clone(), id.clone());
            Box::pin(async move { client.tail(Tail { id, from }).await })
        });
        asking.as_mut().poll(cx)
    }
}

fn gone(id: &PromiseId, first: u64, next: u64) -> Error {
    let message = format!(
        "the items {first} to {} are not kept any more; the next one is {next}",
        next - 1
    );
    Error::of(ErrorKind::NotFound, message).at(id)
}

impl<T: Value> Stream for Items<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.poll_item(cx)
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("id", &self.id)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
