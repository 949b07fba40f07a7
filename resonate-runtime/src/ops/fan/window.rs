//! Calls that are under way, a bounded number at once, taken from an iterator as places become free.

use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll},
};

/// Items, and the futures made of them that are under way.
pub(super) struct Window<I, F, Fut> {
    items: Option<I>,
    make: F,
    places: usize,
    under_way: BTreeMap<usize, Pin<Box<Fut>>>,
    started: usize,
}

impl<I, F, Fut> Window<I, F, Fut>
where
    I: Iterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future,
{
    pub(super) fn new(items: I, make: F, places: usize) -> Self {
        Self {
            items: Some(items),
            make,
            places,
            under_way: BTreeMap::new(),
            started: 0,
        }
    }

    pub(super) fn set_places(&mut self, places: usize) {
        self.places = places.max(1);
    }

    /// How many items were taken.
    pub(super) fn started(&self) -> usize {
        self.started
    }

    /// True if no further item comes.
    pub(super) fn is_exhausted(&self) -> bool {
        self.items.is_none()
    }

    /// True if everything has ended.
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty() && self.is_exhausted()
    }

    /// Drops what is under way, and takes no further item.
    pub(super) fn clear(&mut self) {
        self.items = None;
        self.under_way.clear();
    }

    /// The next that has ended, in the order in which they began, and its number. Starts as many as there are places for.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, Fut::Output)>> {
        let ended =
            self.under_way
                .iter_mut()
                .find_map(|(n, future)| match future.as_mut().poll(cx) {
                    Poll::Ready(output) => Some((*n, output)),
                    Poll::Pending => None,
                });
        if let Some((n, output)) = ended {
            self.under_way.remove(&n);
            return Poll::Ready(Some((n, output)));
        }
        while self.under_way.len() < self.places
            && let Some(item) = self.items.as_mut().and_then(Iterator::next)
        {
            let n = self.started;
            self.started += 1;
            let mut future = Box::pin((self.make)(item));
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => return Poll::Ready(Some((n, output))),
                Poll::Pending => self.under_way.insert(n, future),
            };
        }
        if self.under_way.len() < self.places {
            self.items = None;
        }
        if self.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}
