//! Where batches become durable: dumb rows and a fence. A store knows no rule and no state's name.
//!
//! [`Store`] and [`Reader`] are the contract; `conformance` is the same contract as tests and runs on every store.
//! Read in this order: [`record`] (what is kept), [`batch`] (what one commit writes), [`search`] (what people look for),
//! [`error`]; then the stores: [`memory`] (the shortest form of the contract), [`sqlite`], and [`faulty`], which wraps
//! any of them with faults.

pub mod batch;
#[cfg(test)]
mod conformance;
pub mod error;
pub mod faulty;
pub mod memory;
pub mod record;
pub mod search;
pub mod sqlite;

use std::{fmt, io};

use resonate_core::{CapabilityKey, Part, Timeline, capability::KEY_BYTES};

pub use self::{
    batch::{Batch, OutboxRow, Trim},
    error::{CommitError, Damage, LoadError, Malformed, WriteError},
    faulty::{Fault, Faulty, Verb},
    memory::{MemoryDisk, MemoryStore},
    record::{Due, Floor, Found, Head, Key, Limit, Mark, Page, Place, Row, Tree},
    search::{Hits, Order, Search},
    sqlite::{OpenError, SqliteStore},
};

/// Reading what is committed. Every row's checksum is verified before it is handed out.
///
/// All lists are pages: the answer says whether there is more, and the next page begins after the last row of this one.
pub trait Reader: Send + fmt::Debug {
    /// The rows of one tree by rising child number, those after `after`. `None` if no such root is known.
    fn tree(
        &mut self,
        part: Part,
        root: &str,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Option<Tree>, LoadError>;

    /// The rows with a due time in a window: earliest first, equal times in the order of their keys.
    fn due(&mut self, due: &Due, limit: Limit) -> Result<Page<Found>, LoadError>;

    /// The rows people look for, in the order in which they were created.
    fn search(&mut self, search: &Search, limit: Limit) -> Result<Hits, LoadError>;

    /// The messages a partition has written and nobody has trimmed, oldest first, those after `after`.
    fn outbox(
        &mut self,
        part: Part,
        after: Option<Mark>,
        limit: Limit,
    ) -> Result<Page<(Mark, OutboxRow)>, LoadError>;

    /// How far a partition has taken the messages of each other one; at most one mark per source.
    fn inbox(&mut self, part: Part) -> Result<Vec<(Part, Mark)>, LoadError>;

    /// Every row of every partition in the order of the keys: for export, copies and checks of the whole.
    fn rows(&mut self, after: Option<Key>, limit: Limit) -> Result<Page<Found>, LoadError>;
}

/// The one writer. Calling order: [`take`](Self::take) once, then everything else in any order.
///
/// What every store promises: a lane is written whole or not at all; [`commit`](Self::commit) returns after the write is
/// durable; a batch with another epoch, or with another number than the one after the last, changes nothing, so the same
/// number never commits twice; what is read after `take` has everything that any earlier owner committed.
///
/// After [`WriteError::Failed`] or [`LoadError::Failed`] nobody knows what the disk holds: the store is poisoned, answers
/// every later call with `Poisoned` and never tries a failed sync again. Drop it, and open it anew in a new process.
pub trait Store: Reader {
    /// Makes the caller the owner of every partition: each epoch rises by one, durably, and each head is told.
    ///
    /// A floor lifts epoch and number of its partition before that: whoever saw numbers that this store has lost passes
    /// them here, so that no number is used twice.
    fn take(&mut self, floors: &[Floor]) -> Result<Vec<Head>, WriteError>;

    /// Which timeline of the store this is. A copy or a restored backup has another one than what it was made of; one that
    /// is only opened again has the same.
    fn timeline(&self) -> Timeline;

    /// What the URLs of promises are made with: drawn when the store was made, kept with it, also in its copies and
    /// backups, so that a URL stays good as long as its promise.
    fn capability_key(&self) -> CapabilityKey;

    /// Writes the batches of a lane, at most one per partition, in one durable commit.
    ///
    /// One batch whose fence fails refuses the whole lane: all partitions of such a store belong to one process, so a
    /// fence that fails means that this process is no longer (or never was) the owner, of this partition or of any.
    /// Stores that share their partitions between processes need an answer per partition.
    fn commit(&mut self, lane: &[Batch]) -> Result<(), CommitError>;

    /// Removes what is no longer needed, at most `limit` rows, in one durable commit without a fence; says how many rows
    /// went. If it is `limit`, there may be more.
    fn trim(&mut self, what: &[Trim], limit: usize) -> Result<usize, WriteError>;

    /// Housekeeping that must not delay an answer: call it after each commit, once the replies are out. It returns at
    /// once when there is nothing to do.
    fn upkeep(&mut self) -> Result<(), WriteError>;

    /// Whether there is room for new work. If not, what room there is belongs to what is under way. Cheap, and by
    /// [`upkeep`](Self::upkeep) it becomes true again.
    fn has_room(&mut self) -> bool {
        true
    }

    /// Nothing follows: leaves what it keeps in as few places as it can. What it keeps is durable whatever comes of it.
    fn close(&mut self) -> Result<(), WriteError> {
        Ok(())
    }

    /// A second reader, for lists that must not hold up the writer. It sees durable commits only.
    fn reader(&self) -> Result<Box<dyn Reader>, LoadError>;
}

/// A key that nobody can guess, from the system's own source of randomness.
fn drawn_key() -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    Ok(key)
}
