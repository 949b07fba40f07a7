//! One connection: its transactions, its log, and what happens to it after an error.

use std::path::{Path, PathBuf};

use resonate_core::mutants::{Mutant, planted};
use rusqlite::{Connection, TransactionBehavior};

use super::{
    super::error::{LoadError, WriteError},
    error::Trouble,
};

/// Pages in the log (4 KiB each) from which it is folded into the file: 16 MiB, which the next start reads in well under
/// a second, and some ninety commits under full load.
pub(super) const LOG_PAGES: i64 = 4_096;
/// The same while room is short: the log must leave most of it to the file.
pub(super) const LOG_PAGES_SHORT: i64 = 512;
/// Statements kept ready: more than there are.
const STATEMENTS: usize = 64;

/// A connection. After an I/O error it is poisoned and answers nothing any more.
#[derive(Debug)]
pub(super) struct Db {
    conn: Connection,
    file: PathBuf,
    poisoned: bool,
}

impl Db {
    pub(super) fn new(conn: Connection, file: &Path) -> Self {
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        let file = file.to_owned();
        Self {
            conn,
            file,
            poisoned: false,
        }
    }

    /// Reads; `table` is what a damage without a place is told by.
    pub(super) fn read<T>(
        &mut self,
        table: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, LoadError> {
        if self.poisoned {
            return Err(LoadError::Poisoned);
        }
        read(&self.conn).map_err(|trouble| {
            let error = trouble.on_read(&self.file, table);
            self.poisoned = matches!(error, LoadError::Failed { .. });
            error
        })
    }

    /// Writes, whole or not at all, and returns when it is durable.
    pub(super) fn write<T>(
        &mut self,
        table: &'static str,
        write: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, WriteError> {
        if self.poisoned {
            return Err(WriteError::Poisoned);
        }
        // Immediate: the lock is taken before anything is read, so what is read still holds when it is written.
        let written = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Trouble::from)
            .and_then(|transaction| {
                let answer = write(&transaction)?;
                transaction.commit()?;
                Ok(answer)
            });
        written.map_err(|trouble| self.refuse(trouble, table))
    }

    /// Folds the log into the file if it has grown to this length. Readers are not held up by it.
    pub(super) fn fold_long(&mut self, pages: i64) -> Result<(), WriteError> {
        if self.poisoned {
            return Err(WriteError::Poisoned);
        }
        match self.log("noop") {
            Ok(log) if log.pages - log.folded < pages => Ok(()),
            Ok(_) => self.fold("passive"),
            Err(error) => Err(self.refuse(error.into(), "log")),
        }
    }

    /// Folds what is in the log into the file and syncs the file.
    pub(super) fn fold_now(&mut self) -> Result<(), WriteError> {
        self.fold("passive")
    }

    /// Folds the log into the file and empties it, so that the file alone is complete.
    pub(super) fn fold_away(&mut self) -> Result<(), WriteError> {
        self.fold("truncate")
    }

    /// Not after an error: a failed sync is never tried again.
    fn fold(&mut self, mode: &str) -> Result<(), WriteError> {
        if self.poisoned {
            return Err(WriteError::Poisoned);
        }
        self.log(mode)
            .map(drop)
            .map_err(|error| self.refuse(error.into(), "log"))
    }

    fn log(&self, mode: &str) -> rusqlite::Result<Log> {
        let pragma = format!("pragma wal_checkpoint({mode})");
        let mut statement = self.conn.prepare_cached(&pragma)?;
        statement.query_row([], |row| {
            Ok(Log {
                pages: row.get(1)?,
                folded: row.get(2)?,
            })
        })
    }

    fn refuse(&mut self, trouble: Trouble, table: &'static str) -> WriteError {
        let error = trouble.on_write(&self.file, table);
        // A transaction that could not be rolled back is as bad as one that failed.
        let stuck = !self.conn.is_autocommit();
        let has_failed =
            matches!(error, WriteError::Failed { .. }) && !planted(Mutant::SyncTriedAgain);
        self.poisoned = stuck || has_failed;
        error
    }

    /// See [`trust_the_disk`](super::SqliteStore::trust_the_disk).
    pub(super) fn weaken(&mut self) -> Result<(), WriteError> {
        let weakened = self.conn.execute_batch("pragma synchronous = normal");
        weakened.map_err(|error| self.refuse(error.into(), "any"))
    }

    /// For what needs the connection itself.
    pub(super) fn connection(&self) -> &Connection {
        &self.conn
    }
}

/// How long the log is, and how much of it is in the file already.
struct Log {
    pages: i64,
    folded: i64,
}
