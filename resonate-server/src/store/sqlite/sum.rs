//! A checksum in every row, over all its columns: SQLite has none, and a flipped bit must never pass for data.
//!
//! CRC-32C over the table's name and each column with its length, so that no two rows of different columns are fed alike.

use bytes::Bytes;
use resonate_core::Part;

use super::super::record::{Mark, Row};

/// A row of the table `part`, without its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PartRow {
    pub(super) epoch: u64,
    pub(super) seq: u64,
    pub(super) next_root_no: u64,
    pub(super) newest: i64,
    /// How many of its rows have not ended, and the wrapping sum of their checksums: a row that is missing shows.
    pub(super) unsettled_rows: i64,
    pub(super) unsettled_sum: i64,
}

pub(super) fn header(name: &str, value: &str) -> i64 {
    Sum::of("header")
        .bytes(name.as_bytes())
        .bytes(value.as_bytes())
        .end()
}

pub(super) fn part(part: u16, row: &PartRow) -> i64 {
    Sum::of("part")
        .number(part.into())
        .number(row.epoch)
        .number(row.seq)
        .number(row.next_root_no)
        .time(row.newest)
        .time(row.unsettled_rows)
        .time(row.unsettled_sum)
        .end()
}

pub(super) fn root(part: Part, root_no: u64, root: &str) -> i64 {
    Sum::of("root")
        .number(root_no)
        .number(part.0.into())
        .bytes(root.as_bytes())
        .end()
}

pub(super) fn promise(part: Part, row: &Row) -> i64 {
    Sum::of("promise")
        .number(row.root_no)
        .number(part.0.into())
        .number(row.child_no)
        .bytes(row.id.as_bytes())
        .number(row.state.into())
        .optional(row.due_at, Sum::time)
        .time(row.created_at)
        .optional(row.settled_at, Sum::time)
        .optional(row.target.as_deref(), |sum, text| {
            sum.bytes(text.as_bytes())
        })
        .optional(row.function.as_deref(), |sum, text| {
            sum.bytes(text.as_bytes())
        })
        .bytes(&row.doc)
        .end()
}

pub(super) fn outbox(part: Part, mark: Mark, dst: Part, doc: &Bytes) -> i64 {
    Sum::of("outbox")
        .number(part.0.into())
        .mark(mark)
        .number(dst.0.into())
        .bytes(doc)
        .end()
}

pub(super) fn inbox(part: Part, src: Part, mark: Mark) -> i64 {
    Sum::of("inbox")
        .number(part.0.into())
        .number(src.0.into())
        .mark(mark)
        .end()
}

struct Sum(u32);

impl Sum {
    fn of(table: &str) -> Self {
        Self(crc32c::crc32c(table.as_bytes()))
    }

    fn fixed(self, bytes: &[u8]) -> Self {
        Self(crc32c::crc32c_append(self.0, bytes))
    }

    fn number(self, number: u64) -> Self {
        self.fixed(&number.to_le_bytes())
    }

    fn time(self, time: i64) -> Self {
        self.fixed(&time.to_le_bytes())
    }

    fn mark(self, mark: Mark) -> Self {
        self.number(mark.epoch)
            .number(mark.seq)
            .number(mark.n.into())
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        self.fixed(&bytes.len().to_le_bytes()).fixed(bytes)
    }

    fn optional<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            None => self.fixed(&[0]),
            Some(value) => add(self.fixed(&[1]), value),
        }
    }

    fn end(self) -> i64 {
        self.0.into()
    }
}
