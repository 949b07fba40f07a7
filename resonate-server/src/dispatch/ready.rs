//! The ready tasks, with what pairing must know of each. Pure.

use std::collections::BTreeMap;

use resonate_core::{
    Address, PromiseId, Record, SessionId, TaskState, Timestamp, limits,
    queue::{Queue, Serves, Waiting, Waits},
};

/// The tasks that may be claimed now.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    queue: Queue,
    facts: BTreeMap<PromiseId, Facts>,
}

/// What decides who gets a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its function.
    pub(crate) address: Address,
    /// The worker that may still hold its body.
    pub(crate) warm: Option<SessionId>,
    /// It was lost so often that it is tried with no other suspect beside it.
    pub(crate) is_suspect: bool,
}

impl Ready {
    /// Puts the record's task in line if it is ready at `now`, takes it out of the line if not.
    pub(crate) fn update(&mut self, record: &Record, now: Timestamp) {
        let id = &record.promise.id;
        let (Some(task), Some(call)) = (&record.task, record.promise.call()) else {
            return;
        };
        match task.state {
            TaskState::Pending { ready_at } if ready_at <= now => {
                let is_suspect = task.losses >= limits::SUSPECT;
                let waits = Waits {
                    address: &call.address,
                    priority: call.priority.unwrap_or(0),
                    ready_at,
                    is_suspect,
                };
                self.queue.insert(id, waits);
                let facts = Facts {
                    address: call.address.clone(),
                    warm: task.warm.map(|warm| warm.session),
                    is_suspect,
                };
                self.facts.insert(id.clone(), facts);
            }
            TaskState::Pending { .. }
            | TaskState::Leased { .. }
            | TaskState::Suspended { .. }
            | TaskState::Halted(_)
            | TaskState::Done => self.remove(id),
        }
    }

    /// Takes a task out of the line.
    pub(crate) fn remove(&mut self, id: &PromiseId) {
        if self.facts.remove(id).is_some() {
            self.queue.remove(id);
        }
    }

    /// Takes out the next task for somebody who has a place.
    pub(crate) fn next<'a>(
        &mut self,
        serves: impl IntoIterator<Item = Serves<'a>>,
    ) -> Option<(PromiseId, Facts)> {
        let id = self.queue.next(serves)?;
        let facts = self.facts.remove(&id)?;
        Some((id, facts))
    }

    /// True if no task is ready.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many tasks of this function wait, and since when.
    pub(crate) fn waiting(&self, address: &Address) -> Waiting {
        self.queue.waiting(address)
    }

    /// Every function that somebody waits for.
    pub(crate) fn all_waiting(&self) -> impl Iterator<Item = (&Address, Waiting)> {
        self.queue.all_waiting()
    }
}
