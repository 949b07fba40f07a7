//! What one commit writes for one partition, and what must hold for it before a store touches anything.

use std::collections::BTreeSet;

use bytes::Bytes;
use resonate_core::Part;

use super::{
    error::Malformed,
    record::{Floor, Mark, Row},
};

/// What one commit writes for one partition. A batch never deletes: what has ended leaves by [`Trim`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The partition.
    pub part: Part,
    /// The epoch under which its owner took it.
    pub epoch: u64,
    /// The number of this batch: the number of the last one and 1.
    pub seq: u64,
    /// New roots and their numbers.
    pub roots: Vec<(String, u64)>,
    /// New and changed rows, each once, in its last state, below a root that is known or new here.
    pub rows: Vec<Row>,
    /// Messages to partitions.
    pub outbox: Vec<OutboxRow>,
    /// How far the messages of other partitions have been taken, each source once.
    pub inbox: Vec<(Part, Mark)>,
}

/// A message to a partition, written in the commit that causes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its number in the batch.
    pub n: u32,
    /// Where it goes.
    pub dst: Part,
    /// The message.
    pub doc: Bytes,
}

/// What is no longer needed. Each says by itself what it may remove, so a late one from a former owner does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// The messages of a partition up to and including a mark.
    Outbox {
        /// The partition that wrote them.
        part: Part,
        /// The last one that was acknowledged, with all before it.
        up_to: Mark,
    },
    /// The rows of a tree that ended before a moment, the highest child first; with the last row the root is forgotten.
    Tree {
        /// The partition.
        part: Part,
        /// The number of the root: a number is never used again, a name may be.
        root_no: u64,
        /// Only rows that ended before this.
        settled_before: i64,
    },
    /// One row of a tree that goes on. It must have ended when it is said to: a number may come again after a restart, a
    /// row that ended at that moment does not.
    Row {
        /// The partition.
        part: Part,
        /// The number of the root.
        root_no: u64,
        /// The number of the promise in its tree, not 0: the root goes with its tree.
        child_no: u64,
        /// When the row ended.
        settled_at: i64,
    },
}

impl Batch {
    /// A batch that writes nothing yet.
    #[must_use]
    pub fn new(part: Part, epoch: u64, seq: u64) -> Self {
        Self {
            part,
            epoch,
            seq,
            roots: Vec::new(),
            rows: Vec::new(),
            outbox: Vec::new(),
            inbox: Vec::new(),
        }
    }

    /// The place of one of its messages.
    pub(super) fn mark(&self, message: &OutboxRow) -> Mark {
        Mark {
            epoch: self.epoch,
            seq: self.seq,
            n: message.n,
        }
    }

    /// Greater than the number of every new root.
    pub(super) fn next_root_no(&self) -> u64 {
        let numbers = self.roots.iter().map(|(_, root_no)| root_no + 1);
        numbers.max().unwrap_or(0)
    }

    /// The newest moment its rows speak of in the past.
    pub(super) fn newest(&self) -> i64 {
        self.rows.iter().map(Row::newest).max().unwrap_or(0)
    }
}

/// The greatest number a store keeps: what a signed column holds.
const NUMBER_MAX: u64 = i64::MAX.unsigned_abs();

/// Checks what can be said about a lane without looking at the store.
pub(super) fn check(lane: &[Batch], parts: u16) -> Result<(), Malformed> {
    let mut seen = BTreeSet::new();
    for batch in lane {
        let wrong = |why: String| Malformed {
            part: batch.part,
            why,
        };
        if !seen.insert(batch.part) {
            return Err(wrong("it has two batches in one lane".to_owned()));
        }
        check_parts(batch, parts).map_err(wrong)?;
        check_numbers(batch).map_err(wrong)?;
        check_repetitions(batch).map_err(wrong)?;
    }
    Ok(())
}

/// Checks what a new owner has seen.
pub(super) fn check_floors(floors: &[Floor], parts: u16) -> Result<(), Malformed> {
    for floor in floors {
        let wrong = |why: String| Malformed {
            part: floor.part,
            why,
        };
        if floor.part.0 >= parts {
            return Err(wrong(format!("it does not exist, there are {parts}")));
        }
        if floor.epoch.max(floor.seq) >= NUMBER_MAX {
            return Err(wrong(format!("{floor:?} is too great")));
        }
    }
    Ok(())
}

pub(super) fn root_exists(part: Part, root: &str, root_no: u64) -> Malformed {
    let why = format!("root {root:?} or its number {root_no} exists already");
    Malformed { part, why }
}

pub(super) fn root_unknown(part: Part, row: &Row) -> Malformed {
    let (root_no, child_no) = (row.root_no, row.child_no);
    let why = format!("row {root_no}/{child_no} names a root that is neither known nor new");
    Malformed { part, why }
}

pub(super) fn identity_changed(part: Part, row: &Row) -> Malformed {
    let (root_no, child_no) = (row.root_no, row.child_no);
    let why = format!("row {root_no}/{child_no} exists with another id or time of creation");
    Malformed { part, why }
}

fn check_parts(batch: &Batch, parts: u16) -> Result<(), String> {
    let destinations = batch.outbox.iter().map(|message| message.dst);
    let sources = batch.inbox.iter().map(|(source, _)| *source);
    let named = [batch.part].into_iter().chain(destinations).chain(sources);
    match named.into_iter().find(|part| part.0 >= parts) {
        Some(part) => Err(format!(
            "partition {part} does not exist, there are {parts}"
        )),
        None => Ok(()),
    }
}

fn check_numbers(batch: &Batch) -> Result<(), String> {
    let rows = batch.rows.iter();
    let marks = batch.inbox.iter().map(|(_, mark)| mark);
    let numbers = [batch.epoch, batch.seq]
        .into_iter()
        .chain(batch.roots.iter().map(|(_, root_no)| *root_no))
        .chain(rows.flat_map(|row| [row.root_no, row.child_no]))
        .chain(marks.flat_map(|mark| [mark.epoch, mark.seq]));
    match numbers.into_iter().find(|number| *number >= NUMBER_MAX) {
        Some(number) => Err(format!("the number {number} is too great")),
        None => Ok(()),
    }
}

fn check_repetitions(batch: &Batch) -> Result<(), String> {
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (root, root_no) in &batch.roots {
        if !names.insert(root) || !numbers.insert(root_no) {
            return Err(format!(
                "root {root:?} or its number {root_no} is in it twice"
            ));
        }
    }
    let mut keys = BTreeSet::new();
    for row in &batch.rows {
        if !keys.insert((row.root_no, row.child_no)) {
            let (root_no, child_no) = (row.root_no, row.child_no);
            return Err(format!("row {root_no}/{child_no} is in it twice"));
        }
    }
    let mut messages = BTreeSet::new();
    if let Some(twice) = batch
        .outbox
        .iter()
        .find(|message| !messages.insert(message.n))
    {
        return Err(format!("message {} is in it twice", twice.n));
    }
    let mut sources = BTreeSet::new();
    if let Some((twice, _)) = batch
        .inbox
        .iter()
        .find(|(source, _)| !sources.insert(source))
    {
        return Err(format!("the mark of partition {twice} is in it twice"));
    }
    Ok(())
}
