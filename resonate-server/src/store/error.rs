//! What can go wrong, one enum per operation. Opening has its own, beside the store that is opened.

use std::{error::Error, path::PathBuf};

use resonate_core::Part;

/// What another library said; its type is none of the reader's business.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Reading did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// What was read is not what was written.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The disk or the database refused. The store is poisoned.
    #[error(
        "cannot read {}: {source}; the store stops here, look at the disk, then start the server again",
        file.display()
    )]
    Failed {
        /// The file.
        file: PathBuf,
        /// What it said.
        source: Cause,
    },
    /// An earlier call failed.
    #[error("the store stopped at an earlier error; start the server again")]
    Poisoned,
}

/// Writing did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A mistake of the owner; nothing was written.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// There is no room; nothing was written, and the same may be written again when there is.
    #[error("no room to write {}: {source}; make room on its disk", file.display())]
    Full {
        /// The file.
        file: PathBuf,
        /// What it said.
        source: Cause,
    },
    /// Another program keeps the file for itself; nothing was written, and the same may be written again.
    #[error(
        "another program holds {} for writing; close it, the server must be the only writer",
        file.display()
    )]
    Busy {
        /// The file.
        file: PathBuf,
    },
    /// What had to be read before writing is not what was written; nothing was written.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The disk or the database refused. Whether the write is durable is unknown until the next start; the store is
    /// poisoned, and nothing is tried again.
    #[error(
        "cannot write {}: {source}; the store stops here, look at the disk, then start the server again",
        file.display()
    )]
    Failed {
        /// The file.
        file: PathBuf,
        /// What it said.
        source: Cause,
    },
    /// An earlier call failed; nothing was written.
    #[error("the store stopped at an earlier error; start the server again")]
    Poisoned,
}

/// A lane was not committed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// These partitions have another epoch, or are not at the number before the batch's. Nothing of the lane was
    /// written.
    #[error("partitions {0:?} are at another epoch or batch; take them again and reload")]
    Fenced(Vec<Part>),
    /// Writing did not work.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What no owner should send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the store was asked for what cannot be, partition {part}: {why}; this is a bug of the server, please report it"
)]
pub struct Malformed {
    /// The partition.
    pub part: Part,
    /// What is wrong.
    pub why: String,
}

impl From<Malformed> for CommitError {
    fn from(malformed: Malformed) -> Self {
        Self::Write(malformed.into())
    }
}

/// A row that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is damaged: table {table}, {key}: {why}; run `resonate verify`, then restore a backup",
    file.display()
)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// The table.
    pub table: &'static str,
    /// Which row.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}
