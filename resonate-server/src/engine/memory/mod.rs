//! The trees that are held in memory, and when each tree must be looked at.
//!
//! [`held`] is one tree; [`idle`] says which of them leave, and when. Of a tree that has left there stay its ready tasks,
//! which stand in line as before, and the moment of its first timer, if the store alone would not bring it back in time.
//! Whatever is asked of it loads it again, whole: why, and what that costs, is in
//! `docs/decisions/0007-a-tree-is-loaded-whole.md`.

mod held;
pub(super) mod idle;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use resonate_core::{Change, PageChange, PromiseId, Record, SlipChange, Timestamp, Tree};

pub(super) use self::held::{PageRow, RowNo};
use self::{
    held::Held,
    idle::{Idle, IdleTrees},
};
use super::disk::StoredTree;

/// All trees in memory.
#[derive(Debug)]
pub(super) struct Memory {
    trees: HashMap<Arc<str>, Held>,
    /// The first timer of each tree that is here; of others, what the store would not remind of in time.
    due: BTreeSet<(Timestamp, Arc<str>)>,
    idle: Idle,
    timers: usize,
    round: u64,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A timer of a tree that is here.
    Timer(PromiseId),
    /// The first timer of a tree that is to be loaded.
    Away(Arc<str>),
}

impl Memory {
    pub(super) fn new(bounds: IdleTrees) -> Self {
        Self {
            trees: HashMap::new(),
            due: BTreeSet::new(),
            idle: Idle::new(bounds),
            timers: 0,
            round: 0,
        }
    }

    /// A tree that is here is needed in this round: it is not idle before the round has ended. Says its name, and whether
    /// the round needs it for the first time.
    pub(super) fn visit(&mut self, root: &str) -> Option<(Arc<str>, bool)> {
        let name = Arc::clone(self.trees.get_key_value(root)?.0);
        let held = self.trees.get_mut(root)?;
        let is_first = held.touched != self.round;
        held.touched = self.round;
        self.idle.is_not(held);
        Some((name, is_first))
    }

    /// How many trees are here.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.trees.len()
    }

    /// A tree that is here, to be changed.
    pub(super) fn tree_mut(&mut self, root: &str) -> Option<&mut Tree> {
        self.trees.get_mut(root).map(|held| &mut held.tree)
    }

    /// The record of a promise, if its tree is here.
    pub(super) fn record(&self, id: &PromiseId) -> Option<&Arc<Record>> {
        self.trees.get(id.root())?.tree.get(id)
    }

    /// Takes in a tree that the store has, or an empty one for a root that it does not have.
    pub(super) fn insert(
        &mut self,
        root: &Arc<str>,
        stored: Option<StoredTree>,
        now: Timestamp,
    ) -> &Held {
        let held = Held::new(stored, now, self.round);
        self.timers += held.timers.len();
        // What was kept of it when it left is the same timer, or due.
        self.due.extend(held.first_timer(root));
        self.trees
            .entry(Arc::clone(root))
            .insert_entry(held)
            .into_mut()
    }

    /// A row of the store is due at this moment: its tree will be loaded then, unless it is here and knows better.
    pub(super) fn remind(&mut self, root: &str, at: Timestamp) {
        if !self.trees.contains_key(root) {
            self.due.insert((at, root.into()));
        }
    }

    /// Notes a change of a tree that is here; says where the record is written. A new root takes `next_root`.
    pub(super) fn note(
        &mut self,
        root: &Arc<str>,
        change: &Change,
        now: Timestamp,
        next_root: &mut u64,
    ) -> Option<RowNo> {
        let held = self.trees.get_mut(root)?;
        let (first, timers) = (held.first_timer(root), held.timers.len());
        let row = held.number(&change.after.promise.id, next_root);
        held.derive(change.before.as_deref(), &change.after, now);
        self.timers = self.timers + held.timers.len() - timers;
        let next = held.first_timer(root);
        if first != next {
            if let Some(first) = first {
                self.due.remove(&first);
            }
            self.due.extend(next);
        }
        Some(row)
    }

    /// Notes a changed page of awaiters; says where it is written, and what is written there.
    pub(super) fn note_page(
        &mut self,
        root: &Arc<str>,
        change: &PageChange,
        now: Timestamp,
        next_root: &mut u64,
    ) -> Option<(RowNo, PageRow)> {
        let held = self.trees.get_mut(root)?;
        Some(held.note_page(change, now, next_root))
    }

    /// Notes a slip; says where it is written, or which row nobody needs any more.
    pub(super) fn note_slip(
        &mut self,
        root: &Arc<str>,
        change: &SlipChange,
        next_root: &mut u64,
    ) -> Option<(RowNo, Timestamp)> {
        self.trees.get_mut(root)?.note_slip(change, next_root)
    }

    /// Rows of a tree that was loaded which nobody needs any more.
    pub(super) fn take_stale(&mut self, root: &Arc<str>) -> Vec<(RowNo, Timestamp)> {
        let held = self.trees.get_mut(root);
        held.map(|held| std::mem::take(&mut held.stale))
            .unwrap_or_default()
    }

    /// Forgets a settled record; gives the rows that go with it, and when they ended.
    pub(super) fn forget(&mut self, root: &Arc<str>, record: &Record) -> Vec<(RowNo, Timestamp)> {
        let held = self.trees.get_mut(root);
        held.map(|held| held.forget(record)).unwrap_or_default()
    }

    /// Takes out what is due first.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Due> {
        loop {
            let (at, root) = self.due.first()?;
            if *at > now {
                return None;
            }
            let Some(held) = self.trees.get(root) else {
                let (_, root) = self.due.pop_first()?;
                return Some(Due::Away(root));
            };
            if held.timers.first().is_some_and(|(first, _)| first == at) {
                let root = Arc::clone(root);
                return self.take_timer(&root, now).map(Due::Timer);
            }
            // It was kept while the tree was away, which has come back since and gone on.
            self.due.pop_first();
        }
    }

    /// Takes out the first timer of a tree that is here, if it is due.
    pub(super) fn take_timer(&mut self, root: &Arc<str>, now: Timestamp) -> Option<PromiseId> {
        let held = self.trees.get_mut(root)?;
        let first = held.first_timer(root).filter(|(at, _)| *at <= now)?;
        let (_, id) = held.timers.pop_first()?;
        self.timers -= 1;
        self.due.remove(&first);
        self.due.extend(held.first_timer(root));
        Some(id)
    }

    /// A timer that fired made its task ready.
    pub(super) fn became_ready(&mut self, id: &PromiseId) {
        if let Some(held) = self.trees.get_mut(id.root()) {
            held.became_ready(id);
        }
    }

    /// When the next timer is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// How many timers are held, at least one for each tree that has a moment to be looked at.
    pub(super) fn timers(&self) -> usize {
        self.timers.max(self.due.len())
    }

    /// Forgets everything: what is in memory is ahead of the disk.
    pub(super) fn clear(&mut self) {
        *self = Self {
            round: self.round + 1,
            ..Self::new(self.idle.bounds())
        };
    }
}
