//! Opening: lock, file, log, what kind of file it is, settings, tables; in this order.

use std::{
    io,
    path::{Path, PathBuf},
};

use resonate_core::{
    CapabilityKey, Timeline,
    mutants::{Mutant, planted},
};
use rusqlite::{Connection, OpenFlags};

use super::{
    super::error::{Damage, LoadError, WriteError},
    FILE, SqliteStore, capability,
    db::Db,
    error::OpenError,
    folder, frames, log, pragma,
    reserve::Reserve,
    schema, timeline,
};

/// As many as a map of partitions may have.
const PARTS_MAX: u16 = 4_096;

pub(super) fn open(folder: &Path, parts: u16) -> Result<SqliteStore, OpenError> {
    if !parts.is_power_of_two() || parts > PARTS_MAX {
        return Err(OpenError::BadPartitions { asked: parts });
    }
    folder::create(folder)?;
    let lock = folder::lock(folder)?;
    let mut reserve = Reserve::find(folder);
    let file = folder.join(FILE);
    let opened = match connect_and_fold(folder, &file, parts) {
        Err(OpenError::Full { .. }) if reserve.give_up() => connect_and_fold(folder, &file, parts),
        other => other,
    };
    let (db, timeline, capability_key) = opened?;
    folder::mark(&lock)?;
    Ok(SqliteStore {
        db,
        reserve,
        file,
        parts,
        timeline,
        capability_key,
        is_folded: false,
        _lock: lock,
    })
}

/// Opens the file, whoever wrote it last and however that ended.
fn connect_and_fold(
    folder: &Path,
    file: &Path,
    parts: u16,
) -> Result<(Db, Timeline, CapabilityKey), OpenError> {
    let log = folder.join(format!("{FILE}-wal"));
    not_beheaded(file, &log)?;
    folder::touch(file)?;
    frames::check(&log)?;
    if !planted(Mutant::LogNotRewritten) {
        log::rewrite(&log)?;
    }
    // From here on nothing but SQLite opens the file: closing another descriptor of it would drop SQLite's locks.
    let mut conn = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let is_new = recognize(&conn, file)?;
    pragma::set(&conn, file, pragma::WRITER)?;
    pragma::has_log(&conn, file)?;
    let failed = |error| OpenError::database(file, error);
    if planted(Mutant::SynchronousNormal) {
        conn.execute_batch("pragma synchronous = normal")
            .map_err(failed)?;
    }
    if is_new {
        schema::create(&mut conn, parts).map_err(failed)?;
    }
    as_made(&conn, file)?;
    let found = header(&conn, file, "parts")?;
    if found != u32::from(parts) {
        return Err(OpenError::OtherPartitions {
            file: file.to_owned(),
            found,
            asked: parts,
        });
    }
    let timeline = timeline::settle(&mut conn, file)?;
    let capability_key = capability::settle(&conn, file)?;
    let was_served = schema::was_served(&conn).map_err(failed)?;
    let mut db = Db::new(conn, file);
    // SQLite does not tell when the sync of a new file's first page fails, and deletes the log of a file without one.
    match db.fold_now() {
        Ok(()) => {}
        // The log keeps it all; and who served the file has seen a sync of its first page succeed.
        Err(WriteError::Full { .. }) if was_served => {}
        Err(WriteError::Damaged(damage)) => return Err(damage.into()),
        Err(WriteError::Full { file, source }) => return Err(OpenError::Full { file, source }),
        Err(error) => {
            let (file, source) = (file.to_owned(), error.into());
            return Err(OpenError::Database { file, source });
        }
    }
    // At every start, not only at the first: a process that made the store may have ended before it came this far.
    folder::sync(folder)?;
    Ok((db, timeline, capability_key))
}

/// Refuses a log without its file, and a folder without what was made in it: SQLite would begin a new store.
pub(super) fn not_beheaded(file: &Path, log: &Path) -> Result<(), OpenError> {
    let is_empty = |path: &Path| match path.metadata() {
        Ok(metadata) => Ok(metadata.len() == 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(folder::failed("look at", path)(error)),
    };
    if !is_empty(file)? {
        return Ok(());
    }
    let why = if !is_empty(log)? {
        format!("it is missing or empty, but {} is not", log.display())
    } else if file.parent().is_some_and(folder::is_marked) {
        let why = "it is missing or empty, but a store was made here; restore a backup into another folder, or remove what \
                   is left in this one to begin a new store";
        why.to_owned()
    } else {
        return Ok(());
    };
    let key = "the file".to_owned();
    Err(OpenError::Damaged(Damage {
        file: file.to_owned(),
        table: "any",
        key,
        why,
    }))
}

/// A second connection that only reads.
pub(super) fn reader(file: &Path) -> Result<Db, LoadError> {
    let open = || {
        let conn = connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        pragma::set(&conn, file, pragma::READER)?;
        Ok(Db::new(conn, file))
    };
    open().map_err(|error: OpenError| LoadError::Failed {
        file: file.to_owned(),
        source: error.into(),
    })
}

pub(super) fn connect(file: &Path, access: OpenFlags) -> Result<Connection, OpenError> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(file, flags).map_err(|error| OpenError::database(file, error))
}

/// Whether the file is new. Refuses what is not ours, or newer than we are, before anything is changed.
pub(super) fn recognize(conn: &Connection, file: &Path) -> Result<bool, OpenError> {
    let failed = |error| OpenError::database(file, error);
    if schema::is_empty(conn).map_err(failed)? {
        return Ok(true);
    }
    let file: PathBuf = file.to_owned();
    if schema::application(conn).map_err(failed)? != schema::APPLICATION {
        return Err(OpenError::Foreign { file });
    }
    let found = match header(conn, &file, FORMAT) {
        // A newer format may have other tables, but also a header like this one.
        Err(error @ OpenError::Database { .. }) => {
            as_made(conn, &file)?;
            return Err(error);
        }
        found => found?,
    };
    let known = schema::FORMAT;
    if found > known {
        Err(OpenError::NewerFormat { file, found, known })
    } else {
        Ok(false)
    }
}

/// Refuses tables and indexes that are not those of the format: SQLite believes what it reads of them.
pub(super) fn as_made(conn: &Connection, file: &Path) -> Result<(), OpenError> {
    let differs = schema::differs(conn).map_err(|error| OpenError::database(file, error))?;
    differs.map_or(Ok(()), |name| {
        let (file, table) = (file.to_owned(), "sqlite_schema");
        let why = "it is not declared as this format declares it".to_owned();
        Err(OpenError::Damaged(Damage {
            file,
            table,
            key: name,
            why,
        }))
    })
}

/// A number from the header.
pub(super) fn header(conn: &Connection, file: &Path, name: &str) -> Result<u32, OpenError> {
    let found = schema::header(conn, name).map_err(|error| OpenError::database(file, error))?;
    let (number, is_sound) = match found.map(|(text, is_sound)| (text.parse::<u32>(), is_sound)) {
        Some((Ok(number), is_sound)) => (number, is_sound),
        Some((Err(_), _)) | None => {
            return Err(damaged_header(file, name, "it is missing or no number"));
        }
    };
    // What a newer version wrote may be summed in another way, and is refused by its number.
    if is_sound || (name == FORMAT && number > schema::FORMAT) {
        Ok(number)
    } else {
        Err(damaged_header(file, name, "its checksum is another"))
    }
}

/// The line of the header that says what wrote the file.
const FORMAT: &str = "format";

pub(super) fn damaged_header(file: &Path, name: &str, why: &str) -> OpenError {
    OpenError::Damaged(Damage {
        file: file.to_owned(),
        table: "header",
        key: name.to_owned(),
        why: why.to_owned(),
    })
}
