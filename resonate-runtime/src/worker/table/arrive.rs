//! What the server sends about tasks: dispatches, drops, and what is left after a reconnect.

use resonate_core::{PromiseId, Record, Seq, TaskVersion};
use resonate_proto::stream::{Dispatch, FromWorker, Held};

use super::{Asked, Effect, Entry, Table};
use tokio::time::Instant;

use crate::worker::{
    link::{Dispatched, ExecutionEvent},
    slots::{Slot, Slots},
};

impl Table {
    /// A dispatch, or a page of one.
    pub(crate) fn dispatch(&mut self, page: Dispatch, slots: &Slots) -> Vec<Effect> {
        let Dispatch {
            record,
            warm,
            mut children,
            more,
            state,
        } = page;
        let id = record.promise.id.clone();
        let Some(version) = record.task.as_ref().map(|task| task.version) else {
            return Vec::new();
        };
        if let Some((_, earlier)) = self.pages.remove(&id).filter(|(of, _)| *of == version) {
            children = earlier.into_iter().chain(children).collect();
        }
        if more {
            self.pages.insert(id, (version, children));
            return Vec::new();
        }
        let slot = self.slot_of(&id, version, slots);
        let mut effects = vec![Effect::send(FromWorker::Acknowledge {
            task: id.clone(),
            version,
        })];
        let here = self.entries.get(&id).map(|entry| entry.version);
        match here {
            // It was sent again before the acknowledgement arrived.
            Some(here) if version <= here => {}
            Some(_) if warm => self.claimed_warm(&id, version, children, slot),
            Some(_) | None if self.draining => {
                effects.push(Effect::send(FromWorker::GiveBack { task: id, version }));
            }
            None if warm => {
                self.asked
                    .insert(id.clone(), Asked::History { version, slot });
                effects.push(Effect::send(FromWorker::NeedHistory { task: id, version }));
            }
            Some(_) | None => {
                let why = "it was claimed again and begins from its first line".to_owned();
                self.part(&id, ExecutionEvent::Dropped { why });
                let dispatched = Dispatched {
                    record,
                    children,
                    state,
                    arrived: Instant::now(),
                };
                self.entries
                    .insert(id, Entry::waiting(version, &dispatched));
                effects.push(Effect::Start {
                    dispatched: Box::new(dispatched),
                    slot,
                });
            }
        }
        effects
    }

    /// The slot that was kept for a dispatch, or a free one; counts it against the credits if it was not asked for.
    fn slot_of(&mut self, id: &PromiseId, version: TaskVersion, slots: &Slots) -> Option<Slot> {
        match self.asked.remove(id) {
            Some(Asked::History { version: of, slot }) if of == version => {
                slot.or_else(|| slots.try_take())
            }
            Some(Asked::Reclaim {
                version: of,
                shown,
                dispatched: false,
            }) if of.next() == version => {
                self.asked.insert(
                    id.clone(),
                    Asked::Reclaim {
                        version: of,
                        shown,
                        dispatched: true,
                    },
                );
                None
            }
            Some(Asked::History { .. } | Asked::Reclaim { .. }) | None => {
                self.received += 1;
                slots.try_take()
            }
        }
    }

    fn claimed_warm(
        &mut self,
        id: &PromiseId,
        version: TaskVersion,
        settled: Vec<Record>,
        slot: Option<Slot>,
    ) {
        self.bring_back(id);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.version = version;
            entry.tied = false;
        }
        let claimed = ExecutionEvent::Claimed {
            version,
            settled,
            slot,
        };
        self.tell(id, version, claimed);
    }

    /// The execution asks for its tied task; none if it is not here any more.
    pub(crate) fn reclaim(
        &mut self,
        id: &PromiseId,
        version: TaskVersion,
        shown: Seq,
    ) -> Option<FromWorker> {
        self.entries
            .get(id)
            .filter(|entry| entry.version == version)?;
        self.asked.insert(
            id.clone(),
            Asked::Reclaim {
                version,
                shown,
                dispatched: false,
            },
        );
        Some(FromWorker::Reclaim(Held {
            task: id.clone(),
            version,
            shown,
        }))
    }

    /// The claim, or the body, is void.
    pub(crate) fn dropped(&mut self, id: &PromiseId, version: TaskVersion, why: String) {
        match self.asked.remove(id) {
            // Two said it at once: the server had dispatched the task before it was asked, and counted that.
            Some(Asked::Reclaim {
                version: of,
                dispatched: true,
                ..
            }) if of == version => self.received += 1,
            Some(Asked::Reclaim { version: of, .. } | Asked::History { version: of, .. })
                if of <= version => {}
            Some(newer) => {
                self.asked.insert(id.clone(), newer);
            }
            None => {}
        }
        if self.pages.get(id).is_some_and(|(of, _)| *of <= version) {
            self.pages.remove(id);
        }
        if self
            .entries
            .get(id)
            .is_some_and(|entry| entry.version <= version)
        {
            self.part(id, ExecutionEvent::Dropped { why });
        }
    }

    /// A new stream begins: half dispatches are void, credits are counted anew, and what was asked for is asked again.
    pub(crate) fn reopen(&mut self) -> Vec<FromWorker> {
        self.received = 0;
        self.pages.clear();
        let mut again = Vec::new();
        self.asked.retain(|id, asked| {
            let Asked::Reclaim {
                version,
                shown,
                dispatched: false,
            } = asked
            else {
                // A dispatch that was to follow is not named in the hello, so it is given back.
                return false;
            };
            again.push(FromWorker::Reclaim(Held {
                task: id.clone(),
                version: *version,
                shown: *shown,
            }));
            true
        });
        again
    }

    /// The lease is lost: nothing here is ours any more.
    pub(crate) fn lose_all(&mut self, why: &str) {
        self.pages.clear();
        self.asked.clear();
        let ids: Vec<PromiseId> = self.entries.keys().cloned().collect();
        for id in ids {
            self.part(
                &id,
                ExecutionEvent::Dropped {
                    why: why.to_owned(),
                },
            );
        }
    }
}
