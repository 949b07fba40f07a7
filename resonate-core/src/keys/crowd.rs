//! The keys of one function by how many wait for them, and by since when: so that people are shown the few that matter
//! without a look at all.

use std::{collections::BTreeSet, sync::Arc};

use crate::{Key, Timestamp, limits};

/// What is known of one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) waiting: u64,
    pub(super) held: u64,
    /// Since when the oldest waits.
    pub(super) since: Option<Timestamp>,
}

/// All lines of a function in which somebody is.
#[derive(Clone, Debug, Default)]
pub(super) struct Crowd {
    waiting: u64,
    by_count: BTreeSet<(u64, u64, Arc<Key>)>,
    by_age: BTreeSet<(Timestamp, Arc<Key>)>,
}

impl Crowd {
    /// A line has changed.
    pub(super) fn note(&mut self, key: &Arc<Key>, before: Counts, after: Counts) {
        let entry = |counts: Counts| (counts.waiting, counts.held, Arc::clone(key));
        self.by_count.remove(&entry(before));
        if after.waiting + after.held > 0 {
            self.by_count.insert(entry(after));
        }
        if let Some(at) = before.since {
            self.by_age.remove(&(at, Arc::clone(key)));
        }
        if let Some(at) = after.since {
            self.by_age.insert((at, Arc::clone(key)));
        }
        self.waiting = self.waiting.saturating_sub(before.waiting) + after.waiting;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_count.is_empty()
    }

    /// How many calls wait for a key of the function.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Since when the oldest of them does.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.by_age.first().map(|(at, _)| *at)
    }

    /// The keys that most wait for.
    pub(super) fn most(&self) -> impl Iterator<Item = &Arc<Key>> {
        let most = self.by_count.iter().rev().take(limits::KEYS_SHOWN);
        most.map(|(.., key)| key)
    }
}
