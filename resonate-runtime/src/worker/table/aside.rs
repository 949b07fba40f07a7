//! Bodies that wait in memory for their task to go on, and which of them are put out of it.

use std::time::Duration;

use resonate_core::{PromiseId, TaskVersion};
use resonate_proto::stream::{FromWorker, Held};
use tokio::time::Instant;

use super::{Asked, Table};
use crate::{limits, worker::link::ExecutionEvent};

impl Table {
    /// Suspended, its body kept. Gives what to say of those that had to make room.
    pub(crate) fn set_aside(
        &mut self,
        id: &PromiseId,
        version: TaskVersion,
        now: Instant,
    ) -> Vec<FromWorker> {
        // A claim that came meanwhile has a newer version.
        let Some(entry) = self
            .entries
            .get_mut(id)
            .filter(|entry| entry.version == version && entry.aside.is_none())
        else {
            return Vec::new();
        };
        if self.draining {
            return self.evict(id).into_iter().collect();
        }
        self.last_aside += 1;
        entry.aside = Some((self.last_aside, now));
        self.aside.insert(self.last_aside, id.clone());
        let mut said = Vec::new();
        while limits::WARM < self.aside.len()
            && let Some((_, oldest)) = self.aside.pop_first()
        {
            said.extend(self.evict(&oldest));
        }
        said
    }

    /// Puts out of memory what has waited longer than `age`.
    pub(crate) fn evict_older(&mut self, age: Duration, now: Instant) -> Vec<FromWorker> {
        let mut said = Vec::new();
        while let Some(oldest) = self.aside.first_entry() {
            let id = oldest.get();
            let since = self
                .entries
                .get(id)
                .and_then(|entry| entry.aside)
                .map(|(_, since)| since);
            if since.is_some_and(|since| now.duration_since(since) < age) {
                break;
            }
            let id = oldest.remove();
            said.extend(self.evict(&id));
        }
        said
    }

    /// It goes on: it is not aside any more.
    pub(super) fn bring_back(&mut self, id: &PromiseId) {
        let place = self
            .entries
            .get_mut(id)
            .and_then(|entry| entry.aside.take());
        if let Some((place, _)) = place {
            self.aside.remove(&place);
        }
    }

    /// No more work is taken: those that wait in memory are put out of it, those that have not begun are given back,
    /// the others are told.
    pub(crate) fn drain(&mut self) -> Vec<FromWorker> {
        self.draining = true;
        let mut said = self.evict_older(Duration::ZERO, Instant::now());
        let waiting = self.entries.iter().filter(|(_, entry)| entry.is_waiting());
        let waiting: Vec<_> = waiting
            .map(|(id, entry)| (id.clone(), entry.version))
            .collect();
        for (id, version) in waiting {
            self.remove(&id);
            said.push(FromWorker::GiveBack { task: id, version });
        }
        self.asked.retain(|id, asked| {
            let Asked::History { version, .. } = asked else {
                return true;
            };
            let (task, version) = (id.clone(), *version);
            said.push(FromWorker::GiveBack { task, version });
            false
        });
        let running: Vec<_> = self
            .entries
            .iter()
            .map(|(id, entry)| (id.clone(), entry.version))
            .collect();
        for (id, version) in running {
            self.tell(&id, version, ExecutionEvent::Drain);
        }
        said
    }

    /// Drops those whom one hello has no room to name, the last by their ids, and says which they were: the server takes
    /// back what is not named, and others go on with it.
    pub(crate) fn drop_unnameable(&mut self) -> Vec<Held> {
        let mut bytes = 0;
        let mut held = self.held();
        let named = held.iter().take_while(|held| {
            bytes += held.task.as_str().len() + limits::HELD_ENTRY_BYTES;
            bytes <= limits::HELD_BYTES
        });
        let unnameable = held.split_off(named.count());
        for Held { task, version, .. } in &unnameable {
            let why = "its worker holds more than it can name to the server".to_owned();
            self.dropped(task, *version, why);
        }
        unnameable
    }

    /// Nothing is polled here: what has not begun is given back. What has begun may go on when its thread comes back.
    pub(crate) fn give_back_unbegun(&mut self) -> Vec<FromWorker> {
        let unbegun = self.entries.iter().filter(|(_, entry)| entry.is_unbegun());
        let mut unbegun: Vec<_> = unbegun
            .map(|(id, entry)| (id.clone(), entry.version))
            .collect();
        unbegun.sort();
        let why = "no thread of its worker had time for it";
        for (id, _) in &unbegun {
            let why = why.to_owned();
            self.part(id, ExecutionEvent::Dropped { why });
        }
        unbegun
            .into_iter()
            .map(|(task, version)| FromWorker::GiveBack { task, version })
            .collect()
    }

    /// There is no more time: everything is given back as it is, for this reason.
    pub(crate) fn give_back_all(&mut self, why: &str) -> Vec<FromWorker> {
        let held = self.held();
        self.lose_all(why);
        held.into_iter()
            .map(|held| FromWorker::GiveBack {
                task: held.task,
                version: held.version,
            })
            .collect()
    }

    /// Puts a body out of memory; a tied one is given back, since nobody else could wake it.
    fn evict(&mut self, id: &PromiseId) -> Option<FromWorker> {
        let entry = self.entries.get(id)?;
        let said = entry.tied.then(|| FromWorker::GiveBack {
            task: id.clone(),
            version: entry.version,
        });
        self.part(id, ExecutionEvent::Evict);
        said
    }
}
