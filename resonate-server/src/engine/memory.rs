//! The trees that are held in memory, their timers, and which of them may go.
//!
//! A tree is *idle* when nothing in it is ready, leased or tied and its next timer lies beyond what has been loaded of the
//! due index: then the store alone brings it back in time. Idle trees leave, the longest untouched first, when they take
//! more than their bound, but not what was touched a moment ago: a large tree at work is idle between any two of its rounds.
//! What was changed and is not committed yet is never idle.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use resonate_core::{Change, PromiseId, Record, TaskState, Timestamp, Tree};

use super::disk::StoredTree;
use crate::limits;

/// All trees in memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    trees: HashMap<Arc<str>, Held>,
    /// The first timer of each tree that has one.
    due: BTreeSet<(Timestamp, Arc<str>)>,
    /// Candidates to go, by when they were touched; one that was touched later stands further behind as well.
    idle: VecDeque<Idle>,
    idle_bytes: usize,
    timers: usize,
    round: u64,
}

/// A candidate to go.
#[derive(Debug)]
struct Idle {
    /// The round that touched it last, and when that was by the clock that only runs.
    touched: u64,
    at: Timestamp,
    root: Arc<str>,
}

/// One tree, the numbers of its rows and what is derived from it.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) tree: Tree,
    root_no: Option<u64>,
    rows: HashMap<PromiseId, Place>,
    next_child: u64,
    timers: BTreeSet<(Timestamp, PromiseId)>,
    busy: usize,
    bytes: usize,
    touched: u64,
    is_idle: bool,
}

/// What is known of one row.
#[derive(Clone, Copy, Debug)]
struct Place {
    child_no: u64,
    is_busy: bool,
}

/// Where a changed record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowNo {
    pub(super) root_no: u64,
    pub(super) child_no: u64,
    /// The root has no number in the store yet.
    pub(super) is_new_root: bool,
}

impl Memory {
    /// A tree that is here is needed in this round: it is not idle before the round has ended. Says its name, and whether
    /// the round needs it for the first time.
    pub(super) fn visit(&mut self, root: &str) -> Option<(Arc<str>, bool)> {
        let name = Arc::clone(self.trees.get_key_value(root)?.0);
        let held = self.trees.get_mut(root)?;
        let is_first = held.touched != self.round;
        held.touched = self.round;
        if std::mem::take(&mut held.is_idle) {
            self.idle_bytes = self.idle_bytes.saturating_sub(held.bytes);
        }
        Some((name, is_first))
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
        let mut held = Held {
            touched: self.round,
            ..Held::default()
        };
        if let Some(stored) = stored {
            held.root_no = Some(stored.root_no);
            for (child_no, record) in stored.records {
                held.next_child = held.next_child.max(child_no + 1);
                let place = Place {
                    child_no,
                    is_busy: false,
                };
                held.rows.insert(record.promise.id.clone(), place);
                let record = Arc::new(record);
                held.tree.put(Arc::clone(&record));
                held.derive(None, &record, now);
            }
        }
        self.timers += held.timers.len();
        self.due.extend(held.first_timer(root));
        self.trees
            .entry(Arc::clone(root))
            .insert_entry(held)
            .into_mut()
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

    /// Takes out the earliest timer that is due.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<PromiseId> {
        let (at, root) = self.due.first()?;
        if *at > now {
            return None;
        }
        let root = Arc::clone(root);
        self.due.pop_first();
        let held = self.trees.get_mut(&root)?;
        let (_, id) = held.timers.pop_first()?;
        self.timers -= 1;
        self.due.extend(held.first_timer(&root));
        Some(id)
    }

    /// A timer that fired made its task ready.
    pub(super) fn became_ready(&mut self, id: &PromiseId) {
        if let Some(held) = self.trees.get_mut(id.root()) {
            held.set_busy(id, true);
        }
    }

    /// When the next timer is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// How many timers are held.
    pub(super) fn timers(&self) -> usize {
        self.timers
    }

    /// The round is committed: what it touched may go if it is idle. `loaded_to` is how far the due index is loaded,
    /// `steady` the time of the round by the clock that only runs.
    pub(super) fn settle_down(
        &mut self,
        touched: impl IntoIterator<Item = Arc<str>>,
        loaded_to: Timestamp,
        steady: Timestamp,
    ) {
        for root in touched {
            let Some(held) = self.trees.get_mut(&root) else {
                continue;
            };
            if held.tree.is_empty() {
                self.trees.remove(&root);
            } else if !held.is_idle && held.may_go(loaded_to) {
                held.is_idle = true;
                self.idle_bytes += held.bytes;
                self.idle.push_back(Idle {
                    touched: held.touched,
                    at: steady,
                    root,
                });
            }
        }
        self.round += 1;
        while self.idle_bytes > limits::IDLE_TREE_BYTES {
            let Some(candidate) = self.idle.pop_front() else {
                break;
            };
            if !candidate.is_one(&self.trees) {
                continue;
            }
            let is_at_work = candidate.at.until(steady) < limits::IDLE_TREE_FOR;
            let is_far_over = self.idle_bytes > limits::IDLE_TREE_BYTES_AT_WORK;
            if is_at_work && (!is_far_over || self.idle.is_empty()) {
                self.idle.push_front(candidate);
                break;
            }
            self.remove(&candidate.root);
        }
        self.forget_stale_candidates();
    }

    /// Forgets everything: what is in memory is ahead of the disk.
    pub(super) fn clear(&mut self) {
        *self = Self {
            round: self.round + 1,
            ..Self::default()
        };
    }

    fn remove(&mut self, root: &Arc<str>) {
        let Some(held) = self.trees.remove(root) else {
            return;
        };
        if held.is_idle {
            self.idle_bytes = self.idle_bytes.saturating_sub(held.bytes);
        }
        self.timers -= held.timers.len();
        if let Some(first) = held.first_timer(root) {
            self.due.remove(&first);
        }
    }

    /// A tree that is touched in every round would leave an entry behind in each.
    fn forget_stale_candidates(&mut self) {
        if self.idle.len() <= 2 * self.trees.len() + 16 {
            return;
        }
        let trees = &self.trees;
        self.idle.retain(|candidate| candidate.is_one(trees));
    }
}

impl Idle {
    /// True unless it was touched again, or is gone.
    fn is_one(&self, trees: &HashMap<Arc<str>, Held>) -> bool {
        trees
            .get(&self.root)
            .is_some_and(|held| held.is_idle && held.touched == self.touched)
    }
}

impl Held {
    fn number(&mut self, id: &PromiseId, next_root: &mut u64) -> RowNo {
        let is_new_root = self.root_no.is_none();
        let root_no = *self.root_no.get_or_insert_with(|| {
            let root_no = *next_root;
            *next_root += 1;
            root_no
        });
        // Number 0 is the root promise's, whatever is created first.
        self.next_child = self.next_child.max(1);
        let place = self.rows.entry(id.clone()).or_insert_with(|| {
            if id.rest().is_empty() {
                return Place {
                    child_no: 0,
                    is_busy: false,
                };
            }
            let child_no = self.next_child;
            self.next_child += 1;
            Place {
                child_no,
                is_busy: false,
            }
        });
        RowNo {
            root_no,
            child_no: place.child_no,
            is_new_root,
        }
    }

    /// Brings timers and counts in line with a record.
    fn derive(&mut self, before: Option<&Record>, after: &Record, now: Timestamp) {
        let id = &after.promise.id;
        if let Some(before) = before {
            self.bytes = self.bytes.saturating_sub(record_bytes(before));
            for at in wakes(before).into_iter().flatten() {
                self.timers.remove(&(at, id.clone()));
            }
        }
        self.bytes += record_bytes(after);
        let [timeout, ready] = wakes(after);
        let later = ready.filter(|at| *at > now);
        for at in [timeout, later].into_iter().flatten() {
            self.timers.insert((at, id.clone()));
        }
        let is_busy = later.is_none() && is_busy(after);
        self.set_busy(id, is_busy);
    }

    fn set_busy(&mut self, id: &PromiseId, is_busy: bool) {
        let Some(place) = self.rows.get_mut(id) else {
            return;
        };
        if place.is_busy != is_busy {
            place.is_busy = is_busy;
            self.busy = if is_busy {
                self.busy + 1
            } else {
                self.busy.saturating_sub(1)
            };
        }
    }

    fn may_go(&self, loaded_to: Timestamp) -> bool {
        self.busy == 0 && self.timers.first().is_none_or(|(at, _)| *at > loaded_to)
    }

    fn first_timer(&self, root: &Arc<str>) -> Option<(Timestamp, Arc<str>)> {
        self.timers.first().map(|(at, _)| (*at, Arc::clone(root)))
    }
}

/// When a record must be looked at: its timeout, and when its task is ready.
fn wakes(record: &Record) -> [Option<Timestamp>; 2] {
    if !record.promise.is_pending() {
        return [None, None];
    }
    let timeout = Some(record.promise.timeout_at).filter(|at| !at.is_never());
    let ready = match record.task.as_ref().map(|task| &task.state) {
        Some(TaskState::Pending { ready_at }) => Some(*ready_at),
        Some(
            TaskState::Leased { .. }
            | TaskState::Suspended { .. }
            | TaskState::Halted(_)
            | TaskState::Done,
        )
        | None => None,
    };
    [timeout, ready]
}

/// True if somebody holds the task, or may claim it.
fn is_busy(record: &Record) -> bool {
    match record.task.as_ref().map(|task| &task.state) {
        Some(
            TaskState::Pending { .. }
            | TaskState::Leased { .. }
            | TaskState::Suspended { tied: Some(_) },
        ) => true,
        Some(TaskState::Suspended { tied: None } | TaskState::Halted(_) | TaskState::Done)
        | None => false,
    }
}

fn record_bytes(record: &Record) -> usize {
    let arguments = record.promise.call().map_or(0, |call| call.param.bytes());
    let outcome = record
        .promise
        .settled()
        .map_or(0, |settled| settled.outcome.bytes());
    limits::RECORD_BYTES + arguments + outcome
}
