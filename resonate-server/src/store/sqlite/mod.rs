//! The store in one SQLite file: nothing to install, and any tool can open it.
//!
//! Read in this order: `schema` (what lies where), `open` (lock, file, log, pragmas), `db` (one connection and how its
//! errors are told apart), `read` and `decode`, `write` and `rows`, `trim`, `sum` (a checksum in every row), `verify`;
//! `frames` (is the log whole), `timeline` (which timeline it is), `capability` (the key of the URLs), [`snapshot`] (one moment of a file), [`copy`];
//! `reserve` (room for a full disk).

mod capability;
pub mod copy;
mod db;
mod decode;
mod error;
mod folder;
mod frames;
mod log;
mod open;
mod pragma;
mod read;
mod reserve;
mod rows;
mod schema;
pub mod snapshot;
mod sum;
#[cfg(test)]
mod tests;
mod timeline;
mod trim;
mod verify;
mod write;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use resonate_core::{
    CapabilityKey, Part, Timeline,
    mutants::{Mutant, planted},
};
use rusqlite::Connection;

use self::{db::Db, error::Trouble, reserve::Reserve};
pub use self::{error::OpenError, snapshot::Snapshot};
use super::{
    Reader, Store,
    batch::{self, Batch, OutboxRow, Trim},
    error::{CommitError, Damage, LoadError, WriteError},
    record::{Due, Floor, Found, Head, Key, Limit, Mark, Page, Tree},
    search::{Hits, Search},
};

/// The file in the data folder.
pub const FILE: &str = "resonate.db";

/// A store in one file. Only one is open on a folder at any time.
#[derive(Debug)]
pub struct SqliteStore {
    db: Db,
    reserve: Reserve,
    file: PathBuf,
    parts: u16,
    timeline: Timeline,
    capability_key: CapabilityKey,
    /// It was closed, whatever came of it.
    is_folded: bool,
    /// Held until the connection above is closed: fields are dropped in their order.
    _lock: File,
}

impl SqliteStore {
    /// Opens the store of a data folder, and makes folder and store if there are none.
    pub fn open(folder: &Path, parts: u16) -> Result<Self, OpenError> {
        open::open(folder, parts)
    }

    /// Reads everything and compares it with its checksums and with what the partitions count; the first 100 damages.
    pub fn verify(&mut self) -> Result<Vec<Damage>, LoadError> {
        let (file, parts) = (&self.file, self.parts);
        self.db
            .read("any", |conn| verify::verify(conn, file, parts))
    }

    /// Writes; if there is no room, gives the reserve up and writes then.
    fn write<T>(
        &mut self,
        table: &'static str,
        write: impl Fn(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, WriteError> {
        match self.db.write(table, &write) {
            Err(WriteError::Full { .. }) if self.reserve.give_up() => self.db.write(table, &write),
            Err(WriteError::Failed { .. }) if planted(Mutant::SyncTriedAgain) => {
                self.db.write(table, &write)
            }
            other => other,
        }
    }

    /// Folds the log into the file when it has grown long; sooner while room is short, since what is folded is written
    /// over and takes no more.
    fn fold(&mut self) -> Result<(), WriteError> {
        let pages = if self.reserve.is_given_up() {
            db::LOG_PAGES_SHORT
        } else {
            db::LOG_PAGES
        };
        match self.db.fold_long(pages) {
            Err(WriteError::Full { .. }) if self.reserve.give_up() => self.db.fold_long(pages),
            other => other,
        }
    }

    /// A planted bug, for the tests of power cuts: commits do not wait for the disk.
    ///
    /// # Errors
    /// If the database refuses.
    #[doc(hidden)]
    pub fn trust_the_disk(&mut self) -> Result<(), WriteError> {
        self.db.weaken()
    }
}

impl Drop for SqliteStore {
    /// Folds the log into the file, so that a copy of the file alone is complete. If that fails, the log keeps it all;
    /// who wants to know calls [`Store::close`] before.
    fn drop(&mut self) {
        if !self.is_folded {
            drop(self.db.fold_away());
        }
    }
}

impl Reader for SqliteStore {
    fn tree(
        &mut self,
        part: Part,
        root: &str,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Option<Tree>, LoadError> {
        self.db.tree(part, root, after, limit)
    }

    fn due(&mut self, due: &Due, limit: Limit) -> Result<Page<Found>, LoadError> {
        self.db.due(due, limit)
    }

    fn search(&mut self, search: &Search, limit: Limit) -> Result<Hits, LoadError> {
        self.db.search(search, limit)
    }

    fn outbox(
        &mut self,
        part: Part,
        after: Option<Mark>,
        limit: Limit,
    ) -> Result<Page<(Mark, OutboxRow)>, LoadError> {
        self.db.outbox(part, after, limit)
    }

    fn inbox(&mut self, part: Part) -> Result<Vec<(Part, Mark)>, LoadError> {
        self.db.inbox(part)
    }

    fn rows(&mut self, after: Option<Key>, limit: Limit) -> Result<Page<Found>, LoadError> {
        self.db.rows(after, limit)
    }
}

impl Store for SqliteStore {
    fn take(&mut self, floors: &[Floor]) -> Result<Vec<Head>, WriteError> {
        batch::check_floors(floors, self.parts)?;
        let parts = self.parts;
        self.write("part", |conn| write::take(conn, parts, floors))
    }

    fn timeline(&self) -> Timeline {
        self.timeline
    }

    fn capability_key(&self) -> CapabilityKey {
        self.capability_key.clone()
    }

    fn commit(&mut self, lane: &[Batch]) -> Result<(), CommitError> {
        batch::check(lane, self.parts)?;
        let fenced = self.write("promise", |conn| write::commit(conn, lane))?;
        if fenced.is_empty() {
            Ok(())
        } else {
            Err(CommitError::Fenced(fenced))
        }
    }

    fn trim(&mut self, what: &[Trim], limit: usize) -> Result<usize, WriteError> {
        self.write("promise", |conn| trim::trim(conn, what, limit))
    }

    fn upkeep(&mut self) -> Result<(), WriteError> {
        let folded = self.fold();
        self.reserve.keep();
        folded
    }

    fn has_room(&mut self) -> bool {
        !self.reserve.is_given_up()
    }

    fn close(&mut self) -> Result<(), WriteError> {
        self.is_folded = true;
        self.db.fold_away()
    }

    fn reader(&self) -> Result<Box<dyn Reader>, LoadError> {
        Ok(Box::new(open::reader(&self.file)?))
    }
}
