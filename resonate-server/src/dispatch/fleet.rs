//! The workers: what they execute, how many dispatches they may still be sent, what they run of suspects. Pure.
//!
//! A worker gets only tasks of functions that it registered with a body, in services that it executes. It stays in the
//! fleet without a stream until its lease ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use resonate_core::{Address, PromiseId, SessionId, Timestamp, queue::Serves};
use resonate_proto::stream::{Function, Hello};

use super::stream::StreamId;

/// All workers that are connected or have leases.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    workers: BTreeMap<SessionId, Worker>,
    /// Who may be sent a dispatch of which function.
    free: BTreeMap<Address, BTreeSet<SessionId>>,
    /// Those of them who run no suspect.
    clear: BTreeMap<Address, BTreeSet<SessionId>>,
    /// Who was sent the last one, so that they take turns.
    last: BTreeMap<Address, SessionId>,
}

/// Whether somebody is there who may fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// This one, who may be sent a dispatch.
    Free(SessionId),
    /// Somebody, later.
    Busy,
    /// Nobody.
    Nobody,
}

/// One worker process.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Host and process, for people.
    pub(crate) name: String,
    /// Of the library.
    pub(crate) version: String,
    /// Where it connects from.
    pub(crate) peer: String,
    /// The services it executes.
    pub(crate) services: BTreeSet<String>,
    /// What it registered, with and without bodies.
    pub(crate) functions: BTreeMap<Address, Function>,
    /// Executions at once.
    pub(crate) capacity: u32,
    /// When its stream opened.
    pub(crate) connected_at: Timestamp,
    /// When it was heard of.
    pub(crate) last_seen: Timestamp,
    /// It takes no dispatches any more.
    pub(crate) is_draining: bool,
    /// Its stream, while it has one.
    pub(crate) stream: Option<StreamId>,
    granted: u64,
    carried: u64,
    is_free: bool,
    is_clear: bool,
    suspects: BTreeSet<PromiseId>,
}

impl Worker {
    /// True if a task of this function may be given to it.
    pub(crate) fn executes(&self, address: &Address) -> bool {
        self.services.contains(&*address.service)
            && self
                .functions
                .get(address)
                .is_some_and(|function| function.served)
    }

    /// The functions of which it may be given tasks.
    fn executed(&self) -> impl Iterator<Item = &Address> {
        let addresses = self.functions.keys();
        addresses.filter(|address| self.executes(address))
    }

    fn may_be_sent(&self) -> bool {
        self.stream.is_some() && !self.is_draining && self.carried < self.granted
    }
}

impl Fleet {
    /// A stream opened: the worker is what it says now, whatever it was before.
    pub(crate) fn join(&mut self, hello: &Hello, peer: String, stream: StreamId, now: Timestamp) {
        let earlier = self.remove(hello.session);
        let worker = Worker {
            name: hello.name.clone(),
            version: hello.version.clone(),
            peer,
            services: hello.services.iter().cloned().collect(),
            functions: hello
                .functions
                .iter()
                .map(|function| (function.address.clone(), function.clone()))
                .collect(),
            capacity: hello.capacity,
            connected_at: now,
            last_seen: now,
            is_draining: false,
            stream: Some(stream),
            granted: hello.granted,
            carried: 0,
            is_free: false,
            is_clear: false,
            suspects: earlier.map(|worker| worker.suspects).unwrap_or_default(),
        };
        self.workers.insert(hello.session, worker);
        self.list(hello.session);
    }

    /// The stream closed. True if it was the worker's current one.
    pub(crate) fn disconnect(&mut self, session: SessionId, stream: StreamId) -> bool {
        let Some(worker) = self
            .workers
            .get_mut(&session)
            .filter(|worker| worker.stream == Some(stream))
        else {
            return false;
        };
        worker.stream = None;
        self.list(session);
        true
    }

    /// Its lease has ended.
    pub(crate) fn remove(&mut self, session: SessionId) -> Option<Worker> {
        if let Some(worker) = self.workers.get_mut(&session) {
            worker.stream = None;
        }
        self.list(session);
        self.workers.remove(&session)
    }

    /// It was heard of.
    pub(crate) fn seen(&mut self, session: SessionId, now: Timestamp) {
        if let Some(worker) = self.workers.get_mut(&session) {
            worker.last_seen = now;
        }
    }

    /// This many dispatches may be sent on its stream in all.
    pub(crate) fn grant(&mut self, session: SessionId, granted: u64) {
        if let Some(worker) = self.workers.get_mut(&session) {
            worker.granted = worker.granted.max(granted);
        }
        self.list(session);
    }

    /// It takes no dispatches any more.
    pub(crate) fn drain(&mut self, session: SessionId) {
        if let Some(worker) = self.workers.get_mut(&session) {
            worker.is_draining = true;
        }
        self.list(session);
    }

    /// One dispatch less may be sent to it.
    pub(crate) fn charge(&mut self, session: SessionId) {
        if let Some(worker) = self.workers.get_mut(&session) {
            worker.carried += 1;
        }
        self.list(session);
    }

    /// The dispatch that was charged is not sent after all.
    pub(crate) fn refund(&mut self, session: SessionId) {
        if let Some(worker) = self.workers.get_mut(&session) {
            worker.carried = worker.carried.saturating_sub(1);
        }
        self.list(session);
    }

    /// It runs this suspect.
    pub(crate) fn suspect_began(&mut self, session: SessionId, task: &PromiseId) {
        if let Some(worker) = self.workers.get_mut(&session) {
            worker.suspects.insert(task.clone());
        }
        self.list(session);
    }

    /// It does not run this task any more.
    pub(crate) fn let_go(&mut self, session: SessionId, task: &PromiseId) {
        if let Some(worker) = self.workers.get_mut(&session) {
            worker.suspects.remove(task);
        }
        self.list(session);
    }

    /// The functions of which somebody may be sent a task now, and whether it may be a suspect.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = Serves<'_>> {
        self.free.keys().map(|address| Serves {
            address,
            takes_suspects: self.clear.contains_key(address),
        })
    }

    /// Who gets a task of this function: the worker that holds its body, else the next in turn.
    pub(crate) fn choose(
        &mut self,
        address: &Address,
        warm: Option<SessionId>,
        is_suspect: bool,
    ) -> Option<SessionId> {
        let places = if is_suspect { &self.clear } else { &self.free };
        let places = places.get(address)?;
        if let Some(session) = warm.filter(|session| places.contains(session)) {
            return Some(session);
        }
        let after = self
            .last
            .get(address)
            .map_or(Bound::Unbounded, |last| Bound::Excluded(*last));
        let mut in_turn = places.range((after, Bound::Unbounded));
        let session = *in_turn.next().or_else(|| places.first())?;
        self.last.insert(address.clone(), session);
        Some(session)
    }

    /// Who may be given a task that none of these bodies fits.
    pub(crate) fn fits(&self, address: &Address, misfits: &[u64]) -> Fit {
        let is_other = |session: &SessionId| {
            let body = self.body(*session, address);
            body.is_some_and(|body| !misfits.contains(&body))
        };
        let free = self.free.get(address);
        if let Some(session) = free.and_then(|places| places.iter().find(|one| is_other(one))) {
            return Fit::Free(*session);
        }
        let mut all = self.workers.iter();
        if all.any(|(session, worker)| worker.executes(address) && is_other(session)) {
            Fit::Busy
        } else {
            Fit::Nobody
        }
    }

    /// The fingerprint of a worker's body of this function.
    pub(crate) fn body(&self, session: SessionId, address: &Address) -> Option<u64> {
        let function = self.workers.get(&session)?.functions.get(address)?;
        function.served.then_some(function.body_fingerprint)
    }

    /// One worker.
    pub(crate) fn worker(&self, session: SessionId) -> Option<&Worker> {
        self.workers.get(&session)
    }

    /// All workers, by session.
    pub(crate) fn workers(&self) -> impl Iterator<Item = (SessionId, &Worker)> {
        self.workers
            .iter()
            .map(|(session, worker)| (*session, worker))
    }

    /// Brings `free` and `clear` in line with what the worker may be sent.
    fn list(&mut self, session: SessionId) {
        let Some(worker) = self.workers.get_mut(&session) else {
            return;
        };
        let is_free = worker.may_be_sent();
        let is_clear = is_free && worker.suspects.is_empty();
        let was_free = std::mem::replace(&mut worker.is_free, is_free);
        let was_clear = std::mem::replace(&mut worker.is_clear, is_clear);
        let worker = &*worker;
        let lists = [
            (&mut self.free, was_free, is_free),
            (&mut self.clear, was_clear, is_clear),
        ];
        for (places, was, is) in lists {
            if was == is {
                continue;
            }
            for address in worker.executed() {
                if is {
                    places.entry(address.clone()).or_default().insert(session);
                } else if let Some(sessions) = places.get_mut(address) {
                    sessions.remove(&session);
                    if sessions.is_empty() {
                        places.remove(address);
                    }
                }
            }
        }
        if was_free && !is_free {
            for address in worker.executed() {
                if !self.free.contains_key(address) {
                    self.last.remove(address);
                }
            }
        }
    }
}
