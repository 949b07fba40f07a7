//! One tree in memory: its records, the numbers of their rows, its timers, and what in it is waited for.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use resonate_core::{
    AwaiterPage, Kind, Link, PageChange, PromiseId, Record, TaskState, Timestamp, Tree,
    mutants::{Mutant, planted},
};

use super::super::disk::{StoredRow, StoredTree};
use crate::limits;

/// One tree, the numbers of its rows and what is derived from it.
#[derive(Debug, Default)]
pub(in crate::engine) struct Held {
    pub(in crate::engine) tree: Tree,
    root_no: Option<u64>,
    rows: HashMap<PromiseId, Place>,
    /// The rows of pages of awaiters.
    pages: BTreeMap<(PromiseId, u32), PagePlace>,
    next_child: u64,
    pub(super) timers: BTreeSet<(Timestamp, PromiseId)>,
    /// How many of its tasks stand in line, and how many are leased or tied.
    ready: usize,
    taken: usize,
    /// What it takes, about.
    pub(in crate::engine) bytes: usize,
    /// The round that touched it last.
    pub(super) touched: u64,
    pub(super) is_idle: bool,
}

/// What is known of one row.
#[derive(Clone, Copy, Debug)]
struct Place {
    child_no: u64,
    stands: Stands,
}

/// What is to become of a task, as far as it keeps its tree from being forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stands {
    /// Nothing, for now; or there is no task.
    #[default]
    Apart,
    /// It stands in line.
    InLine,
    /// It is leased, or tied.
    Taken,
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
pub(in crate::engine) struct PageRow {
    pub(in crate::engine) page: Arc<AwaiterPage>,
    pub(in crate::engine) created_at: Timestamp,
    /// It has no awaiters any more.
    pub(in crate::engine) over_at: Option<Timestamp>,
}

/// Where a changed record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct RowNo {
    pub(in crate::engine) root_no: u64,
    pub(in crate::engine) child_no: u64,
    /// The root has no number in the store yet.
    pub(in crate::engine) is_new_root: bool,
}

impl Held {
    /// A tree as the store has it, or an empty one.
    pub(super) fn new(stored: Option<StoredTree>, now: Timestamp, round: u64) -> Self {
        let mut held = Self {
            touched: round,
            bytes: limits::TREE_BYTES,
            ..Self::default()
        };
        let Some(stored) = stored else { return held };
        held.root_no = Some(stored.root_no);
        for (child_no, row) in stored.rows {
            held.next_child = held.next_child.max(child_no + 1);
            match row {
                StoredRow::Record(record) => {
                    held.rows
                        .insert(record.promise.id.clone(), Place::new(child_no));
                    let record = Arc::new(remembered(*record, now));
                    held.tree.put(Arc::clone(&record));
                    held.derive(None, &record, now);
                }
                StoredRow::Page(page) => held.load_page(child_no, page),
            }
        }
        held
    }

    /// True if nobody holds a task of it.
    pub(super) fn is_at_rest(&self) -> bool {
        self.taken == 0
    }

    /// True if the due index, which is loaded to `loaded_to`, alone brings it back at the moment of its first timer. That of
    /// a ready task may be one that its row does not show.
    pub(super) fn is_brought_back_at(&self, first: Timestamp, loaded_to: Timestamp) -> bool {
        self.ready == 0 && first > loaded_to
    }

    /// Where a record is written. A new root takes `next_root`.
    pub(super) fn number(&mut self, id: &PromiseId, next_root: &mut u64) -> RowNo {
        let is_new_root = self.root_no.is_none();
        let root_no = self.root(next_root);
        let known = self.rows.get(id).map(|place| place.child_no);
        let child_no = known.unwrap_or_else(|| {
            let child_no = if id.rest().is_empty() {
                0
            } else {
                self.take_child()
            };
            self.rows.insert(id.clone(), Place::new(child_no));
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

    /// Notes a changed page of awaiters; says where it is written, and what is written there. A page that is over keeps its
    /// row, for the next page of that number.
    pub(super) fn note_page(
        &mut self,
        change: &PageChange,
        now: Timestamp,
        next_root: &mut u64,
    ) -> (RowNo, PageRow) {
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        self.bytes = self.bytes.saturating_sub(before.map_or(0, page_bytes));
        self.bytes += after.map_or(0, page_bytes);
        let key = (change.of.clone(), change.number);
        let place = self.pages.get(&key).copied().unwrap_or_else(|| PagePlace {
            child_no: self.take_child(),
            created_at: now,
            over_at: None,
        });
        let over_at = after.is_none().then_some(now);
        self.pages.insert(key, PagePlace { over_at, ..place });
        let page = change.after.clone().unwrap_or_else(|| {
            Arc::new(AwaiterPage {
                of: change.of.clone(),
                number: change.number,
                proxies: Vec::new(),
            })
        });
        let row = RowNo {
            root_no: self.root(next_root),
            child_no: place.child_no,
            is_new_root: false,
        };
        let created_at = place.created_at;
        let written = PageRow {
            page,
            created_at,
            over_at,
        };
        (row, written)
    }

    /// Forgets a settled record; gives the rows that go with it, and when they ended.
    pub(super) fn forget(&mut self, record: &Record) -> Vec<(RowNo, Timestamp)> {
        let (Some(root_no), Some(settled)) = (self.root_no, record.promise.settled()) else {
            return Vec::new();
        };
        let id = &record.promise.id;
        let own = self
            .rows
            .remove(id)
            .map(|place| (place.child_no, settled.at));
        self.bytes = self.bytes.saturating_sub(record_bytes(record));
        let pages = (id.clone(), 0)..=(id.clone(), u32::MAX);
        let numbers: Vec<_> = self
            .pages
            .range(pages)
            .map(|(key, _)| key.clone())
            .collect();
        let pages = numbers.iter().filter_map(|key| {
            let place = self.pages.remove(key)?;
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

    /// Brings timers and counts in line with a record.
    pub(super) fn derive(&mut self, before: Option<&Record>, after: &Record, now: Timestamp) {
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
        let stands = Some(stands(after)).filter(|_| later.is_none());
        self.set(id, stands.unwrap_or_default());
    }

    /// A timer that fired made its task ready.
    pub(super) fn became_ready(&mut self, id: &PromiseId) {
        self.set(id, Stands::InLine);
    }

    fn set(&mut self, id: &PromiseId, stands: Stands) {
        let Some(place) = self.rows.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut place.stands, stands);
        for (stands, joins) in [(before, false), (stands, true)] {
            let count = match stands {
                Stands::Apart => continue,
                Stands::InLine => &mut self.ready,
                Stands::Taken => &mut self.taken,
            };
            *count = if joins {
                *count + 1
            } else {
                count.saturating_sub(1)
            };
        }
    }

    pub(super) fn first_timer(&self, root: &Arc<str>) -> Option<(Timestamp, Arc<str>)> {
        self.timers.first().map(|(at, _)| (*at, Arc::clone(root)))
    }
}

impl Place {
    fn new(child_no: u64) -> Self {
        Self {
            child_no,
            stands: Stands::default(),
        }
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
        Some(TaskState::Pending { ready_at }) => Some(*ready_at).filter(|at| !at.is_never()),
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

/// How a task stands that is not for later.
fn stands(record: &Record) -> Stands {
    match record.task.as_ref().map(|task| &task.state) {
        Some(TaskState::Pending { .. }) => Stands::InLine,
        Some(TaskState::Leased { .. } | TaskState::Suspended { tied: Some(_) }) => Stands::Taken,
        Some(TaskState::Suspended { tied: None } | TaskState::Halted(_) | TaskState::Done)
        | None => Stands::Apart,
    }
}

fn page_bytes(page: &AwaiterPage) -> usize {
    let names = page.proxies.iter().map(|proxy| 2 * proxy.as_str().len());
    limits::RECORD_BYTES + names.sum::<usize>()
}

fn record_bytes(record: &Record) -> usize {
    let promise = &record.promise;
    let arguments = match &promise.kind {
        Kind::Call(call) => call.param.bytes(),
        Kind::Proxy(Link::Call { promise, .. }) => {
            promise.call.as_ref().map_or(0, |call| call.param.bytes())
        }
        Kind::Proxy(Link::Tell { outcome, .. }) => outcome.bytes(),
        Kind::Schedule(schedule) => {
            let kept = schedule.waiting.len() + schedule.latest_missed.len();
            let texts = schedule.plan.cron.len() + schedule.plan.timezone.len();
            schedule.plan.call.param.bytes() + kept * size_of::<resonate_core::Missed>() + texts
        }
        Kind::Proxy(Link::Await { .. }) | Kind::Step | Kind::Timer | Kind::External => 0,
    };
    let outcome = promise
        .settled()
        .map_or(0, |settled| settled.outcome.bytes());
    let words = promise.labels.iter().chain(&promise.tags);
    let words = words.map(|(name, text)| name.len() + text.len());
    limits::RECORD_BYTES + arguments + outcome + words.sum::<usize>()
}
