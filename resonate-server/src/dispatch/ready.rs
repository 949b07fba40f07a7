//! The ready tasks, with what pairing must know of each. Pure.
//!
//! A task stands in line whether its tree is in memory or not: nothing else of it is needed before it is given to a worker.
//! One whose call has a key stands there only once it may have the key.

use std::collections::BTreeMap;

use resonate_core::{
    Address, PromiseId, Record, SessionId, TaskState, Timestamp,
    keys::{Keys, KeysLook, Over, PerKey},
    queue::{Queue, Serves, Taken, TenantWaiting, Waiting, Waits},
    tenant::Weights,
};

/// The tasks that may be claimed now.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    queue: Queue,
    keys: Keys,
    /// The workers that may still hold the bodies of some.
    warm: BTreeMap<PromiseId, SessionId>,
}

impl Ready {
    /// Nobody is ready, and tenants weigh so much.
    pub(crate) fn new(weights: Weights) -> Self {
        Self {
            queue: Queue::new(weights),
            ..Self::default()
        }
    }

    /// Puts the record's task in line if it is ready at `now`, takes it out of the line if not.
    pub(crate) fn update(&mut self, record: &Record, now: Timestamp) {
        let id = &record.promise.id;
        let (Some(task), Some(call)) = (&record.task, record.promise.call()) else {
            return;
        };
        let may_stand = self.keys.update(record, now);
        match task.state {
            TaskState::Pending { ready_at } if ready_at <= now => {
                let waits = Waits {
                    address: &call.address,
                    tenant: record.promise.tenant(),
                    priority: call.priority.unwrap_or(0),
                    ready_at,
                    is_suspect: record.is_suspect(),
                };
                if may_stand {
                    self.queue.insert(id, waits);
                } else {
                    self.queue.remove(id);
                }
                match task.warm {
                    Some(warm) => self.warm.insert(id.clone(), warm.session),
                    None => self.warm.remove(id),
                };
            }
            TaskState::Pending { .. }
            | TaskState::Leased { .. }
            | TaskState::Suspended { .. }
            | TaskState::Halted(_)
            | TaskState::Merged { .. }
            | TaskState::Done => self.remove(id),
        }
        self.let_go();
    }

    /// What a function allows of each key from now on, as a worker says that serves it.
    pub(crate) fn announce(&mut self, address: &Address, per_key: Option<PerKey>, now: Timestamp) {
        for id in self.keys.announce(address, per_key, now) {
            self.queue.remove(&id);
        }
        self.let_go();
    }

    /// Forgets what those allow that nobody serves.
    pub(crate) fn forget_unserved(&mut self, is_served: impl Fn(&Address) -> bool) {
        self.keys.forget_unserved(is_served);
    }

    /// Everything that has a key is known; whom a rate or a pause lets go stands in line.
    pub(crate) fn open(&mut self, now: Timestamp) {
        self.keys.know_all(now);
        self.keys.open(now);
        self.let_go();
    }

    /// False until [`open`](Self::open).
    pub(crate) fn is_open(&self) -> bool {
        self.keys.knows_all()
    }

    /// When [`open`](Self::open) lets somebody go.
    pub(crate) fn opens_at(&self) -> Option<Timestamp> {
        self.keys.opens_at()
    }

    /// Takes out one that a later call with the same key has put an end to.
    pub(crate) fn take_over(&mut self) -> Option<(PromiseId, Over)> {
        self.keys.take_over()
    }

    /// True if somebody is to be put an end to.
    pub(crate) fn has_over(&self) -> bool {
        self.keys.has_over()
    }

    fn let_go(&mut self) {
        for asks in self.keys.take_let_go() {
            self.queue.insert(&asks.id, asks.waits());
        }
    }

    /// Takes a task out of the line.
    fn remove(&mut self, id: &PromiseId) {
        self.queue.remove(id);
        self.warm.remove(id);
    }

    /// Takes out the next task for somebody who has a place, and says which worker may still hold its body.
    pub(crate) fn next<'a>(
        &mut self,
        serves: impl IntoIterator<Item = Serves<'a>>,
    ) -> Option<(Taken, Option<SessionId>)> {
        let taken = self.queue.next(serves)?;
        let warm = self.warm.remove(&taken.id);
        Some((taken, warm))
    }

    /// True if no task is ready.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many tasks of this function wait, and since when.
    pub(crate) fn waiting(&self, address: &Address) -> Waiting {
        self.queue.waiting(address)
    }

    /// Whose the ready tasks of this function are.
    pub(crate) fn tenants(&self, address: &Address) -> Vec<TenantWaiting> {
        self.queue.tenants(address)
    }

    /// Who has, and who waits for, the keys of this function, in all its versions.
    pub(crate) fn keys(&self, address: &Address) -> KeysLook {
        self.keys.look(&address.service, &address.function)
    }

    /// Every function that somebody waits for.
    pub(crate) fn all_waiting(&self) -> impl Iterator<Item = (&Address, Waiting)> {
        self.queue.all_waiting()
    }
}
