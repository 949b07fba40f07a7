//! The ready tasks, with what pairing must know of each. Pure.

//!
//! A task stands in line whether its tree is in memory or not: nothing else of it is needed before it is given to a worker.

use std::collections::BTreeMap;

use resonate_core::{
    Address, PromiseId, Record, SessionId, TaskState, Timestamp, limits,
    queue::{Queue, Serves, Taken, Waiting, Waits},
};

/// The tasks that may be claimed now.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    queue: Queue,
    /// The workers that may still hold the bodies of some.
    warm: BTreeMap<PromiseId, SessionId>,
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
                match task.warm {
                    Some(warm) => self.warm.insert(id.clone(), warm.session),
                    None => self.warm.remove(id),
                };
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

    /// Every function that somebody waits for.
    pub(crate) fn all_waiting(&self) -> impl Iterator<Item = (&Address, Waiting)> {
        self.queue.all_waiting()
    }
}
