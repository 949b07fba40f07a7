//! One call tree in memory: a root and everything below it. What a request may read and change.
//!
//! The index of children is derived from the records; loading a tree builds it again.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use crate::{AwaiterPage, PromiseId, Record, Seq, limits};

/// A root and everything below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    records: BTreeMap<PromiseId, Arc<Record>>,
    children: BTreeMap<PromiseId, Children>,
    awaiters: BTreeMap<PromiseId, Awaiters>,
    pending: usize,
}

/// The pages of those who await one promise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Awaiters {
    pages: BTreeMap<u32, Arc<AwaiterPage>>,
    /// In which page each proxy is.
    places: BTreeMap<PromiseId, u32>,
    with_room: BTreeSet<u32>,
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

    /// All pages of awaiters, by promise and number.
    pub fn pages(&self) -> impl Iterator<Item = &Arc<AwaiterPage>> {
        self.awaiters
            .values()
            .flat_map(|awaiters| awaiters.pages.values())
    }

    /// One page of those who await `of`.
    #[must_use]
    pub fn page(&self, of: &PromiseId, number: u32) -> Option<&Arc<AwaiterPage>> {
        self.awaiters.get(of)?.pages.get(&number)
    }

    /// The page of those who await `id` that names this proxy.
    #[must_use]
    pub fn page_of(&self, id: &PromiseId, proxy: &PromiseId) -> Option<&Arc<AwaiterPage>> {
        let awaiters = self.awaiters.get(id)?;
        awaiters.pages.get(awaiters.places.get(proxy)?)
    }

    /// The first page of those who await `id`.
    #[must_use]
    pub fn first_page(&self, id: &PromiseId) -> Option<&Arc<AwaiterPage>> {
        let (_, page) = self.awaiters.get(id)?.pages.first_key_value()?;
        Some(page)
    }

    /// A page of those who await `id` that has room for one more.
    #[must_use]
    pub fn page_with_room(&self, id: &PromiseId) -> Option<&Arc<AwaiterPage>> {
        let awaiters = self.awaiters.get(id)?;
        awaiters.pages.get(awaiters.with_room.first()?)
    }

    /// The first number that no page of those who await `id` has.
    #[must_use]
    pub fn free_page(&self, id: &PromiseId) -> u32 {
        let taken = self
            .awaiters
            .get(id)
            .into_iter()
            .flat_map(|awaiters| awaiters.pages.keys());
        let before = (1..).zip(taken).take_while(|(free, taken)| free == *taken);
        before.last().map_or(1, |(number, _)| number + 1)
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
        let settled = self.children.get(parent).map(|children| {
            let after = (Bound::Excluded(seq), Bound::Unbounded);
            children.settled.range(after)
        });
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

    /// How many children of `parent` are settled.
    #[must_use]
    pub fn settled_count(&self, parent: &PromiseId) -> usize {
        self.children
            .get(parent)
            .map_or(0, |children| children.settled.len())
    }

    /// True if a promise has children, pending or settled.
    #[must_use]
    pub fn has_children(&self, parent: &PromiseId) -> bool {
        self.children.contains_key(parent)
    }

    /// Puts a page in place of the one of its number; one without proxies takes it out.
    pub fn put_page(&mut self, page: Arc<AwaiterPage>) {
        self.remove_page(&page.of, page.number);
        if page.proxies.is_empty() {
            return;
        }
        let awaiters = self.awaiters.entry(page.of.clone()).or_default();
        let places = page
            .proxies
            .iter()
            .map(|proxy| (proxy.clone(), page.number));
        awaiters.places.extend(places);
        if page.proxies.len() < limits::AWAITERS_PER_PAGE {
            awaiters.with_room.insert(page.number);
        }
        awaiters.pages.insert(page.number, page);
    }

    /// Takes a page out, as if it had never been.
    pub fn remove_page(&mut self, of: &PromiseId, number: u32) {
        let Some(awaiters) = self.awaiters.get_mut(of) else {
            return;
        };
        let Some(page) = awaiters.pages.remove(&number) else {
            return;
        };
        awaiters.with_room.remove(&number);
        for proxy in &page.proxies {
            awaiters.places.remove(proxy);
        }
        if awaiters.pages.is_empty() {
            self.awaiters.remove(of);
        }
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
