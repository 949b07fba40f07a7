//! Why a store does not open, and how SQLite's errors are told apart.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;

use super::super::error::{Cause, Damage, LoadError, Malformed, WriteError};

/// A store does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "the data folder {} is in use by another server; stop that one, or choose another folder",
        folder.display()
    )]
    Locked {
        /// The data folder.
        folder: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// What the last process wrote cannot be made durable: nothing may be built on it.
    #[error(
        "cannot make sure that {} is on the disk: {source}; look at the disk before starting again",
        path.display()
    )]
    Sync {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A file, but not one of ours.
    #[error("{} is not a store of Resonate; choose another folder", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// There is something where nothing may be overwritten.
    #[error("{} is there already and is not overwritten; choose another name", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// A folder that must be empty is not.
    #[error("the folder {} is not empty; restore into a new one", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// A file whose latest commits are still in its log.
    #[error(
        "{} is not whole: its latest commits are in {}; name the data folder instead, or make a backup of it",
        file.display(),
        log.display()
    )]
    Unfinished {
        /// The file.
        file: PathBuf,
        /// Its log.
        log: PathBuf,
    },
    /// A store that a newer program wrote.
    #[error(
        "{} has format {found}, this program reads up to format {known}; start the version that wrote it, or a newer one",
        file.display()
    )]
    NewerFormat {
        /// The file.
        file: PathBuf,
        /// What the file says.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// A store that is divided in another way.
    #[error(
        "{} has {found} partitions, {asked} are asked for; the number is fixed when a store is made: ask for {found}",
        file.display()
    )]
    OtherPartitions {
        /// The file.
        file: PathBuf,
        /// How many it has.
        found: u32,
        /// How many were asked for.
        asked: u16,
    },
    /// A number of partitions that no store can have.
    #[error("{asked} is no number of partitions; ask for a power of two, at most 4096")]
    BadPartitions {
        /// How many were asked for.
        asked: u16,
    },
    /// The database would not keep what we promise.
    #[error(
        "{}: the database answers {name} = {found:?} where {wanted:?} was set; this build of SQLite is not fit to serve",
        file.display()
    )]
    Pragma {
        /// The file.
        file: PathBuf,
        /// Which setting.
        name: &'static str,
        /// What it has to be.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// The file cannot be read as what it says it is.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// There is no room for what opening writes; nothing is lost.
    #[error(
        "there is no room to open {}: {source}; make room on its disk",
        file.display()
    )]
    Full {
        /// The file.
        file: PathBuf,
        /// What it said.
        source: Cause,
    },
    /// The database refused.
    #[error("cannot open {}: {source}", file.display())]
    Database {
        /// The file.
        file: PathBuf,
        /// What it said.
        source: Cause,
    },
}

impl OpenError {
    /// True if what is on the disk is damaged, or no store at all, or written by a newer version.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) | Self::NewerFormat { .. } | Self::Foreign { .. } => true,
            Self::Locked { .. }
            | Self::Io { .. }
            | Self::Sync { .. }
            | Self::Exists { .. }
            | Self::NotEmpty { .. }
            | Self::Unfinished { .. }
            | Self::OtherPartitions { .. }
            | Self::BadPartitions { .. }
            | Self::Pragma { .. }
            | Self::Full { .. }
            | Self::Database { .. } => false,
        }
    }

    pub(super) fn database(file: &Path, source: rusqlite::Error) -> Self {
        let file = file.to_owned();
        if matches!(source.sqlite_error_code(), Some(ErrorCode::NotADatabase)) {
            return Self::Foreign { file };
        }
        if is_corrupt(&source) {
            return Self::Damaged(corrupt(&file, "header", &source));
        }
        if is_full(&source) {
            let source = source.into();
            return Self::Full { file, source };
        }
        let source = source.into();
        Self::Database { file, source }
    }
}

/// Why something inside of one call did not work.
#[derive(Debug)]
pub(super) enum Trouble {
    Sqlite(rusqlite::Error),
    Damaged {
        table: &'static str,
        key: String,
        why: String,
    },
    Malformed(Malformed),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Malformed> for Trouble {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl Trouble {
    /// As the answer to a read of `table`.
    pub(super) fn on_read(self, file: &Path, table: &'static str) -> LoadError {
        let file = file.to_owned();
        match self {
            Self::Damaged { table, key, why } => Damage {
                file,
                table,
                key,
                why,
            }
            .into(),
            Self::Sqlite(error) if is_corrupt(&error) => corrupt(&file, table, &error).into(),
            Self::Sqlite(error) => LoadError::Failed {
                file,
                source: error.into(),
            },
            Self::Malformed(malformed) => LoadError::Failed {
                file,
                source: malformed.into(),
            },
        }
    }

    /// As the answer to a write.
    pub(super) fn on_write(self, file: &Path, table: &'static str) -> WriteError {
        let file = file.to_owned();
        match self {
            Self::Damaged { table, key, why } => Damage {
                file,
                table,
                key,
                why,
            }
            .into(),
            Self::Malformed(malformed) => malformed.into(),
            Self::Sqlite(error) if is_corrupt(&error) => corrupt(&file, table, &error).into(),
            Self::Sqlite(error) if is_full(&error) => WriteError::Full {
                file,
                source: error.into(),
            },
            Self::Sqlite(error) if is_busy(&error) => WriteError::Busy { file },
            Self::Sqlite(error) => WriteError::Failed {
                file,
                source: error.into(),
            },
        }
    }
}

fn corrupt(file: &Path, table: &'static str, error: &rusqlite::Error) -> Damage {
    let (file, key, why) = (
        file.to_owned(),
        "no row in particular".to_owned(),
        error.to_string(),
    );
    Damage {
        file,
        table,
        key,
        why,
    }
}

fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Also when the index of the log cannot grow: that happens before anything is written, and SQLite has no word of its own
/// for it.
fn is_full(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull))
        || code == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
