//! The line in which the calls of a durable object wait. Derived from the records, as the index of children is.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Access, PromiseId};

/// The pending calls of a durable object, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    calls: BTreeMap<u32, PromiseId>,
    writers: BTreeSet<u32>,
    places: BTreeMap<PromiseId, u32>,
}

/// Of an object that nobody calls.
pub(super) static EMPTY: Line = Line {
    calls: BTreeMap::new(),
    writers: BTreeSet::new(),
    places: BTreeMap::new(),
};

impl Line {
    pub(super) fn insert(&mut self, position: u32, id: PromiseId, access: Access) {
        self.places.insert(id.clone(), position);
        self.calls.insert(position, id);
        if access == Access::Write {
            self.writers.insert(position);
        }
    }

    pub(super) fn remove(&mut self, position: u32) {
        self.writers.remove(&position);
        if let Some(id) = self.calls.remove(&position) {
            self.places.remove(&id);
        }
    }

    /// True if nobody calls it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// How many calls run or wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// The one that came first.
    #[must_use]
    pub fn first(&self) -> Option<&PromiseId> {
        self.calls.first_key_value().map(|(_, id)| id)
    }

    /// The position of the one that came last.
    #[must_use]
    pub fn last(&self) -> Option<u32> {
        self.calls.last_key_value().map(|(position, _)| *position)
    }

    /// All of them, in order.
    pub fn calls(&self) -> impl Iterator<Item = &PromiseId> {
        self.calls.values()
    }

    /// True for the first, if it writes, and for those that read and come before any that writes.
    #[must_use]
    pub fn is_turn_of(&self, id: &PromiseId) -> bool {
        let Some(position) = self.places.get(id) else {
            return false;
        };
        match self.writers.first() {
            Some(writer) if writer == position => self.first() == Some(id),
            Some(writer) => position < writer,
            None => true,
        }
    }

    /// Those whose turn may have come because the call of this position has left.
    #[must_use]
    pub fn after(&self, access: Access, left: u32) -> Vec<PromiseId> {
        let writer = self.writers.first().copied();
        if writer.is_some() && writer == self.calls.keys().next().copied() {
            return self.first().into_iter().cloned().collect();
        }
        // Those that read ran beside each other already, but for those behind one that would have written.
        if access == Access::Read || writer.is_some_and(|writer| writer < left) {
            return Vec::new();
        }
        let waiting = self.calls.range(left..writer.unwrap_or(u32::MAX));
        waiting.map(|(_, id)| id.clone()).collect()
    }
}
