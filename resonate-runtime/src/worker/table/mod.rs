//! The executions of a worker, by task: who is told what, who is named to the server, who is put out of memory.
//!
//! It decides and does not act: what is to be sent or started comes back as [`Effect`]s. Events go to executions at
//! once, since giving them never waits.

mod arrive;
mod aside;
mod entry;

use std::collections::{BTreeMap, BTreeSet};

use resonate_core::{PromiseId, Record, Seq, Settlement, TaskVersion, Turn};
use resonate_proto::stream::{FromWorker, Held, TurnAnswer};

use self::entry::{Body, Entry, Parting};
use super::{
    link::{Dispatched, ExecutionEvent, ExecutionHandle},
    slots::Slot,
};

/// What is to be done after the table was asked.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Say this to the server.
    Send(Box<FromWorker>),
    /// Begin this execution, in this slot or else in the next that is free.
    Start {
        dispatched: Box<Dispatched>,
        slot: Option<Slot>,
    },
}

impl Effect {
    fn send(item: FromWorker) -> Self {
        Self::Send(Box::new(item))
    }
}

/// The executions of a worker.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: BTreeMap<PromiseId, Entry>,
    /// Could not take everything yet.
    behind: BTreeSet<PromiseId>,
    /// Left, but not told yet.
    parting: Vec<Parting>,
    /// Dispatches of which pages are missing.
    pages: BTreeMap<PromiseId, (TaskVersion, Vec<Record>)>,
    /// What was asked for and not answered yet.
    asked: BTreeMap<PromiseId, Asked>,
    /// Bodies that are kept, oldest first.
    aside: BTreeMap<u64, PromiseId>,
    last_aside: u64,
    /// Dispatches of this stream that count against the credits.
    received: u64,
    draining: bool,
}

/// What a worker can ask the server for.
#[derive(Debug)]
enum Asked {
    /// A tied task, again; `dispatched` once a dispatch has come that may be the answer.
    Reclaim {
        version: TaskVersion,
        shown: Seq,
        dispatched: bool,
    },
    /// A whole dispatch in place of a warm one; the slot is kept for it.
    History {
        version: TaskVersion,
        slot: Option<Slot>,
    },
}

impl Table {
    /// A local child became known. It is void if its task is here under a newer claim already.
    pub(crate) fn adopt(&mut self, handle: ExecutionHandle) {
        let id = handle.id.clone();
        let entry = Entry::running(handle);
        let version = entry.version;
        let why = || "its task was claimed again".to_owned();
        match self.entries.get(&id).map(|here| here.version) {
            Some(here) if here > version => {
                let parting = entry.part(ExecutionEvent::Dropped { why: why() });
                return self.parting.extend(parting.and_then(Parting::flush));
            }
            Some(_) => self.part(&id, ExecutionEvent::Dropped { why: why() }),
            None => {}
        }
        self.entries.insert(id.clone(), entry);
        if self.draining {
            self.tell(&id, version, ExecutionEvent::Drain);
        }
    }

    /// A turn that is not answered yet creates it, claimed by this worker.
    pub(crate) fn announce(&mut self, id: &PromiseId, version: TaskVersion) {
        match self.entries.get(id).map(|here| here.version) {
            Some(here) if here >= version => return,
            Some(_) => {
                let why = "its task was created anew".to_owned();
                self.part(id, ExecutionEvent::Dropped { why });
            }
            None => {}
        }
        self.entries.insert(id.clone(), Entry::announced(version));
    }

    /// A dispatched or announced execution has begun; false if it was dropped before.
    pub(crate) fn began(&mut self, version: TaskVersion, handle: ExecutionHandle) -> bool {
        let id = handle.id.clone();
        if self.is_waiting(&id, version) {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.body = Body::Running(handle);
            }
            if self.draining {
                self.tell(&id, version, ExecutionEvent::Drain);
            }
            self.behind.insert(id);
            self.flush();
            return true;
        }
        let why = "it was dropped before it began".to_owned();
        self.parting
            .extend(Entry::running(handle).part(ExecutionEvent::Dropped { why }));
        self.flush();
        false
    }

    /// True if it is dispatched or announced under this version and has not begun.
    pub(crate) fn is_waiting(&self, id: &PromiseId, version: TaskVersion) -> bool {
        self.entries
            .get(id)
            .is_some_and(|entry| entry.version == version && entry.is_waiting())
    }

    /// A turn goes out; how it ends says whether the task stays with this session while it is suspended.
    pub(crate) fn submitted(&mut self, turn: &Turn) {
        if let Some(entry) = self
            .entries
            .get_mut(&turn.id)
            .filter(|entry| entry.version == turn.version)
        {
            entry.tied = matches!(
                turn.end,
                resonate_core::End::Suspend {
                    tied: true,
                    wake_at: None
                }
            );
        }
    }

    /// Nothing of it is here any more.
    pub(crate) fn forget(&mut self, id: &PromiseId, version: TaskVersion) {
        if self
            .entries
            .get(id)
            .is_some_and(|entry| entry.version <= version)
        {
            self.remove(id);
            self.asked.remove(id);
        }
    }

    /// The server answered a turn.
    pub(crate) fn turn_answered(&mut self, answer: TurnAnswer) {
        let TurnAnswer {
            task,
            version,
            n,
            answer,
        } = answer;
        self.tell(&task, version, ExecutionEvent::TurnAnswered { n, answer });
    }

    /// Some children settled.
    pub(crate) fn settled(
        &mut self,
        task: &PromiseId,
        version: TaskVersion,
        settled: Vec<Settlement>,
    ) {
        self.tell(task, version, ExecutionEvent::Settled(settled));
    }

    /// Tells those who could not take everything before; true if all could now.
    pub(crate) fn flush(&mut self) -> bool {
        let parting = std::mem::take(&mut self.parting);
        self.parting = parting.into_iter().filter_map(Parting::flush).collect();
        let behind = std::mem::take(&mut self.behind);
        let is_late = |id: &PromiseId| self.entries.get_mut(id).is_some_and(Entry::flush);
        self.behind = behind.into_iter().filter(is_late).collect();
        self.behind.is_empty() && self.parting.is_empty()
    }

    /// What the session holds, for the hello: leased, or suspended and tied. In the order of their ids.
    pub(crate) fn held(&self) -> Vec<Held> {
        let held = self.entries.iter().filter(|(_, entry)| entry.is_held());
        let mut held: Vec<Held> = held
            .map(|(id, entry)| Held {
                task: id.clone(),
                version: entry.version,
                shown: entry.shown(),
            })
            .collect();
        held.sort_by(|one, other| one.task.cmp(&other.task));
        held
    }

    /// Executions whose body has not come back from a poll since `limit` ms before `now`, and whether that was said.
    pub(crate) fn stalled(&mut self, now: u64, limit: u64) -> Vec<(Held, bool)> {
        let mut stalled = Vec::new();
        for (id, entry) in &mut self.entries {
            let Body::Running(handle) = &entry.body else {
                continue;
            };
            let since = handle
                .polling_since
                .load(std::sync::atomic::Ordering::Acquire);
            if since == 0 || now.saturating_sub(since) < limit {
                entry.blocks = false;
                continue;
            }
            let held = Held {
                task: id.clone(),
                version: entry.version,
                shown: handle.shown(),
            };
            stalled.push((held, std::mem::replace(&mut entry.blocks, true)));
        }
        stalled.sort_by(|one, other| one.0.task.cmp(&other.0.task));
        stalled
    }

    /// How many dispatches this stream may have carried in all, with so many free slots.
    pub(crate) fn credits(&self, free: usize) -> u64 {
        let free = if self.draining {
            0
        } else {
            u64::try_from(free).unwrap_or(u64::MAX)
        };
        self.received.saturating_add(free)
    }

    /// True if no execution is here, and all that left have been told.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.parting.is_empty()
    }

    /// How many executions are here.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn tell(&mut self, task: &PromiseId, version: TaskVersion, event: ExecutionEvent) {
        let entry = self
            .entries
            .get_mut(task)
            .filter(|entry| entry.version == version);
        if entry.is_some_and(|entry| entry.tell(event)) {
            self.behind.insert(task.clone());
        }
    }

    fn remove(&mut self, id: &PromiseId) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        if let Some((place, _)) = entry.aside {
            self.aside.remove(&place);
        }
        Some(entry)
    }

    fn part(&mut self, id: &PromiseId, last: ExecutionEvent) {
        let parting = self.remove(id).and_then(|entry| entry.part(last));
        self.parting.extend(parting.and_then(Parting::flush));
    }
}
