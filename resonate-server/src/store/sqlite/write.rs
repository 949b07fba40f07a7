//! Batches into the file: the fence, then the rows, then the heads, in one transaction.

use resonate_core::{
    Part,
    mutants::{Mutant, planted},
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use super::{
    super::{
        batch::{self, Batch},
        record::{Floor, Head},
    },
    decode,
    error::Trouble,
    read::{self, column},
    rows,
    sum::{self, PartRow},
};

const SET_PART: &str = "
update part set epoch = ?4, seq = ?5, next_root_no = ?6, newest = ?7, unsettled_rows = ?8, unsettled_sum = ?9, sum = ?10
 where part = ?1 and epoch = ?2 and seq = ?3";
const NEW_ROOT: &str = "insert into root (root_no, part, root, sum) values (?1, ?2, ?3, ?4)";
const NEW_MESSAGE: &str =
    "insert into outbox (part, epoch, seq, n, dst, doc, sum) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const SET_MARK: &str = "
insert into inbox (part, src, epoch, seq, n, sum) values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict (part, src) do update set epoch = excluded.epoch, seq = excluded.seq, n = excluded.n, sum = excluded.sum";

/// The statements whose plan must follow an index.
#[cfg(test)]
pub(super) const PLANS: &[&str] = &[SET_PART];

/// Raises every epoch.
pub(super) fn take(conn: &Connection, parts: u16, floors: &[Floor]) -> Result<Vec<Head>, Trouble> {
    (0..parts)
        .map(|part| take_one(conn, Part(part), floors))
        .collect()
}

fn take_one(conn: &Connection, part: Part, floors: &[Floor]) -> Result<Head, Trouble> {
    let before = part_row(conn, part)?;
    let mut row = before;
    for floor in floors.iter().filter(|floor| floor.part == part) {
        row.epoch = row.epoch.max(floor.epoch);
        row.seq = row.seq.max(floor.seq);
    }
    row.epoch += u64::from(!planted(Mutant::EpochNotRaised));
    set_part(conn, part, &before, &row)?;
    head(conn, part)
}

/// How far a partition is, without taking it.
pub(super) fn head(conn: &Connection, part: Part) -> Result<Head, Trouble> {
    let PartRow {
        epoch,
        seq,
        next_root_no,
        newest,
        ..
    } = part_row(conn, part)?;
    Ok(Head {
        part,
        epoch,
        seq,
        next_root_no,
        newest,
    })
}

/// Writes a lane, or nothing: then the partitions that refused it.
pub(super) fn commit(conn: &Connection, lane: &[Batch]) -> Result<Vec<Part>, Trouble> {
    let before: Vec<PartRow> = lane
        .iter()
        .map(|batch| part_row(conn, batch.part))
        .collect::<Result<_, _>>()?;
    let holds = |batch: &Batch, row: &PartRow| row.epoch == batch.epoch && row.seq + 1 == batch.seq;
    let fenced: Vec<Part> = lane
        .iter()
        .zip(&before)
        .filter(|(batch, row)| !holds(batch, row))
        .map(|(batch, _)| batch.part)
        .collect();
    if fenced.is_empty() || planted(Mutant::EpochNotChecked) {
        lane.iter()
            .zip(&before)
            .try_for_each(|(batch, before)| write(conn, batch, before))?;
    }
    Ok(fenced)
}

fn write(conn: &Connection, batch: &Batch, before: &PartRow) -> Result<(), Trouble> {
    let mut row = *before;
    roots(conn, batch)?;
    rows::write(conn, batch, &mut row)?;
    outbox(conn, batch)?;
    inbox(conn, batch)?;
    row.seq = batch.seq;
    row.next_root_no = row.next_root_no.max(batch.next_root_no());
    row.newest = row.newest.max(batch.newest());
    set_part(conn, batch.part, before, &row)
}

fn roots(conn: &Connection, batch: &Batch) -> Result<(), Trouble> {
    let part = batch.part;
    let mut insert = conn.prepare_cached(NEW_ROOT)?;
    for (root, root_no) in &batch.roots {
        let sum = sum::root(part, *root_no, root);
        let inserted = insert.execute(params![column(*root_no), part.0, root, sum]);
        inserted.map_err(|error| {
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::ConstraintViolation)
            ) {
                batch::root_exists(part, root, *root_no).into()
            } else {
                Trouble::from(error)
            }
        })?;
    }
    Ok(())
}

fn outbox(conn: &Connection, batch: &Batch) -> Result<(), Trouble> {
    let (part, mut insert) = (batch.part, conn.prepare_cached(NEW_MESSAGE)?);
    for message in &batch.outbox {
        let mark = batch.mark(message);
        let sum = sum::outbox(part, mark, message.dst, &message.doc);
        let (epoch, seq) = (column(mark.epoch), column(mark.seq));
        insert.execute(params![
            part.0,
            epoch,
            seq,
            mark.n,
            message.dst.0,
            &message.doc[..],
            sum
        ])?;
    }
    Ok(())
}

fn inbox(conn: &Connection, batch: &Batch) -> Result<(), Trouble> {
    let (part, mut insert) = (batch.part, conn.prepare_cached(SET_MARK)?);
    for (source, mark) in &batch.inbox {
        let sum = sum::inbox(part, *source, *mark);
        insert.execute(params![
            part.0,
            source.0,
            column(mark.epoch),
            column(mark.seq),
            mark.n,
            sum
        ])?;
    }
    Ok(())
}

fn part_row(conn: &Connection, part: Part) -> Result<PartRow, Trouble> {
    let mut select = conn.prepare_cached(read::PART)?;
    let row = select
        .query_row([part.0], |row| Ok(decode::part(row)))
        .optional()?;
    row.unwrap_or_else(|| Err(part_lost(part)))
}

/// The fence is this update and not the select before it: it changes a row that is still as it was read, or nothing.
fn set_part(conn: &Connection, part: Part, before: &PartRow, row: &PartRow) -> Result<(), Trouble> {
    let changed = conn.prepare_cached(SET_PART)?.execute(params![
        part.0,
        column(before.epoch),
        column(before.seq),
        column(row.epoch),
        column(row.seq),
        column(row.next_root_no),
        row.newest,
        row.unsettled_rows,
        row.unsettled_sum,
        sum::part(part.0, row)
    ])?;
    if changed == 1 {
        Ok(())
    } else {
        Err(part_lost(part))
    }
}

fn part_lost(part: Part) -> Trouble {
    let why = "the partition's row is not where it was".to_owned();
    Trouble::Damaged {
        table: "part",
        key: format!("part {part}"),
        why,
    }
}
