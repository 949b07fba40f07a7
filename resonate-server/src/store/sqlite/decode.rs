//! Rows of SQL to values, each against its checksum.

use bytes::Bytes;
use resonate_core::{
    Part,
    mutants::{Mutant, planted},
};
use rusqlite::{Row as SqlRow, types::Value};

use super::{
    super::{
        batch::OutboxRow,
        record::{Found, Mark, Row},
    },
    error::Trouble,
    sum::{self, PartRow},
};

pub(super) fn found(sql: &SqlRow<'_>) -> Result<Found, Trouble> {
    let (part, row) = promise(sql)?;
    let root = decode(sql, "root", |sql| {
        let name: String = sql.get(12)?;
        Ok((sql.get(13)?, sum::root(part, row.root_no, &name), name))
    })?;
    Ok(Found { part, root, row })
}

pub(super) fn row(sql: &SqlRow<'_>) -> Result<Row, Trouble> {
    promise(sql).map(|(_, row)| row)
}

fn promise(sql: &SqlRow<'_>) -> Result<(Part, Row), Trouble> {
    decode(sql, "promise", |sql| {
        let part = Part(sql.get(1)?);
        let row = Row {
            root_no: number(sql, 0)?,
            child_no: number(sql, 2)?,
            id: sql.get(3)?,
            state: sql.get(4)?,
            due_at: sql.get(5)?,
            created_at: sql.get(6)?,
            settled_at: sql.get(7)?,
            target: sql.get(8)?,
            function: sql.get(9)?,
            doc: Bytes::from(sql.get::<_, Vec<u8>>(10)?),
        };
        Ok((sql.get(11)?, sum::promise(part, &row), (part, row)))
    })
}

pub(super) fn root(sql: &SqlRow<'_>) -> Result<(Part, u64, String), Trouble> {
    decode(sql, "root", |sql| {
        let (part, root_no, name) = (Part(sql.get(1)?), number(sql, 0)?, sql.get::<_, String>(2)?);
        Ok((
            sql.get(3)?,
            sum::root(part, root_no, &name),
            (part, root_no, name),
        ))
    })
}

pub(super) fn message(sql: &SqlRow<'_>) -> Result<(Mark, OutboxRow), Trouble> {
    decode(sql, "outbox", |sql| {
        let mark = Mark {
            epoch: number(sql, 1)?,
            seq: number(sql, 2)?,
            n: sql.get(3)?,
        };
        let (dst, doc) = (Part(sql.get(4)?), Bytes::from(sql.get::<_, Vec<u8>>(5)?));
        let sum = sum::outbox(Part(sql.get(0)?), mark, dst, &doc);
        Ok((
            sql.get(6)?,
            sum,
            (
                mark,
                OutboxRow {
                    n: mark.n,
                    dst,
                    doc,
                },
            ),
        ))
    })
}

pub(super) fn mark(sql: &SqlRow<'_>) -> Result<(Part, Mark), Trouble> {
    decode(sql, "inbox", |sql| {
        let (part, source) = (Part(sql.get(0)?), Part(sql.get(1)?));
        let mark = Mark {
            epoch: number(sql, 2)?,
            seq: number(sql, 3)?,
            n: sql.get(4)?,
        };
        Ok((sql.get(5)?, sum::inbox(part, source, mark), (source, mark)))
    })
}

pub(super) fn header(sql: &SqlRow<'_>) -> Result<(String, String), Trouble> {
    decode(sql, "header", |sql| {
        let (name, value): (String, String) = (sql.get(0)?, sql.get(1)?);
        Ok((sql.get(2)?, sum::header(&name, &value), (name, value)))
    })
}

pub(super) fn part(sql: &SqlRow<'_>) -> Result<PartRow, Trouble> {
    decode(sql, "part", |sql| {
        let row = PartRow {
            epoch: number(sql, 1)?,
            seq: number(sql, 2)?,
            next_root_no: number(sql, 3)?,
            newest: sql.get(4)?,
            unsettled_rows: sql.get(5)?,
            unsettled_sum: sql.get(6)?,
        };
        Ok((sql.get(7)?, sum::part(sql.get(0)?, &row), row))
    })
}

/// A row as a value, if its columns are what they should be and its checksum, first, is the one computed, second.
fn decode<T>(
    sql: &SqlRow<'_>,
    table: &'static str,
    read: impl FnOnce(&SqlRow<'_>) -> rusqlite::Result<(i64, i64, T)>,
) -> Result<T, Trouble> {
    let why = match read(sql) {
        Ok((kept, computed, row)) if kept == computed || planted(Mutant::ChecksumNotVerified) => {
            return Ok(row);
        }
        Ok((kept, computed, _)) => {
            format!("its checksum is {computed:08x}, {kept:08x} was written")
        }
        Err(error) => error.to_string(),
    };
    // The first three columns of every table hold its key, or all there is of it.
    let key: Vec<String> = (0..3).map(|column| shown(sql, column)).collect();
    Err(Trouble::Damaged {
        table,
        key: key.join(", "),
        why,
    })
}

fn shown(sql: &SqlRow<'_>, column: usize) -> String {
    let name = sql.as_ref().column_name(column).unwrap_or("?");
    let value = match sql.get::<_, Value>(column) {
        Ok(Value::Integer(number)) => number.to_string(),
        Ok(Value::Text(text)) => format!("{text:?}"),
        Ok(Value::Null | Value::Real(_) | Value::Blob(_)) | Err(_) => "unreadable".to_owned(),
    };
    format!("{name} {value}")
}

fn number(sql: &SqlRow<'_>, index: usize) -> rusqlite::Result<u64> {
    let number: i64 = sql.get(index)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, number))
}
