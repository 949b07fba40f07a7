//! Pages out of the file.

use resonate_core::Part;
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::{
    super::{
        Reader,
        batch::OutboxRow,
        error::LoadError,
        record::{Due, Filling, Found, Key, Limit, Mark, Page, Place, Tree},
        search::{Hits, Order, Search, Walk},
    },
    db::Db,
    decode,
    error::Trouble,
};

const ROOT: &str = "select root_no, part, root, sum from root where root = ?1 and part = ?2";
const TREE: &str = "
select root_no, part, child_no, id, state, due_at, created_at, settled_at, target, function, doc, sum
  from promise where root_no = ?1 and part = ?2 and child_no > ?3 order by child_no";
const OUTBOX: &str = "
select part, epoch, seq, n, dst, doc, sum from outbox where part = ?1 and (epoch, seq, n) > (?2, ?3, ?4)
 order by epoch, seq, n";
const INBOX: &str = "select part, src, epoch, seq, n, sum from inbox where part = ?1 order by src";
/// A partition's own row.
pub(super) const PART: &str = "
select part, epoch, seq, next_root_no, newest, unsettled_rows, unsettled_sum, sum from part where part = ?1";

/// A statement for rows with their roots. The index is named, so that one that does not fit it is an error and not slow.
macro_rules! found {
    ($index:literal, $rest:literal) => {
        concat!(
            "select p.root_no, p.part, p.child_no, p.id, p.state, p.due_at, p.created_at, p.settled_at, p.target,
                    p.function, p.doc, p.sum, r.root, r.sum
               from promise p indexed by ", $index, "
               left join root r on r.root_no = p.root_no and r.part = p.part ", $rest
        )
    };
}
pub(super) const DUE: &str = found!("promise_due", "
where p.due_at is not null and p.due_at < ?1 and (p.due_at, p.root_no, p.part, p.child_no) > (?2, ?3, ?4, ?5)
  and (?6 is null or p.part = ?6) order by p.due_at, p.root_no, p.part, p.child_no");
pub(super) const OLDEST: &str = found!(
    "promise_created",
    "
where (p.created_at, p.root_no, p.part, p.child_no) > (?1, ?2, ?3, ?4)
order by p.created_at, p.root_no, p.part, p.child_no"
);
pub(super) const NEWEST: &str = found!(
    "promise_created",
    "
where (p.created_at, p.root_no, p.part, p.child_no) < (?1, ?2, ?3, ?4)
order by p.created_at desc, p.root_no desc, p.part desc, p.child_no desc"
);
pub(super) const ROWS: &str = found!(
    "sqlite_autoindex_promise_1",
    "
where (p.root_no, p.part, p.child_no) > (?1, ?2, ?3) order by p.root_no, p.part, p.child_no"
);

/// The statements whose plan must follow an index.
#[cfg(test)]
pub(super) const PLANS: &[&str] = &[ROOT, TREE, OUTBOX, INBOX, PART, DUE, OLDEST, NEWEST, ROWS];

impl Reader for Db {
    fn tree(
        &mut self,
        part: Part,
        root: &str,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Option<Tree>, LoadError> {
        self.read("promise", |conn| {
            let Some(root_no) = root_no(conn, part, root)? else {
                return Ok(None);
            };
            let keys = params![column(root_no), part.0, after.map_or(-1, column)];
            let page = page(conn, TREE, keys, limit, decode::row, |row| row.doc.len())?;
            Ok(Some(Tree { root_no, page }))
        })
    }

    fn due(&mut self, due: &Due, limit: Limit) -> Result<Page<Found>, LoadError> {
        self.read("promise", |conn| {
            let (at, [root_no, part, child_no]) = cursor(due.cursor(), due.from, BEFORE_ALL);
            let keys = params![
                due.to,
                at,
                root_no,
                part,
                child_no,
                due.part.map(|part| part.0)
            ];
            page(conn, DUE, keys, limit, decode::found, |found| {
                found.row.doc.len()
            })
        })
    }

    fn search(&mut self, search: &Search, limit: Limit) -> Result<Hits, LoadError> {
        self.read("promise", |conn| match search.order {
            Order::OldestFirst => walk(
                conn,
                OLDEST,
                cursor(search.after, i64::MIN, BEFORE_ALL),
                search,
                limit,
            ),
            Order::NewestFirst => walk(
                conn,
                NEWEST,
                cursor(search.after, i64::MAX, AFTER_ALL),
                search,
                limit,
            ),
        })
    }

    fn outbox(
        &mut self,
        part: Part,
        after: Option<Mark>,
        limit: Limit,
    ) -> Result<Page<(Mark, OutboxRow)>, LoadError> {
        self.read("outbox", |conn| {
            let (epoch, seq, n) = after.map_or((-1, -1, -1), |mark| {
                (column(mark.epoch), column(mark.seq), i64::from(mark.n))
            });
            let keys = params![part.0, epoch, seq, n];
            page(
                conn,
                OUTBOX,
                keys,
                limit,
                decode::message,
                |(_, message)| message.doc.len(),
            )
        })
    }

    fn inbox(&mut self, part: Part) -> Result<Vec<(Part, Mark)>, LoadError> {
        let all = Limit {
            rows: usize::MAX,
            bytes: usize::MAX,
        };
        self.read("inbox", |conn| {
            Ok(page(conn, INBOX, [part.0], all, decode::mark, |_| 0)?.rows)
        })
    }

    fn rows(&mut self, after: Option<Key>, limit: Limit) -> Result<Page<Found>, LoadError> {
        self.read("promise", |conn| {
            let keys = after.map_or(BEFORE_ALL, columns);
            page(conn, ROWS, keys, limit, decode::found, |found| {
                found.row.doc.len()
            })
        })
    }
}

/// A key before and after every other, as columns.
const BEFORE_ALL: [i64; 3] = [-1; 3];
const AFTER_ALL: [i64; 3] = [i64::MAX; 3];

/// As a column holds it. No number that was written is greater, see `batch::check`.
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn columns(key: Key) -> [i64; 3] {
    [column(key.root_no), key.part.0.into(), column(key.child_no)]
}

fn cursor(after: Option<Place>, at: i64, key: [i64; 3]) -> (i64, [i64; 3]) {
    after.map_or((at, key), |place| (place.at, columns(place.key)))
}

fn root_no(conn: &Connection, part: Part, name: &str) -> Result<Option<u64>, Trouble> {
    let mut statement = conn.prepare_cached(ROOT)?;
    let found = statement
        .query_row(params![name, part.0], |row| Ok(decode::root(row)))
        .optional()?;
    Ok(found.transpose()?.map(|(_, root_no, _)| root_no))
}

fn page<T>(
    conn: &Connection,
    sql: &str,
    keys: impl Params,
    limit: Limit,
    decode: fn(&rusqlite::Row<'_>) -> Result<T, Trouble>,
    bytes: fn(&T) -> usize,
) -> Result<Page<T>, Trouble> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(keys)?;
    let mut filling = Filling::new(limit);
    while let Some(row) = rows.next()? {
        if filling.is_full() {
            return Ok(filling.end(true));
        }
        let row = decode(row)?;
        let bytes = bytes(&row);
        filling.push(row, bytes);
    }
    Ok(filling.end(false))
}

fn walk(
    conn: &Connection,
    sql: &str,
    (at, [root_no, part, child_no]): (i64, [i64; 3]),
    search: &Search,
    limit: Limit,
) -> Result<Hits, Trouble> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params![at, root_no, part, child_no])?;
    let mut walk = Walk::new(search, limit);
    while let Some(row) = rows.next()? {
        if walk.has_enough() {
            return Ok(walk.end(true));
        }
        walk.offer(decode::found(row)?);
    }
    Ok(walk.end(false))
}
