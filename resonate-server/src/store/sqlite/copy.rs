//! Backups: one file with everything that was durable at one moment, and a data folder made from such a file.
//!
//! The copy is made of pages, through SQLite's own backup, so what is damaged in the original is damaged in the copy and
//! is found when the copy is checked. It is made from outside of a server that runs: a reader holds one moment of the
//! file, and the server writes on. The copy gets its name only when it is whole and on the disk.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};

use super::{
    FILE, SqliteStore,
    error::OpenError,
    folder,
    snapshot::{Snapshot, with_suffix},
    timeline,
};

/// A copy that has everything and not yet its name. Dropped without being named, it goes away.
#[derive(Debug)]
pub struct Unnamed {
    path: PathBuf,
    name: PathBuf,
}

/// Copies a moment of a store to the disk.
pub fn copy(snapshot: &Snapshot, to: &Path) -> Result<Unnamed, OpenError> {
    let unnamed = Unnamed::begin(to)?;
    let path = &unnamed.path;
    let failed = |error| OpenError::database(path, error);
    let mut target = Connection::open(path).map_err(failed)?;
    // A copy that is not finished is thrown away, so it needs no journal, and it is synced at its end.
    target
        .execute_batch("pragma journal_mode = off; pragma synchronous = off")
        .map_err(failed)?;
    copy_pages(snapshot, &mut target).map_err(failed)?;
    drop(target);
    let target = Connection::open(path).map_err(failed)?;
    // One file, with nothing beside it: without a log.
    target
        .execute_batch("pragma journal_mode = delete; pragma synchronous = off")
        .map_err(failed)?;
    timeline::unplace(&target).map_err(failed)?;
    target.close().map_err(|(_, error)| failed(error))?;
    sync(path)?;
    Ok(unnamed)
}

fn copy_pages(snapshot: &Snapshot, target: &mut Connection) -> rusqlite::Result<()> {
    let backup = Backup::new(snapshot.db.connection(), target)?;
    // All at once: the snapshot holds still, and nobody else wants the target.
    if backup.step(-1)? == StepResult::Done {
        return Ok(());
    }
    let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    let why = "another program holds the file".to_owned();
    Err(rusqlite::Error::SqliteFailure(busy, Some(why)))
}

impl Unnamed {
    fn begin(to: &Path) -> Result<Self, OpenError> {
        if to.symlink_metadata().is_ok() {
            return Err(OpenError::Exists {
                path: to.to_owned(),
            });
        }
        let path = with_suffix(to, ".incomplete");
        folder::create_new(&path)?;
        let name = to.to_owned();
        Ok(Self { path, name })
    }

    /// Where it is for now.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, unless somebody else has taken that meanwhile.
    pub fn name(self) -> Result<(), OpenError> {
        match fs::hard_link(&self.path, &self.name) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let path = self.name.clone();
                return Err(OpenError::Exists { path });
            }
            Err(error) => return Err(folder::failed("name", &self.name)(error)),
        }
        let parent = self
            .name
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new(".")).to_owned();
        drop(self);
        folder::sync_one(&parent)
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        // What cannot be removed is called incomplete.
        let _left = fs::remove_file(&self.path);
    }
}

/// Makes a data folder of a file. The store in it begins a timeline of its own, under the next server's new epochs.
pub fn restore(from: &Path, into: &Path, parts: u16) -> Result<(), OpenError> {
    folder::create(into)?;
    let is_empty = |mut entries: fs::ReadDir| entries.next().is_none();
    let entries = fs::read_dir(into).map_err(folder::failed("look into", into))?;
    if !is_empty(entries) {
        let folder = into.to_owned();
        return Err(OpenError::NotEmpty { folder });
    }
    let file = into.join(FILE);
    let unnamed = Unnamed::begin(&file)?;
    let mut source = File::open(from).map_err(folder::failed("open", from))?;
    let mut target = File::options()
        .write(true)
        .open(&unnamed.path)
        .map_err(folder::failed("open", &unnamed.path))?;
    io::copy(&mut source, &mut target).map_err(folder::failed("copy to", &unnamed.path))?;
    sync(&unnamed.path)?;
    unnamed.name()?;
    // It lies elsewhere than whatever it is a copy of, and so it begins its timeline now.
    SqliteStore::open(into, parts).map(drop)
}

fn sync(path: &Path) -> Result<(), OpenError> {
    let file = File::options().write(true).open(path);
    file.and_then(|file| file.sync_all())
        .map_err(folder::unsynced(path))
}
