//! What goes in and out of a running execution beside its calls; one file per verb.

pub(super) mod emit;
pub(super) mod receive;
pub(super) mod send;
pub(super) mod tail;

use std::sync::Arc;

use super::edit::Edit;
use crate::{Feed, Feeds, PromiseId, Record, Slip};

impl Record {
    /// What is known of its feeds; nothing yet if nothing went in or out.
    pub(super) fn feeds(&self) -> Feeds {
        self.promise.feeds.as_deref().cloned().unwrap_or_default()
    }
}

impl Edit<'_> {
    /// Changes what is known of the feeds of a promise.
    fn update_feeds(&mut self, id: &PromiseId, change: impl FnOnce(&mut Feeds)) {
        self.update(id, |record| {
            change(record.promise.feeds.get_or_insert_default())
        });
    }

    /// The oldest slip of a feed.
    fn first_slip(&self, id: &PromiseId, feed: Feed) -> Option<Arc<Slip>> {
        self.tree().slips(id, feed, 0).next().cloned()
    }
}
