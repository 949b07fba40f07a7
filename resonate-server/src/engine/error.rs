//! Why the engine does not start, or stops. Each has the code a process ends with.

use resonate_core::{Part, Refusal, Reply, Violation};

use super::disk::ReadError;
use crate::store::{CommitError, WriteError};

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store cannot be taken over.
    #[error("cannot take the store over: {0}")]
    Take(#[from] WriteError),
    /// Something in it cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It does not have our partitions.
    #[error(
        "the store does not have the {} partitions of this server; it was made by another version",
        resonate_core::limits::PARTS
    )]
    Heads,
}

/// Why the engine stops. What was not answered by then is not known to be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A commit failed and nobody knows what the disk holds.
    #[error("a commit failed: {0}")]
    Commit(#[source] CommitError),
    /// Upkeep failed, and so will the next commit.
    #[error("the store failed: {0}")]
    Write(#[from] WriteError),
    /// Something that is needed cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A request broke a rule that must always hold. Nothing of it was written.
    #[error("a rule of the core is broken, nothing was written: {0:?}; please report it")]
    Broken(Vec<Violation>),
    /// A batch would settle more than it has places for, and two settlements would share one. Nothing of it was written.
    #[error(
        "a round settled more in partition {} than a batch has places for, nothing was written; please report it",
        .0.0
    )]
    Overrun(Part),
    /// The core answered something else than was asked.
    #[error("the core answered {asked} with {answer:?}; please report it")]
    Answer {
        /// What was asked.
        asked: &'static str,
        /// What it answered.
        answer: Box<Reply>,
    },
    /// A timer cannot be refused.
    #[error("the core refused a timer: {0}; please report it")]
    Expire(Refusal),
}

impl EngineError {
    /// True if data on the disk is damaged.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Read(error) => error.is_damage(),
            Self::Commit(CommitError::Write(error)) | Self::Write(error) => {
                matches!(error, WriteError::Damaged(_))
            }
            Self::Commit(_)
            | Self::Broken(_)
            | Self::Overrun(_)
            | Self::Answer { .. }
            | Self::Expire(_) => false,
        }
    }
}

impl StartError {
    /// True if data on the disk is damaged.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Read(error) => error.is_damage(),
            Self::Take(error) => matches!(error, WriteError::Damaged(_)),
            Self::Heads => false,
        }
    }
}
