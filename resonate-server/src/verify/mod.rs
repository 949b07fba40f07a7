//! A store against itself, from the outermost to the innermost: its structure and checksums, what its partitions count,
//! every record, every tree. What `resonate verify` prints, and what a backup must pass before it has its name.
//!
//! Two passes over one moment of the file. The first is the store's own and knows no record; only if it finds nothing,
//! the second reads every record and runs the core's check over every tree. One tree is in memory at a time.

#[cfg(test)]
mod tests;
mod trees;

use std::path::Path;

use resonate_core::Timeline;

pub use crate::store::Damage as Problem;
use crate::store::{LoadError, OpenError, sqlite::Snapshot};

/// After so many, one knows.
const PROBLEMS_MAX: usize = 100;

/// What is verified.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// The store in a data folder, with its log. A server may run on it.
    Folder(&'a Path),
    /// A file that nobody writes, such as a backup.
    File(&'a Path),
}

/// What there is, and what is wrong with it.
#[derive(Debug)]
pub struct Report {
    /// A server has the store at the moment: what it wrote after the beginning was not looked at.
    pub is_served: bool,
    /// Which timeline it is; none if no server ever opened the file.
    pub timeline: Option<Timeline>,
    /// How many partitions it has.
    pub partitions: u16,
    /// Promises.
    pub rows: u64,
    /// Roots with everything below them.
    pub trees: u64,
    /// Messages between trees that are kept.
    pub messages: u64,
    /// What is wrong, at most 100.
    pub problems: Vec<Problem>,
}

/// Verifying did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl VerifyError {
    /// True if that is because of damage.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Open(error) => error.is_damage(),
            Self::Load(error) => matches!(error, LoadError::Damaged(_)),
        }
    }
}

impl Source<'_> {
    /// One moment of it.
    pub(crate) fn snapshot(self) -> Result<Snapshot, OpenError> {
        match self {
            Source::Folder(folder) => Snapshot::of_folder(folder),
            Source::File(file) => Snapshot::of_file(file),
        }
    }
}

/// Verifies a store. Damage is what the report says, and no error, unless the file cannot even be opened for it.
///
/// # Errors
/// If it is no store, a newer version wrote it, or the disk cannot be read.
pub fn verify(source: Source<'_>) -> Result<Report, VerifyError> {
    verify_snapshot(&mut source.snapshot()?)
}

/// The same on a moment that somebody holds already.
pub(crate) fn verify_snapshot(snapshot: &mut Snapshot) -> Result<Report, VerifyError> {
    let mut report = Report {
        is_served: snapshot.is_served(),
        timeline: snapshot.timeline(),
        partitions: snapshot.parts(),
        rows: 0,
        trees: 0,
        messages: 0,
        problems: Vec::new(),
    };
    report.problems = match snapshot.damages() {
        Ok(damages) => damages,
        // So broken that SQLite gives up.
        Err(LoadError::Damaged(damage)) => vec![damage],
        Err(error) => return Err(error.into()),
    };
    if report.problems.is_empty() {
        trees::verify(snapshot, &mut report)?;
    }
    Ok(report)
}
