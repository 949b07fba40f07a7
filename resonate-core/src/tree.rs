//! One call tree in memory: a root and everything below it. What a request may read and change.
//!
//! The index of children is derived from the records; loading a tree builds it again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{PromiseId, Record, Seq};

/// A root and everything below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    records: BTreeMap<PromiseId, Arc<Record>>,
    children: BTreeMap<PromiseId, Children>,
    pending: usize,
}

/// The children of one promise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Children {
    settled: BTreeMap<Seq, PromiseId>,
    pending: BTreeSet<PromiseId>,
}

impl Tree {
    /// The record of a promise.
    #[must_use]
    pub fn get(&self, id: &PromiseId) -> Option<&Arc<Record>> {
        self.records.get(id)
    }

    /// All records, by id.
    pub fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.values()
    }

    /// How many records it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True for a tree nobody created yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many of its promises are pending.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// The children of `parent` that settled after `seq`, in log order.
    pub fn settled_after<'a>(
        &'a self,
        parent: &PromiseId,
        seq: Seq,
    ) -> impl Iterator<Item = &'a Arc<Record>> + use<'a> {
        let settled = self
            .children
            .get(parent)
            .map(|children| children.settled.range(seq.next()..));
        settled
            .into_iter()
            .flatten()
            .filter_map(|(_, id)| self.records.get(id))
    }

    /// The pending children of `parent`, by id.
    pub fn pending_children<'a>(
        &'a self,
        parent: &PromiseId,
    ) -> impl Iterator<Item = &'a Arc<Record>> + use<'a> {
        let pending = self
            .children
            .get(parent)
            .map(|children| children.pending.iter());
        pending
            .into_iter()
            .flatten()
            .filter_map(|id| self.records.get(id))
    }

    /// How many children of `parent` are pending.
    #[must_use]
    pub fn pending_count(&self, parent: &PromiseId) -> usize {
        self.children
            .get(parent)
            .map_or(0, |children| children.pending.len())
    }

    /// Puts a record in place of the one of its name.
    pub fn put(&mut self, record: Arc<Record>) {
        self.remove(&record.promise.id);
        self.pending += usize::from(record.promise.is_pending());
        if let Some(parent) = record.promise.parent() {
            let id = record.promise.id.clone();
            let children = self.children.entry(parent.clone()).or_default();
            match record.promise.settled() {
                Some(settled) => {
                    children.settled.insert(settled.seq, id);
                }
                None => {
                    children.pending.insert(id);
                }
            }
        }
        self.records.insert(record.promise.id.clone(), record);
    }

    /// Takes a record out, as if it had never been.
    pub fn remove(&mut self, id: &PromiseId) {
        let Some(record) = self.records.remove(id) else {
            return;
        };
        self.pending -= usize::from(record.promise.is_pending());
        let Some(parent) = record.promise.parent() else {
            return;
        };
        let Some(children) = self.children.get_mut(parent) else {
            return;
        };
        match record.promise.settled() {
            Some(settled) => {
                children.settled.remove(&settled.seq);
            }
            None => {
                children.pending.remove(id);
            }
        }
        if children.settled.is_empty() && children.pending.is_empty() {
            self.children.remove(parent);
        }
    }
}

impl FromIterator<Record> for Tree {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let mut tree = Self::default();
        for record in records {
            tree.put(Arc::new(record));
        }
        tree
    }
}
