//! What lies where in the file, and how a new file begins.
//!
//! Every index leads with what rises (time, root number) and names the partition after it, so that the rows of one
//! commit, whatever their partitions, lie side by side. Measured, 128 rows of 128 partitions among 300,000: some 45 pages
//! written this way, some 590 with the partition in front. Rows lie in the order in which they were first written, and
//! the key is an index: a clustered key spreads documents of more than a few hundred bytes over pages few and far between.
//! `sum` is the row's checksum, see [`super::sum`]. A row of `part` counts the unsettled rows of its partition and sums their
//! checksums, in every commit: a row that is missing or stale is sound by itself and shows there.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::sum::{self, PartRow};

/// "Reso" in the file's header: what tells our files from others.
pub(super) const APPLICATION: i32 = 0x5265_736F;
/// The format this program writes. A greater one is refused.
pub(super) const FORMAT: u32 = 1;

const TABLES: &str = "
create table header (name text primary key, value text not null, sum int not null) strict, without rowid;

create table part (
  part integer primary key, epoch int not null, seq int not null, next_root_no int not null, newest int not null,
  unsettled_rows int not null, unsettled_sum int not null, sum int not null) strict;

create table root (
  root_no int not null, part int not null, root text not null, sum int not null,
  primary key (root_no, part)) strict, without rowid;
create unique index root_name on root (root, part);

create table promise (
  root_no int not null, part int not null, child_no int not null, id text not null, state int not null, due_at int,
  created_at int not null, settled_at int, target text, function text, doc blob not null, sum int not null,
  primary key (root_no, part, child_no)) strict;
create index promise_due on promise (due_at, root_no, part, child_no) where due_at is not null;
create index promise_created on promise (created_at, root_no, part, child_no);

create table outbox (
  part int not null, epoch int not null, seq int not null, n int not null, dst int not null, doc blob not null,
  sum int not null, primary key (part, epoch, seq, n)) strict, without rowid;

create table inbox (
  part int not null, src int not null, epoch int not null, seq int not null, n int not null, sum int not null,
  primary key (part, src)) strict, without rowid;
";

/// Makes the tables, whole or not at all.
pub(super) fn create(conn: &mut Connection, parts: u16) -> rusqlite::Result<()> {
    let transaction = conn.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(&format!("pragma application_id = {APPLICATION}"))?;
    let header = [("format", FORMAT), ("parts", u32::from(parts))];
    for (name, value) in header {
        set_header(&transaction, name, &value.to_string())?;
    }
    for part in 0..parts {
        let row = PartRow::default();
        transaction.execute(
            "insert into part values (?1, 0, 0, 0, 0, 0, 0, ?2)",
            params![part, sum::part(part, &row)],
        )?;
    }
    transaction.commit()
}

/// Whether nothing was ever written to the file, not even by somebody else.
pub(super) fn is_empty(conn: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = conn.query_row("select count(*) from sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0 && application(conn)? == 0)
}

/// Whether anybody ever took the partitions, which comes after a start that succeeded.
pub(super) fn was_served(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row(
        "select exists (select 1 from part where epoch > 0)",
        [],
        |row| row.get(0),
    )
}

/// What the file's header says it belongs to.
pub(super) fn application(conn: &Connection) -> rusqlite::Result<i32> {
    conn.query_row("pragma application_id", [], |row| row.get(0))
}

/// What our own header says under a name, and whether that is what was written; `None` if it says nothing.
pub(super) fn header(conn: &Connection, name: &str) -> rusqlite::Result<Option<(String, bool)>> {
    let select = "select value, sum from header where name = ?1";
    let found = conn.query_row(select, [name], |row| {
        let (value, kept): (String, i64) = (row.get(0)?, row.get(1)?);
        let is_sound = kept == sum::header(name, &value);
        Ok((value, is_sound))
    });
    found.optional()
}

/// Writes one line of our own header.
pub(super) fn set_header(conn: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    let sum = sum::header(name, value);
    conn.execute(SET_HEADER, params![name, value, sum])?;
    Ok(())
}

const SET_HEADER: &str = "
insert into header (name, value, sum) values (?1, ?2, ?3)
on conflict (name) do update set value = excluded.value, sum = excluded.sum";

/// The first table or index that is not as this format makes it, by name. With another text SQLite reads other columns,
/// or keeps another order.
pub(super) fn differs(conn: &Connection) -> rusqlite::Result<Option<String>> {
    let wanted = Connection::open_in_memory()?;
    wanted.execute_batch(TABLES)?;
    let (wanted, found) = (objects(&wanted)?, objects(conn)?);
    let all = wanted.keys().chain(found.keys());
    let differs = |name: &&String| wanted.get(*name) != found.get(*name);
    Ok(all.into_iter().find(differs).cloned())
}

/// Everything that is declared: kind, table and text, by name.
fn objects(conn: &Connection) -> rusqlite::Result<BTreeMap<String, [Option<String>; 3]>> {
    let all =
        "select name, type, tbl_name, sql from sqlite_schema where name not like 'sqlite_stat%'";
    let mut statement = conn.prepare(all)?;
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?]))
    })?;
    rows.collect()
}
