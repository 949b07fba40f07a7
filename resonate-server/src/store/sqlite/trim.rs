//! Out of the file: acknowledged messages, and rows that ended long ago.

use resonate_core::Part;
use rusqlite::{Connection, params};

use super::{
    super::{batch::Trim, record::Mark},
    error::Trouble,
    read::column,
};

const OLD_MESSAGES: &str = "
select epoch, seq, n from outbox where part = ?1 and (epoch, seq, n) <= (?2, ?3, ?4) order by epoch, seq, n limit ?5";
const END_MESSAGE: &str =
    "delete from outbox where part = ?1 and epoch = ?2 and seq = ?3 and n = ?4";
const OLD_ROWS: &str = "
select rowid from promise where root_no = ?1 and part = ?2 and settled_at < ?3 order by child_no desc limit ?4";
const ENDED_ROW: &str = "
delete from promise where root_no = ?1 and part = ?2 and child_no = ?3 and child_no > 0 and settled_at = ?4";
const END_ROW: &str = "delete from promise where rowid = ?1";
const END_ROOT: &str = "
delete from root where root_no = ?1 and part = ?2
   and not exists (select 1 from promise where root_no = ?1 and part = ?2)";

/// The statements whose plan must follow an index.
#[cfg(test)]
pub(super) const PLANS: &[&str] = &[
    OLD_MESSAGES,
    END_MESSAGE,
    OLD_ROWS,
    ENDED_ROW,
    END_ROW,
    END_ROOT,
];

pub(super) fn trim(conn: &Connection, what: &[Trim], limit: usize) -> Result<usize, Trouble> {
    let mut left = limit;
    for trim in what {
        left -= match *trim {
            Trim::Outbox { part, up_to } => outbox(conn, part, up_to, left)?,
            Trim::Tree {
                part,
                root_no,
                settled_before,
            } => tree(conn, part, root_no, settled_before, left)?,
            Trim::Row { .. } if left == 0 => 0,
            Trim::Row {
                part,
                root_no,
                child_no,
                settled_at,
            } => {
                let keys = params![column(root_no), part.0, column(child_no), settled_at];
                conn.prepare_cached(ENDED_ROW)?.execute(keys)?
            }
        };
    }
    Ok(limit - left)
}

fn outbox(conn: &Connection, part: Part, up_to: Mark, limit: usize) -> Result<usize, Trouble> {
    let keys = params![
        part.0,
        column(up_to.epoch),
        column(up_to.seq),
        up_to.n,
        count(limit)
    ];
    let old: Vec<(i64, i64, u32)> = conn
        .prepare_cached(OLD_MESSAGES)?
        .query_map(keys, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut delete = conn.prepare_cached(END_MESSAGE)?;
    for (epoch, seq, n) in &old {
        delete.execute(params![part.0, epoch, seq, n])?;
    }
    Ok(old.len())
}

fn tree(
    conn: &Connection,
    part: Part,
    root_no: u64,
    before: i64,
    limit: usize,
) -> Result<usize, Trouble> {
    let root_no = column(root_no);
    let old: Vec<i64> = conn
        .prepare_cached(OLD_ROWS)?
        .query_map(params![root_no, part.0, before, count(limit)], |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    let mut delete = conn.prepare_cached(END_ROW)?;
    for rowid in &old {
        delete.execute([rowid])?;
    }
    conn.prepare_cached(END_ROOT)?
        .execute(params![root_no, part.0])?;
    Ok(old.len())
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
