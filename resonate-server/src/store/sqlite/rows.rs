//! The rows of a batch: new ones go to the end, changed ones where they are.

use std::collections::BTreeSet;

use resonate_core::Part;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    super::{
        batch::{self, Batch},
        record::Row,
    },
    error::Trouble,
    read::column,
    sum::{self, PartRow},
};

const HAS_ROOT: &str = "select 1 from root where root_no = ?1 and part = ?2";
const OLD_ROW: &str = "
select rowid, id, created_at, settled_at, sum from promise where root_no = ?1 and part = ?2 and child_no = ?3";
const NEW_ROW: &str = "
insert into promise (root_no, part, child_no, id, state, due_at, created_at, settled_at, target, function, doc, sum)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const SET_ROW: &str = "
update promise set state = ?2, due_at = ?3, settled_at = ?4, target = ?5, function = ?6, doc = ?7, sum = ?8
 where rowid = ?1";

/// The statements whose plan must follow an index.
#[cfg(test)]
pub(super) const PLANS: &[&str] = &[HAS_ROOT, OLD_ROW, SET_ROW];

/// Writes them, and keeps count of those that have not ended.
pub(super) fn write(
    conn: &Connection,
    batch: &Batch,
    part_row: &mut PartRow,
) -> Result<(), Trouble> {
    let part = batch.part;
    let mut known: BTreeSet<u64> = batch.roots.iter().map(|(_, root_no)| *root_no).collect();
    let new = known.clone();
    for row in &batch.rows {
        let sum = sum::promise(part, row);
        let old = if new.contains(&row.root_no) {
            None
        } else {
            old_row(conn, part, row)?
        };
        match &old {
            Some(old) => set_row(conn, part, old, row, sum)?,
            None if known.contains(&row.root_no) || has_root(conn, part, row.root_no)? => {
                new_row(conn, part, row, sum)?
            }
            None => return Err(batch::root_unknown(part, row).into()),
        }
        known.insert(row.root_no);
        if let Some(old) = old.filter(|old| old.is_unsettled) {
            part_row.unsettled_rows -= 1;
            part_row.unsettled_sum = part_row.unsettled_sum.wrapping_sub(old.sum);
        }
        if row.settled_at.is_none() {
            part_row.unsettled_rows += 1;
            part_row.unsettled_sum = part_row.unsettled_sum.wrapping_add(sum);
        }
    }
    Ok(())
}

/// What has to be known of a row that is written again.
struct OldRow {
    rowid: i64,
    id: String,
    created_at: i64,
    is_unsettled: bool,
    sum: i64,
}

fn old_row(conn: &Connection, part: Part, row: &Row) -> Result<Option<OldRow>, Trouble> {
    let mut select = conn.prepare_cached(OLD_ROW)?;
    let keys = params![column(row.root_no), part.0, column(row.child_no)];
    let old = select.query_row(keys, |old| {
        Ok(OldRow {
            rowid: old.get(0)?,
            id: old.get(1)?,
            created_at: old.get(2)?,
            is_unsettled: old.get::<_, Option<i64>>(3)?.is_none(),
            sum: old.get(4)?,
        })
    });
    Ok(old.optional()?)
}

fn has_root(conn: &Connection, part: Part, root_no: u64) -> Result<bool, Trouble> {
    let mut select = conn.prepare_cached(HAS_ROOT)?;
    Ok(select.exists(params![column(root_no), part.0])?)
}

fn new_row(conn: &Connection, part: Part, row: &Row, sum: i64) -> Result<(), Trouble> {
    let values = params![
        column(row.root_no),
        part.0,
        column(row.child_no),
        row.id,
        row.state,
        row.due_at,
        row.created_at,
        row.settled_at,
        row.target,
        row.function,
        &row.doc[..],
        sum
    ];
    conn.prepare_cached(NEW_ROW)?.execute(values)?;
    Ok(())
}

fn set_row(
    conn: &Connection,
    part: Part,
    old: &OldRow,
    row: &Row,
    sum: i64,
) -> Result<(), Trouble> {
    if old.id != row.id || old.created_at != row.created_at {
        return Err(batch::identity_changed(part, row).into());
    }
    let values = params![
        old.rowid,
        row.state,
        row.due_at,
        row.settled_at,
        row.target,
        row.function,
        &row.doc[..],
        sum
    ];
    conn.prepare_cached(SET_ROW)?.execute(values)?;
    Ok(())
}
