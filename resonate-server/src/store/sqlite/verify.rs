//! The whole file against itself: SQLite's own check, every checksum, every root, every count.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rusqlite::{Connection, Params};

use super::{
    super::error::Damage,
    decode,
    error::Trouble,
    read,
    sum::{self, PartRow},
};

/// After so many, one knows.
const DAMAGES_MAX: usize = 100;

pub(super) fn verify(conn: &Connection, file: &Path, number: u16) -> Result<Vec<Damage>, Trouble> {
    let mut damages = Damages {
        file,
        found: Vec::new(),
    };
    structure(conn, &mut damages)?;
    header(conn, &mut damages)?;
    let counted = promises(conn, &mut damages)?;
    parts(conn, number, &counted, &mut damages)?;
    each(
        conn,
        "select root_no, part, root, sum from root",
        [],
        &mut damages,
        |row| decode::root(row).map(drop),
    )?;
    each(
        conn,
        "select part, epoch, seq, n, dst, doc, sum from outbox",
        [],
        &mut damages,
        |row| decode::message(row).map(drop),
    )?;
    each(
        conn,
        "select part, src, epoch, seq, n, sum from inbox",
        [],
        &mut damages,
        |row| decode::mark(row).map(drop),
    )?;
    Ok(damages.found)
}

struct Damages<'a> {
    file: &'a Path,
    found: Vec<Damage>,
}

impl Damages<'_> {
    fn add(&mut self, table: &'static str, key: String, why: String) {
        if self.found.len() < DAMAGES_MAX {
            let file = self.file.to_owned();
            self.found.push(Damage {
                file,
                table,
                key,
                why,
            });
        }
    }
}

/// Pages, and tables against their indexes.
fn structure(conn: &Connection, damages: &mut Damages<'_>) -> Result<(), Trouble> {
    let mut statement = conn.prepare(&format!("pragma integrity_check({DAMAGES_MAX})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            damages.add("any", "the structure".to_owned(), line);
        }
    }
    Ok(())
}

/// What the file says of itself.
fn header(conn: &Connection, damages: &mut Damages<'_>) -> Result<(), Trouble> {
    each(
        conn,
        "select name, value, sum from header",
        [],
        damages,
        |sql| decode::header(sql).map(drop),
    )
}

/// Every row, and what there is of unsettled ones in each partition.
fn promises(
    conn: &Connection,
    damages: &mut Damages<'_>,
) -> Result<BTreeMap<u16, PartRow>, Trouble> {
    let mut counted: BTreeMap<u16, PartRow> = BTreeMap::new();
    each(conn, read::ROWS, [-1, -1, -1], damages, |sql| {
        let found = decode::found(sql)?;
        if found.row.settled_at.is_none() {
            let part = counted.entry(found.part.0).or_default();
            part.unsettled_rows += 1;
            part.unsettled_sum = part
                .unsettled_sum
                .wrapping_add(sum::promise(found.part, &found.row));
        }
        Ok(())
    })?;
    Ok(counted)
}

/// Every partition has its row, and counts what there is.
fn parts(
    conn: &Connection,
    number: u16,
    counted: &BTreeMap<u16, PartRow>,
    damages: &mut Damages<'_>,
) -> Result<(), Trouble> {
    let mut missing: BTreeSet<u16> = (0..number).collect();
    let all = "select part, epoch, seq, next_root_no, newest, unsettled_rows, unsettled_sum, sum from part";
    each(conn, all, [], damages, |sql| {
        let row = decode::part(sql)?;
        let number: u16 = sql.get(0)?;
        missing.remove(&number);
        let counted = counted.get(&number).copied().unwrap_or_default();
        let (kept, found) = (
            (row.unsettled_rows, row.unsettled_sum),
            (counted.unsettled_rows, counted.unsettled_sum),
        );
        if kept == found {
            return Ok(());
        }
        let why = format!(
            "it counts {} unsettled rows (sum {:x}), there are {} (sum {:x})",
            kept.0, kept.1, found.0, found.1
        );
        Err(Trouble::Damaged {
            table: "part",
            key: format!("part {number}"),
            why,
        })
    })?;
    for number in missing {
        damages.add(
            "part",
            format!("part {number}"),
            "there is no sound row for it".to_owned(),
        );
    }
    Ok(())
}

fn each(
    conn: &Connection,
    sql: &str,
    keys: impl Params,
    damages: &mut Damages<'_>,
    mut check: impl FnMut(&rusqlite::Row<'_>) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query(keys)?;
    while let Some(row) = rows.next()? {
        match check(row) {
            Err(Trouble::Damaged { table, key, why }) => damages.add(table, key, why),
            other => other?,
        }
    }
    Ok(())
}
