//! The trees that are held in memory, their timers, and which of them may go.
//!
//! A tree is *idle* when nothing in it is ready, leased or tied and its next timer lies beyond what has been loaded of the
//! due index: then the store alone brings it back in time. Idle trees leave, the longest untouched first, when they take
//! more than their bound, but not what was touched a moment ago: a large tree at work is idle between any two of its rounds.
//! What was changed and is not committed yet is never idle.
//!
//! A tree is loaded whole, and a ready task keeps its tree here though nobody serves it: what that costs, and why, is in
//! `docs/decisions/0007-a-tree-is-loaded-whole.md`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use resonate_core::{
    AwaiterPage, Change, PageChange, PromiseId, Record, TaskState, Timestamp, Tree,
    mutants::{Mutant, planted},
};

use super::disk::{StoredRow, StoredTree};
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
    /// The rows of pages of awaiters.
    pages: BTreeMap<(PromiseId, u32), PagePlace>,
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

/// What is known of the row of a page of awaiters.
#[derive(Clone, Copy, Debug)]
struct PagePlace {
    child_no: u64,
    created_at: Timestamp,
    over_at: Option<Timestamp>,
}

/// A page of awaiters as its row holds it.
#[derive(Clone, Debug)]
pub(super) struct PageRow {
    pub(super) page: Arc<AwaiterPage>,
    pub(super) created_at: Timestamp,
    /// It has no awaiters any more.
    pub(super) over_at: Option<Timestamp>,
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
            for (child_no, row) in stored.rows {
                held.next_child = held.next_child.max(child_no + 1);
                let record = match row {
                    StoredRow::Record(record) => record,
                    StoredRow::Page(page) => {
                        held.load_page(child_no, page);
                        continue;
                    }
                };
                let place = Place {
                    child_no,
                    is_busy: false,
                };
                held.rows.insert(record.promise.id.clone(), place);
                let record = Arc::new(remembered(*record, now));
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

    /// Notes a changed page of awaiters; says where it is written, and what is written there. A page that is over keeps its
    /// row, for the next page of that number.
    pub(super) fn note_page(
        &mut self,
        root: &Arc<str>,
        change: &PageChange,
        now: Timestamp,
        next_root: &mut u64,
    ) -> Option<(RowNo, PageRow)> {
        let held = self.trees.get_mut(root)?;
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        held.bytes = held.bytes.saturating_sub(before.map_or(0, page_bytes));
        held.bytes += after.map_or(0, page_bytes);
        let key = (change.of.clone(), change.number);
        let place = held.pages.get(&key).copied().unwrap_or_else(|| PagePlace {
            child_no: held.take_child(),
            created_at: now,
            over_at: None,
        });
        let over_at = after.is_none().then_some(now);
        held.pages.insert(key, PagePlace { over_at, ..place });
        let page = change.after.clone().unwrap_or_else(|| {
            Arc::new(AwaiterPage {
                of: change.of.clone(),
                number: change.number,
                proxies: Vec::new(),
            })
        });
        let row = RowNo {
            root_no: held.root(next_root),
            child_no: place.child_no,
            is_new_root: false,
        };
        let created_at = place.created_at;
        Some((
            row,
            PageRow {
                page,
                created_at,
                over_at,
            },
        ))
    }

    /// Forgets a settled record; gives the rows that go with it, and when they ended.
    pub(super) fn forget(&mut self, root: &Arc<str>, record: &Record) -> Vec<(RowNo, Timestamp)> {
        let Some(held) = self.trees.get_mut(root) else {
            return Vec::new();
        };
        let (Some(root_no), Some(settled)) = (held.root_no, record.promise.settled()) else {
            return Vec::new();
        };
        let id = &record.promise.id;
        let own = held
            .rows
            .remove(id)
            .map(|place| (place.child_no, settled.at));
        held.bytes = held.bytes.saturating_sub(record_bytes(record));
        let pages = (id.clone(), 0)..=(id.clone(), u32::MAX);
        let numbers: Vec<_> = held
            .pages
            .range(pages)
            .map(|(key, _)| key.clone())
            .collect();
        let pages = numbers.iter().filter_map(|key| {
            let place = held.pages.remove(key)?;
            Some((place.child_no, place.over_at?))
        });
        let rows = own.into_iter().chain(pages);
        let row = |child_no| RowNo {
            root_no,
            child_no,
            is_new_root: false,
        };
        rows.map(|(child_no, at)| (row(child_no), at)).collect()
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
        let root_no = self.root(next_root);
        let known = self.rows.get(id).map(|place| place.child_no);
        let child_no = known.unwrap_or_else(|| {
            let child_no = if id.rest().is_empty() {
                0
            } else {
                self.take_child()
            };
            let place = Place {
                child_no,
                is_busy: false,
            };
            self.rows.insert(id.clone(), place);
            child_no
        });
        RowNo {
            root_no,
            child_no,
            is_new_root,
        }
    }

    fn root(&mut self, next_root: &mut u64) -> u64 {
        *self.root_no.get_or_insert_with(|| {
            let root_no = *next_root;
            *next_root += 1;
            root_no
        })
    }

    fn take_child(&mut self) -> u64 {
        // Number 0 is the root promise's, whatever is created first.
        let child_no = self.next_child.max(1);
        self.next_child = child_no + 1;
        child_no
    }

    /// A page that the store has. One that is over is only a row for the next page of its number.
    fn load_page(&mut self, child_no: u64, row: PageRow) {
        let PageRow {
            page,
            created_at,
            over_at,
        } = row;
        let place = PagePlace {
            child_no,
            created_at,
            over_at,
        };
        self.pages.insert((page.of.clone(), page.number), place);
        if over_at.is_none() {
            self.bytes += page_bytes(&page);
            self.tree.put_page(page);
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

/// The record as the store has it.
fn remembered(mut record: Record, now: Timestamp) -> Record {
    if let Some(task) = &mut record.task {
        if planted(Mutant::AttemptsForgotten) {
            (task.attempts, task.losses) = (0, 0);
        }
        if planted(Mutant::DoubleDispatchAfterRestart)
            && matches!(task.state, TaskState::Leased { .. })
        {
            task.state = TaskState::Pending { ready_at: now };
        }
    }
    record
}

/// When a record must be looked at: its timeout, and when its task is ready.
fn wakes(record: &Record) -> [Option<Timestamp>; 2] {
    if !record.promise.is_pending() {
        return [None, None];
    }
    let is_armed = record.task.is_some() || !planted(Mutant::TimeoutNotArmed);
    let timeout = Some(record.promise.timeout_at).filter(|at| !at.is_never() && is_armed);
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

fn page_bytes(page: &AwaiterPage) -> usize {
    let names = page.proxies.iter().map(|proxy| 2 * proxy.as_str().len());
    limits::RECORD_BYTES + names.sum::<usize>()
}

fn record_bytes(record: &Record) -> usize {
    let arguments = record.promise.call().map_or(0, |call| call.param.bytes());
    let outcome = record
        .promise
        .settled()
        .map_or(0, |settled| settled.outcome.bytes());
    limits::RECORD_BYTES + arguments + outcome
}
