//! The data folder: made for us alone, locked against a second server, synced so that it survives a power cut.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use resonate_core::mutants::{Mutant, planted};

use super::error::OpenError;

/// Held by the server that serves the folder. The file stays, and says that a store was made beside it.
const LOCK: &str = "resonate.lock";

/// Makes the folder, for its owner alone, if there is none.
pub(super) fn create(folder: &Path) -> Result<(), OpenError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(failed("create the data folder", folder))
}

/// Keeps everybody else out for as long as the answer lives.
pub(super) fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join(LOCK);
    let mut options = private();
    let lock = options
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed("open the lock file", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed("lock", &path)(source)),
    }
}

/// Writes beside the store that it is there: should its file be missing or empty one day, that is no new store.
pub(super) fn mark(lock: &File) -> Result<(), OpenError> {
    let path = Path::new(LOCK);
    if lock.metadata().map_err(failed("look at", path))?.len() > 0 {
        return Ok(());
    }
    let written = (&mut &*lock).write_all(MARK).and_then(|()| lock.sync_all());
    written.map_err(unsynced(path))
}

/// Whether a store was made in this folder.
pub(super) fn is_marked(folder: &Path) -> bool {
    folder
        .join(LOCK)
        .metadata()
        .is_ok_and(|lock| lock.len() > 0)
}

const MARK: &[u8] = b"A store was made in this folder. To begin a new one, remove this file too.\n";

/// The lock of a folder if it is free, or why not; `None` if no server was ever there. Nothing is made.
pub(super) fn try_lock(folder: &Path) -> Result<Option<Result<File, TryLockError>>, OpenError> {
    let path = folder.join(LOCK);
    match private().open(&path) {
        Ok(lock) => Ok(Some(lock.try_lock().map(|()| lock))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("open the lock file", &path)(error)),
    }
}

/// Makes an empty file, for its owner alone, in the place of none.
pub(super) fn create_new(file: &Path) -> Result<(), OpenError> {
    let made = private().create_new(true).open(file);
    made.map(drop).map_err(failed("create", file))
}

/// Makes an empty file, for its owner alone, if there is none.
pub(super) fn touch(file: &Path) -> Result<(), OpenError> {
    match private().create_new(true).open(file) {
        Ok(new) => new.sync_all().map_err(unsynced(file)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed("create", file)(error)),
    }
}

/// Makes the names in the folder durable, and the folder's own name.
pub(super) fn sync(folder: &Path) -> Result<(), OpenError> {
    if planted(Mutant::FolderNotSynced) {
        return Ok(());
    }
    let folder = folder.canonicalize().map_err(failed("find", folder))?;
    [Some(&*folder), folder.parent()]
        .into_iter()
        .flatten()
        .try_for_each(sync_one)
}

/// Makes the names in one folder durable.
#[cfg(unix)]
pub(super) fn sync_one(folder: &Path) -> Result<(), OpenError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(unsynced(folder))
}

/// Elsewhere a folder cannot be opened as a file; the file system looks after its names itself.
#[cfg(not(unix))]
pub(super) fn sync_one(_: &Path) -> Result<(), OpenError> {
    Ok(())
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path: PathBuf = path.to_owned();
    move |source| OpenError::Io {
        doing,
        path,
        source,
    }
}

pub(super) fn unsynced(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path: PathBuf = path.to_owned();
    move |source| OpenError::Sync { path, source }
}
