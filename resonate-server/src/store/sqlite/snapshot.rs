//! A file as it is at one moment, read and never written: what is checked and copied, while a server runs or not.

use std::{
    fs::TryLockError,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    super::{
        Reader,
        error::{Damage, LoadError},
    },
    FILE,
    db::Db,
    error::OpenError,
    folder, frames,
    open::{as_made, connect, header, not_beheaded, recognize},
    pragma, timeline, verify,
};

/// One moment of a file. It keeps a server that runs from emptying its log, so drop it soon.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) db: Db,
    pub(super) file: PathBuf,
    parts: u16,
    timeline: Option<resonate_core::Timeline>,
    is_served: bool,
}

impl Snapshot {
    /// Of the file in a data folder, with its log.
    pub fn of_folder(folder: &Path) -> Result<Self, OpenError> {
        let file = folder.join(FILE);
        let is_served = is_served(folder)?;
        let log = folder.join(format!("{FILE}-wal"));
        not_beheaded(&file, &log)?;
        if !is_served {
            // The end of a log that is being written looks torn.
            frames::check(&log)?;
        }
        let conn = connect(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        pragma::set(&conn, &file, pragma::READER)?;
        Self::new(conn, file, is_served)
    }

    /// Of a file that nobody writes, such as a backup. Nothing is left beside it.
    pub fn of_file(file: &Path) -> Result<Self, OpenError> {
        let log = with_suffix(file, "-wal");
        if log.metadata().is_ok_and(|log| log.len() > 0) {
            return Err(OpenError::Unfinished {
                file: file.to_owned(),
                log,
            });
        }
        let conn = connect_unwatched(file)?;
        pragma::set(&conn, file, pragma::READER)?;
        Self::new(conn, file.to_owned(), false)
    }

    fn new(conn: Connection, file: PathBuf, is_served: bool) -> Result<Self, OpenError> {
        let failed = |error| OpenError::database(&file, error);
        // From the first read on, what a server writes is not seen.
        conn.execute_batch("begin").map_err(failed)?;
        if recognize(&conn, &file)? {
            return Err(OpenError::Foreign { file });
        }
        as_made(&conn, &file)?;
        let parts = header(&conn, &file, "parts")?;
        let parts =
            u16::try_from(parts).map_err(|_| OpenError::BadPartitions { asked: u16::MAX })?;
        let timeline = timeline::read(&conn, &file)?;
        Ok(Self {
            db: Db::new(conn, &file),
            file,
            parts,
            timeline,
            is_served,
        })
    }

    /// How many partitions it has.
    #[must_use]
    pub fn parts(&self) -> u16 {
        self.parts
    }

    /// Its timeline, if any server ever opened it.
    #[must_use]
    pub fn timeline(&self) -> Option<resonate_core::Timeline> {
        self.timeline
    }

    /// Which file it is of.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether a server has it at the moment.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.is_served
    }

    /// Everything against its checksums, the indexes, and what the partitions count; the first 100 damages.
    pub fn damages(&mut self) -> Result<Vec<Damage>, LoadError> {
        let (file, parts) = (&self.file, self.parts);
        self.db
            .read("any", |conn| verify::verify(conn, file, parts))
    }

    /// What is in it.
    pub fn rows(&mut self) -> &mut dyn Reader {
        &mut self.db
    }

    /// How far each partition has come: number of the last batch, greatest root number, newest moment.
    pub fn heads(&mut self) -> Result<Vec<super::Head>, LoadError> {
        let parts = self.parts;
        self.db.read("part", |conn| {
            (0..parts)
                .map(|part| super::write::head(conn, resonate_core::Part(part)))
                .collect()
        })
    }
}

/// Whether somebody holds the lock of a folder, which must be there.
fn is_served(folder: &Path) -> Result<bool, OpenError> {
    match folder::try_lock(folder)? {
        Some(Err(TryLockError::WouldBlock)) => Ok(true),
        Some(Err(TryLockError::Error(source))) => Err(folder::failed("lock", folder)(source)),
        // It is free again as soon as this ends: a server that starts meanwhile does no harm.
        Some(Ok(_)) | None => Ok(false),
    }
}

/// Without locks and without a log, neither of which a file that nobody writes needs.
fn connect_unwatched(file: &Path) -> Result<Connection, OpenError> {
    let path = file
        .canonicalize()
        .map_err(folder::failed("find", file))?
        .to_string_lossy()
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let uri = format!("file:{path}?immutable=1");
    Connection::open_with_flags(uri, flags).map_err(|error| OpenError::database(file, error))
}

pub(super) fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
