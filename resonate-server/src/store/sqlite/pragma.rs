//! The settings that durability rests on: each is set and read back, since SQLite ignores a value it does not know.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, config::DbConfig, types::Value};

use super::error::OpenError;

/// Name, value as set, value as read back.
pub(super) type Pragma = (&'static str, &'static str, &'static str);

/// Of the one writer. An empty file must have its journal mode before its first table.
pub(super) const WRITER: &[Pragma] = &[
    ("journal_mode", "wal", "wal"),
    ("synchronous", "full", "2"),
    ("wal_autocheckpoint", "0", "0"), // we fold the log ourselves, between batches
    #[cfg(target_os = "macos")]
    ("fullfsync", "on", "1"),
    #[cfg(target_os = "macos")]
    ("checkpoint_fullfsync", "on", "1"),
    ("mmap_size", "0", "0"), // an I/O error must be an error, not a signal
    ("cell_size_check", "on", "1"),
    ("trusted_schema", "off", "0"),
    ("cache_size", "-32768", "-32768"), // at most 32 MiB, taken as it is needed
];

/// Of readers, which never write.
pub(super) const READER: &[Pragma] = &[
    ("query_only", "on", "1"),
    ("wal_autocheckpoint", "0", "0"),
    ("mmap_size", "0", "0"),
    ("cell_size_check", "on", "1"),
    ("trusted_schema", "off", "0"),
    ("cache_size", "-8192", "-8192"),
];

/// How long to wait for another program that holds the file, before the caller is told that it is busy.
const BUSY: Duration = Duration::from_secs(2);

pub(super) fn set(conn: &Connection, file: &Path, pragmas: &[Pragma]) -> Result<(), OpenError> {
    let failed = |error| OpenError::database(file, error);
    conn.busy_timeout(BUSY).map_err(failed)?;
    // Closing must not sync: after a failed sync nothing may try again. The store folds its log itself.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(failed)?;
    for &(name, value, wanted) in pragmas {
        conn.execute_batch(&format!("pragma {name} = {value}"))
            .map_err(failed)?;
        let found = read(conn, name).map_err(failed)?;
        if found != wanted {
            return Err(OpenError::Pragma {
                file: file.to_owned(),
                name,
                wanted,
                found,
            });
        }
    }
    Ok(())
}

/// For the writer, once its pragmas are set; a backup has no log.
///
/// When a write or a sync fails while a new file is switched to its log, SQLite keeps that to itself, goes on with a
/// rollback journal, whose removal it does not sync, and still answers that the mode is `wal`. Only here it shows.
pub(super) fn has_log(conn: &Connection, file: &Path) -> Result<(), OpenError> {
    let pages = conn.query_row("pragma wal_checkpoint(noop)", [], |row| {
        row.get::<_, i64>(1)
    });
    if pages.map_err(|error| OpenError::database(file, error))? >= 0 {
        return Ok(());
    }
    let (file, source) = (
        file.to_owned(),
        "it could not be given its write-ahead log".into(),
    );
    Err(OpenError::Database { file, source })
}

fn read(conn: &Connection, name: &str) -> rusqlite::Result<String> {
    conn.query_row(&format!("pragma {name}"), [], |row| {
        Ok(match row.get(0)? {
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text,
            Value::Null | Value::Real(_) | Value::Blob(_) => "nothing to compare".to_owned(),
        })
    })
}
