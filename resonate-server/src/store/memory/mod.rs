//! The contract in its shortest form: ordered maps behind a lock, gone with the process. Also `resonate dev`.

mod state;

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    ops::Bound::{Excluded, Included, Unbounded},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use resonate_core::{
    CapabilityKey, Part, Timeline, limits,
    mutants::{Mutant, planted},
};

use self::state::State;
use super::{
    Reader, Store,
    batch::{self, Batch, OutboxRow, Trim},
    drawn_key,
    error::{CommitError, LoadError, WriteError},
    record::{Due, Filling, Floor, Found, Head, Key, Limit, Mark, Page, Place, Tree},
    search::{Hits, Order, Search},
};

/// What survives its owner. Clones are the same disk: open it again, and what was committed is there.
#[derive(Clone, Debug)]
pub struct MemoryDisk(Arc<Mutex<State>>);

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(parts: u16) -> Self {
        let heads = (0..parts).map(|part| Head {
            part: Part(part),
            epoch: 0,
            seq: 0,
            next_root_no: 0,
            newest: 0,
        });
        Self(Arc::new(Mutex::new(State {
            heads: heads.collect(),
            timeline: 1,
            ..State::default()
        })))
    }

    /// The same in a timeline that no other disk has: what a server that ends with its disk needs.
    #[must_use]
    pub fn in_its_own_timeline(self) -> Self {
        // Two timelines have to differ; nobody has to be unable to guess one.
        let drawn = RandomState::new().hash_one(());
        self.state().timeline = drawn.max(1);
        self
    }

    /// The same with a key for the URLs of promises that nobody knows. Without it all disks have one key, which tests need
    /// and a server must not.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn with_its_own_key(self) -> io::Result<Self> {
        self.state().capability_key = drawn_key()?;
        Ok(self)
    }

    /// A store on this disk. An earlier one that is still open is fenced as soon as this one takes its partitions.
    #[must_use]
    pub fn open(&self) -> MemoryStore {
        MemoryStore { disk: self.clone() }
    }

    /// Another disk that holds what this one holds now: an image for tests that lose what comes later.
    #[must_use]
    pub fn image(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryDisk {
    fn default() -> Self {
        Self::new(limits::PARTS)
    }
}

/// A store on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryStore {
    disk: MemoryDisk,
}

impl Reader for MemoryStore {
    fn tree(
        &mut self,
        part: Part,
        root: &str,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Option<Tree>, LoadError> {
        let state = self.disk.state();
        let Some(&root_no) = state.roots.get(&(part, root.to_owned())) else {
            return Ok(None);
        };
        let tree = state.tree(part, root_no);
        let rows = tree.filter(|row| after.is_none_or(|after| row.child_no > after));
        let page = page(rows.cloned(), limit, |row| row.doc.len());
        Ok(Some(Tree { root_no, page }))
    }

    fn due(&mut self, due: &Due, limit: Limit) -> Result<Page<Found>, LoadError> {
        let state = self.disk.state();
        let first = Place {
            at: due.from,
            key: Key::FIRST,
        };
        let begin = due.cursor().map_or(Included(first), Excluded);
        let found = state
            .due
            .range((begin, Unbounded))
            .take_while(|place| place.at < due.to)
            .filter(|place| due.part.is_none_or(|part| place.key.part == part))
            .map(|place| state.found(place.key));
        Ok(page(found, limit, |found| found.row.doc.len()))
    }

    fn search(&mut self, search: &Search, limit: Limit) -> Result<Hits, LoadError> {
        let state = self.disk.state();
        let after = search.after.map_or(Unbounded, Excluded);
        Ok(match search.order {
            Order::OldestFirst => {
                state.walk(search, limit, state.created.range((after, Unbounded)))
            }
            Order::NewestFirst => {
                state.walk(search, limit, state.created.range((Unbounded, after)).rev())
            }
        })
    }

    fn outbox(
        &mut self,
        part: Part,
        after: Option<Mark>,
        limit: Limit,
    ) -> Result<Page<(Mark, OutboxRow)>, LoadError> {
        let state = self.disk.state();
        let messages = state.messages(part);
        let rest = messages.filter(|(mark, _)| after.is_none_or(|after| *mark > after));
        let owned = rest.map(|(mark, message)| (mark, message.clone()));
        Ok(page(owned, limit, |(_, message)| message.doc.len()))
    }

    fn inbox(&mut self, part: Part) -> Result<Vec<(Part, Mark)>, LoadError> {
        let state = self.disk.state();
        let marks = state.inbox.range((part, Part(0))..=(part, Part(u16::MAX)));
        Ok(marks.map(|((_, source), mark)| (*source, *mark)).collect())
    }

    fn rows(&mut self, after: Option<Key>, limit: Limit) -> Result<Page<Found>, LoadError> {
        let state = self.disk.state();
        let keys = state
            .rows
            .range((after.map_or(Unbounded, Excluded), Unbounded));
        let found = keys.map(|(key, _)| state.found(*key));
        Ok(page(found, limit, |found| found.row.doc.len()))
    }
}

impl Store for MemoryStore {
    fn take(&mut self, floors: &[Floor]) -> Result<Vec<Head>, WriteError> {
        let mut state = self.disk.state();
        batch::check_floors(floors, state.parts())?;
        for floor in floors {
            let head = state.head(floor.part);
            head.epoch = head.epoch.max(floor.epoch);
            head.seq = head.seq.max(floor.seq);
        }
        let raised = u64::from(!planted(Mutant::EpochNotRaised));
        state.heads.iter_mut().for_each(|head| head.epoch += raised);
        Ok(state.heads.clone())
    }

    fn timeline(&self) -> Timeline {
        Timeline(self.disk.state().timeline)
    }

    fn capability_key(&self) -> CapabilityKey {
        CapabilityKey::new(self.disk.state().capability_key)
    }

    fn commit(&mut self, lane: &[Batch]) -> Result<(), CommitError> {
        let mut state = self.disk.state();
        batch::check(lane, state.parts())?;
        let fenced: Vec<Part> = lane
            .iter()
            .filter(|batch| state.fences(batch))
            .map(|batch| batch.part)
            .collect();
        if !fenced.is_empty() {
            return Err(CommitError::Fenced(fenced));
        }
        lane.iter().try_for_each(|batch| state.check(batch))?;
        lane.iter().for_each(|batch| state.write(batch));
        Ok(())
    }

    fn trim(&mut self, what: &[Trim], limit: usize) -> Result<usize, WriteError> {
        let mut state = self.disk.state();
        let mut left = limit;
        for trim in what {
            left -= match *trim {
                Trim::Outbox { part, up_to } => state.trim_outbox(part, up_to, left),
                Trim::Tree {
                    part,
                    root_no,
                    settled_before,
                } => state.trim_tree(part, root_no, settled_before, left),
                Trim::Row {
                    part,
                    root_no,
                    child_no,
                    settled_at,
                } => {
                    let key = Key {
                        root_no,
                        part,
                        child_no,
                    };
                    state.trim_row(key, settled_at, left)
                }
            };
        }
        Ok(limit - left)
    }

    fn upkeep(&mut self) -> Result<(), WriteError> {
        Ok(())
    }

    fn reader(&self) -> Result<Box<dyn Reader>, LoadError> {
        Ok(Box::new(self.disk.open()))
    }
}

fn page<T>(rows: impl Iterator<Item = T>, limit: Limit, bytes: impl Fn(&T) -> usize) -> Page<T> {
    let mut filling = Filling::new(limit);
    for row in rows {
        if filling.is_full() {
            return filling.end(true);
        }
        let bytes = bytes(&row);
        filling.push(row, bytes);
    }
    filling.end(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::store::conformance::conforms!(MemoryDisk::new(8));

    #[test]
    fn an_image_keeps_what_was_there_when_it_was_made() {
        let disk = MemoryDisk::new(1);
        let image = disk.image();
        let heads = disk.open().take(&[]).unwrap();
        assert_eq!(heads[0].epoch, 1);
        assert_eq!(
            image.open().take(&[]).unwrap()[0].epoch,
            1,
            "the image did not see the take"
        );
    }
}
