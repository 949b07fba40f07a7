//! A backup, taken while a server runs or not, and a data folder made from one. Both are verified before they count.

use std::path::Path;

use crate::{
    store::{OpenError, sqlite::copy},
    verify::{Problem, Report, Source, VerifyError, verify, verify_snapshot},
};

/// A backup or a restore did not come to its end; what was begun of a backup is gone again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Copying did not work.
    #[error(transparent)]
    Copy(#[from] OpenError),
    /// What was copied cannot be read.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// What was copied is damaged; no backup was made of it, or no data folder.
    #[error("{0} ({1} problems in all)")]
    Damaged(Problem, usize),
}

impl BackupError {
    /// True if that is because of damage.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Copy(error) => error.is_damage(),
            Self::Verify(error) => error.is_damage(),
            Self::Damaged(..) => true,
        }
    }
}

/// Writes everything that is durable at this moment into one new file.
///
/// # Errors
/// If there is such a file, the store is damaged, or the disk does not do as it should.
pub fn backup(folder: &Path, to: &Path) -> Result<Report, BackupError> {
    let snapshot = Source::Folder(folder).snapshot()?;
    let is_served = snapshot.is_served();
    let copied = copy::copy(&snapshot, to)?;
    // A server that runs folds its log again.
    drop(snapshot);
    let report = verify(Source::File(copied.path()))?;
    let report = sound(Report {
        is_served,
        ..report
    })?;
    copied.name()?;
    Ok(report)
}

/// Makes a data folder of a backup. A server on it begins another timeline: workers that still hold something of the one
/// before drop it and begin anew. What is in it, and which timeline that is.
///
/// # Errors
/// If the folder is not empty, the backup is damaged, or the disk does not do as it should.
pub fn restore(from: &Path, folder: &Path) -> Result<Report, BackupError> {
    let report = sound(verify(Source::File(from))?)?;
    copy::restore(from, folder, report.partitions)?;
    let mut restored = Source::Folder(folder).snapshot()?;
    sound(verify_snapshot(&mut restored)?)
}

fn sound(report: Report) -> Result<Report, BackupError> {
    match report.problems.first() {
        Some(problem) => Err(BackupError::Damaged(problem.clone(), report.problems.len())),
        None => Ok(report),
    }
}
