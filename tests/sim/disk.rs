//! A simulated disk under the real memory store. What is committed becomes durable a moment later, as a whole; a crash in
//! that moment keeps all of it or nothing. Whatever becomes durable is told to the model.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use resonate_core::{CapabilityKey, Message, Part, PromiseId, Record, Timeline};
use resonate_proto::store::{Stored, decode_message, decode_row};
use resonate_server::store::{
    Batch, CommitError, Due, Floor, Found, Head, Hits, Key, Limit, LoadError, Mark, MemoryDisk,
    MemoryStore, OutboxRow, Page, Reader, Search, Store, Tree, Trim, WriteError,
};

use tokio::time::Instant;

use crate::sim::Sim;

/// So long after a refused commit the engine is back at work.
const REFUSED: Duration = Duration::from_secs(3);

/// What goes wrong at the next commit, or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiskFault {
    /// The sync fails; nobody knows whether the write is there.
    SyncFails { is_written: bool },
    /// A read fails.
    ReadFails,
}

/// A disk. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<Mutex<State>>);

struct State {
    sim: Sim,
    durable: MemoryDisk,
    /// Committed, and not synced yet.
    lane: Option<Vec<Batch>>,
    fault: Option<DiskFault>,
    /// What a crashed server still had under way; it comes when another one has taken over.
    late: Option<Vec<Batch>>,
    is_full: bool,
    is_busy: bool,
    /// When it last had no room or no time for a commit.
    refused_at: Option<Instant>,
    /// What a disk that lies has really kept.
    kept: Option<MemoryDisk>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a simulated disk")
    }
}

impl Disk {
    pub(crate) fn new(sim: Sim) -> Self {
        Self(Arc::new(Mutex::new(State {
            sim,
            durable: MemoryDisk::default(),
            lane: None,
            fault: None,
            late: None,
            is_full: false,
            is_busy: false,
            refused_at: None,
            kept: None,
        })))
    }

    pub(crate) fn open(&self) -> Box<dyn Store> {
        Box::new(SimulatedStore {
            inner: self.state().durable.open(),
            disk: self.clone(),
            is_poisoned: false,
        })
    }

    /// This happens at the next commit, or read.
    pub(crate) fn fail_next(&self, fault: DiskFault) {
        self.state().fault = Some(fault);
    }

    /// No faults from now on.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        (state.fault, state.is_full, state.is_busy) = (None, false, false);
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    pub(crate) fn set_busy(&self, is_busy: bool) {
        self.state().is_busy = is_busy;
    }

    /// From now on it forgets what it was given, if the power fails.
    pub(crate) fn lie(&self) {
        let mut state = self.state();
        state.kept = Some(state.durable.image());
    }

    /// True if something is committed and not synced.
    pub(crate) fn has_unsynced(&self) -> bool {
        self.state().lane.is_some()
    }

    /// True if it had no room or no time for a commit a moment ago: then the engine writes nothing of its own for a while.
    pub(crate) fn refused_lately(&self) -> bool {
        let refused_at = self.state().refused_at;
        refused_at.is_some_and(|at| at.elapsed() < REFUSED)
    }

    /// These rows have left it.
    fn forget(&self, what: &[Trim]) {
        let sim = self.state().sim.clone();
        for trim in what {
            let forgotten = match *trim {
                Trim::Outbox { part, up_to } => {
                    sim.model().messages.may_remove(part, up_to).map(|()| false)
                }
                Trim::Tree { root_no, .. } => {
                    Err(format!("nobody removes trees, and {root_no} is"))
                }
                Trim::Row {
                    root_no,
                    child_no,
                    settled_at,
                    ..
                } => sim.model().forget((root_no, child_no), settled_at),
            };
            match forgotten {
                Ok(true) => sim.count("rows of earlier generations removed"),
                Ok(false) => {}
                Err(wrong) => sim.violation(wrong),
            }
        }
    }

    /// What was committed is durable from now on.
    pub(crate) fn sync(&self) {
        let mut state = self.state();
        let Some(lane) = state.lane.take() else {
            return;
        };
        let (sim, durable) = (state.sim.clone(), state.durable.clone());
        drop(state);
        write(&sim, &durable, &lane);
    }

    /// The server is gone: what was not synced is there as a whole, or not at all.
    pub(crate) fn crash(&self) {
        let (sim, lane) = {
            let mut state = self.state();
            let lane = state.lane.take();
            if let Some(kept) = state.kept.take() {
                state.durable = kept;
            }
            (state.sim.clone(), lane)
        };
        if let Some(lane) = lane {
            if sim.dice().per_mille(500) {
                sim.count("a crash kept an unsynced commit");
                let durable = self.state().durable.clone();
                write(&sim, &durable, &lane);
            } else {
                sim.count("a crash lost an unsynced commit");
                self.state().late = Some(lane);
            }
        }
        let stored = self.records();
        let right = sim.model().compare(&stored);
        sim.check(right);
        let sources = sim.model().messages.sources();
        let stored = self.messages(&sources);
        let right = sim.model().messages.compare(&stored);
        sim.check(right);
    }

    /// What an earlier server had under way comes now: nothing of it may be written.
    fn write_late(&self) {
        let mut state = self.state();
        let Some(lane) = state.late.take() else {
            return;
        };
        match state.durable.open().commit(&lane) {
            Err(CommitError::Fenced(_)) => {
                state
                    .sim
                    .count("a write of a server that was replaced was refused");
            }
            other => {
                let wrong = format!("a server that was replaced has written: {other:?}");
                state.sim.violation(wrong);
            }
        }
    }

    /// Everything it holds.
    fn records(&self) -> BTreeMap<PromiseId, Record> {
        let mut store = self.state().durable.open();
        let (mut records, mut after) = (BTreeMap::new(), None);
        loop {
            let page = store
                .rows(after, Limit::default())
                .expect("memory can be read");
            for found in &page.rows {
                let read = decode_row(&found.row.doc).expect("what was written can be read");
                if let Stored::Record(record) = read {
                    records.insert(record.promise.id.clone(), *record);
                }
            }
            match page.rows.last() {
                Some(last) if page.more => after = Some(last.key()),
                _ => return records,
            }
        }
    }

    /// Every message of these partitions that it holds.
    fn messages(&self, parts: &[Part]) -> BTreeMap<(Part, Mark), Message> {
        let mut store = self.state().durable.open();
        let mut messages = BTreeMap::new();
        for part in parts {
            let mut after = None;
            loop {
                let page = store
                    .outbox(*part, after, Limit::default())
                    .expect("memory can be read");
                for (mark, row) in &page.rows {
                    let message = decode_message(&row.doc).expect("what was written can be read");
                    messages.insert((*part, *mark), message);
                }
                match page.rows.last() {
                    Some((mark, _)) if page.more => after = Some(*mark),
                    _ => break,
                }
            }
        }
        messages
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(sim: &Sim, durable: &MemoryDisk, lane: &[Batch]) {
    if let Err(error) = durable.open().commit(lane) {
        return sim.violation(format!("what was committed cannot be written: {error}"));
    }
    let now = sim.latest_wall();
    let right = sim.model().committed(lane, now, sim.now().steady);
    let noted = sim.model().take_noted();
    noted.into_iter().for_each(|what| sim.count(what));
    sim.check(right);
    sim.count("commits");
    sim.check_now_and_then();
}

/// A store on it, as one process of the server has it open.
#[derive(Debug)]
struct SimulatedStore {
    inner: MemoryStore,
    disk: Disk,
    is_poisoned: bool,
}

const SAYING: &str = "as the seed wants it";

impl SimulatedStore {
    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut MemoryStore) -> Result<T, LoadError>,
    ) -> Result<T, LoadError> {
        if self.is_poisoned {
            return Err(LoadError::Poisoned);
        }
        let mut state = self.disk.state();
        assert!(
            state.lane.is_none(),
            "the engine read before its commit was durable"
        );
        if state.fault == Some(DiskFault::ReadFails) {
            state.fault = None;
            state.sim.count("fault: a read failed");
            self.is_poisoned = true;
            let (file, source) = ("disk".into(), SAYING.into());
            return Err(LoadError::Failed { file, source });
        }
        drop(state);
        read(&mut self.inner)
    }

    fn failed(&mut self) -> WriteError {
        self.is_poisoned = true;
        let (file, source) = ("disk".into(), SAYING.into());
        WriteError::Failed { file, source }
    }

    /// Why nothing can be written now.
    fn refuses(&self) -> Option<WriteError> {
        let state = self.disk.state();
        if self.is_poisoned {
            return Some(WriteError::Poisoned);
        }
        let file = "disk".into();
        if state.is_full {
            let source = SAYING.into();
            return Some(WriteError::Full { file, source });
        }
        if state.is_busy {
            return Some(WriteError::Busy { file });
        }
        None
    }
}

impl Reader for SimulatedStore {
    fn tree(
        &mut self,
        part: Part,
        root: &str,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Option<Tree>, LoadError> {
        self.read(|inner| inner.tree(part, root, after, limit))
    }

    fn due(&mut self, due: &Due, limit: Limit) -> Result<Page<Found>, LoadError> {
        self.read(|inner| inner.due(due, limit))
    }

    fn search(&mut self, search: &Search, limit: Limit) -> Result<Hits, LoadError> {
        self.read(|inner| inner.search(search, limit))
    }

    fn outbox(
        &mut self,
        part: Part,
        after: Option<Mark>,
        limit: Limit,
    ) -> Result<Page<(Mark, OutboxRow)>, LoadError> {
        self.read(|inner| inner.outbox(part, after, limit))
    }

    fn inbox(&mut self, part: Part) -> Result<Vec<(Part, Mark)>, LoadError> {
        self.read(|inner| inner.inbox(part))
    }

    fn rows(&mut self, after: Option<Key>, limit: Limit) -> Result<Page<Found>, LoadError> {
        self.read(|inner| inner.rows(after, limit))
    }
}

impl Store for SimulatedStore {
    fn take(&mut self, floors: &[Floor]) -> Result<Vec<Head>, WriteError> {
        let heads = self.inner.take(floors)?;
        self.disk.write_late();
        Ok(heads)
    }

    fn commit(&mut self, lane: &[Batch]) -> Result<(), CommitError> {
        if let Some(error) = self.refuses() {
            let is_full = matches!(error, WriteError::Full { .. });
            let mut state = self.disk.state();
            state.refused_at = Some(Instant::now());
            state.sim.count(if is_full {
                "fault: a full disk refused a commit"
            } else {
                "fault: a busy disk refused a commit"
            });
            return Err(error.into());
        }
        let mut state = self.disk.state();
        if let Some(DiskFault::SyncFails { is_written }) = state.fault {
            state.fault = None;
            let (sim, durable) = (state.sim.clone(), state.durable.clone());
            drop(state);
            sim.count("fault: a sync failed");
            if is_written {
                write(&sim, &durable, lane);
            }
            return Err(self.failed().into());
        }
        state.lane = Some(lane.to_vec());
        Ok(())
    }

    fn trim(&mut self, what: &[Trim], limit: usize) -> Result<usize, WriteError> {
        match self.refuses() {
            Some(error) => Err(error),
            None => {
                let removed = self.inner.trim(what, limit)?;
                self.disk.forget(what);
                Ok(removed)
            }
        }
    }

    fn upkeep(&mut self) -> Result<(), WriteError> {
        self.refuses().map_or(Ok(()), Err)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, LoadError> {
        self.inner.reader()
    }

    fn timeline(&self) -> Timeline {
        self.inner.timeline()
    }

    fn capability_key(&self) -> CapabilityKey {
        self.inner.capability_key()
    }
}
