//! Which timeline the file belongs to. A file that lies elsewhere than it did is a copy, and begins a timeline of its own.
//!
//! The header keeps the timeline's number and the file's place: what the file system numbers it by, and when it was made.
//! A backup has no place. So whoever copies a data folder, or puts a backup into one, gets another number without being
//! asked, and workers of the first timeline are told so. What copies the whole disk (an image of a machine, a snapshot of
//! a volume) cannot be told from a restart.

use std::{path::Path, time::UNIX_EPOCH};

use resonate_core::{
    Timeline,
    mutants::{Mutant, planted},
};
use rusqlite::{Connection, TransactionBehavior};

use super::{error::OpenError, folder, open::damaged_header, schema};

const TIMELINE: &str = "timeline";
const PLACE: &str = "place";

/// The timeline that the file goes on with, written down before anybody hears of it.
pub(super) fn settle(conn: &mut Connection, file: &Path) -> Result<Timeline, OpenError> {
    let place = place(file)?;
    let known = read(conn, file)?;
    let kept = text(conn, file, PLACE)?;
    let is_at_home = kept.as_ref() == Some(&place) || planted(Mutant::RestoreKeepsTimeline);
    if let (Some(timeline), true) = (known, is_at_home) {
        return Ok(timeline);
    }
    if let Some(before) = known {
        tracing::warn!(
            file = %file.display(),
            "the store was copied or restored: workers that still hold something of the timeline before ({before}) drop it"
        );
    }
    begin(conn, &place).map_err(|error| OpenError::database(file, error))
}

/// The timeline of a file, if it has one already.
pub(super) fn read(conn: &Connection, file: &Path) -> Result<Option<Timeline>, OpenError> {
    let Some(text) = text(conn, file, TIMELINE)? else {
        return Ok(None);
    };
    let number = u64::from_str_radix(&text, 16);
    let number = number.map_err(|_| damaged_header(file, TIMELINE, "it is no number"))?;
    Ok(Some(Timeline(number)))
}

/// Forgets where the file lies: whoever opens it next begins another timeline.
pub(super) fn unplace(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute("delete from header where name = ?1", [PLACE])?;
    Ok(())
}

fn begin(conn: &mut Connection, place: &str) -> rusqlite::Result<Timeline> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let drawn: i64 = transaction.query_row("select random()", [], |row| row.get(0))?;
    // Zero is how the wire says that there is none.
    let timeline = Timeline(drawn.unsigned_abs().max(1));
    schema::set_header(&transaction, TIMELINE, &timeline.to_string())?;
    schema::set_header(&transaction, PLACE, place)?;
    transaction.commit()?;
    Ok(timeline)
}

/// A line of the header.
pub(super) fn text(
    conn: &Connection,
    file: &Path,
    name: &str,
) -> Result<Option<String>, OpenError> {
    let found = schema::header(conn, name).map_err(|error| OpenError::database(file, error))?;
    match found {
        Some((_, false)) => Err(damaged_header(file, name, "its checksum is another")),
        Some((text, true)) => Ok(Some(text)),
        None => Ok(None),
    }
}

fn place(file: &Path) -> Result<String, OpenError> {
    let metadata = file.metadata().map_err(folder::failed("look at", file))?;
    // Not every file system knows when a file was made.
    let made = metadata.created().ok();
    let made = made.and_then(|made| made.duration_since(UNIX_EPOCH).ok());
    let made = made.map_or(0, |made| made.as_nanos());
    Ok(format!("{}/{made}", number(&metadata)))
}

#[cfg(unix)]
fn number(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

/// Elsewhere the moment at which it was made has to do.
#[cfg(not(unix))]
fn number(_: &std::fs::Metadata) -> u64 {
    0
}
