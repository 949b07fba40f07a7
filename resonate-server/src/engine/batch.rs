//! What a round will write: one batch per partition that it changed, all of them in one lane.
//!
//! How much a round may write is bounded here: a settlement's place within its batch has 16 bits.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use resonate_core::{Message, Part, Record, Seq, Stamp, Timestamp, limits};
use resonate_proto::client::LogPosition;

use super::{
    disk,
    memory::{PageRow, RowNo},
};
use crate::{
    limits::ROUND_BYTES,
    store::{Batch, Head, Mark, Row},
};

/// Settlements that one request may cause, with its wave; a round stops taking requests this far from the limit.
const SETTLEMENTS_OF_ONE_REQUEST: u64 = 10_000;

/// Where each partition is.
#[derive(Debug)]
pub(super) struct Parts {
    heads: Vec<Head>,
    /// Answers since the last batch of each.
    answers: Vec<u64>,
}

impl Parts {
    pub(super) fn new(mut heads: Vec<Head>) -> Option<Self> {
        heads.sort_by_key(|head| head.part);
        let is_complete = heads.iter().map(|head| head.part.0).eq(0..limits::PARTS);
        let answers = vec![0; heads.len()];
        is_complete.then_some(Self { heads, answers })
    }

    pub(super) fn heads(&self) -> &[Head] {
        &self.heads
    }

    fn head(&self, part: Part) -> &Head {
        self.heads
            .get(usize::from(part.0))
            .expect("a part is below PARTS, and there is a head for each")
    }

    /// Where the next answer about this partition stands: in the batch under way, after all answers before it.
    pub(super) fn place(&mut self, part: Part) -> LogPosition {
        let (epoch, seq) = (self.head(part).epoch, self.head(part).seq + 1);
        let answers = self.answers.get_mut(usize::from(part.0));
        let answers = answers.expect("there is a count for each head");
        *answers += 1;
        let n = *answers - 1;
        LogPosition {
            part,
            epoch,
            seq,
            n,
        }
    }

    fn committed(&mut self, part: Part) {
        let at = usize::from(part.0);
        if let (Some(head), Some(answers)) = (self.heads.get_mut(at), self.answers.get_mut(at)) {
            head.seq += 1;
            *answers = 0;
        }
    }
}

/// The batches of a round, before they are committed.
#[derive(Debug)]
pub(super) struct Lane {
    now: Timestamp,
    open: BTreeMap<Part, Open>,
    bytes: usize,
}

/// The batch of one partition.
#[derive(Debug)]
pub(super) struct Open {
    epoch: u64,
    number: u64,
    pub(super) stamp: Stamp,
    roots: Vec<(Arc<str>, u64)>,
    rows: BTreeMap<(u64, u64), Written>,
    messages: Vec<Message>,
    inbox: BTreeMap<Part, Mark>,
}

/// What a row is to hold.
#[derive(Debug)]
enum Written {
    Record(Arc<Record>),
    Page(PageRow),
}

impl Lane {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            open: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// The batch of a partition.
    pub(super) fn open(&mut self, part: Part, parts: &Parts) -> &mut Open {
        match self.open.entry(part) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => {
                let head = parts.head(part);
                let number = head.seq + 1;
                place.insert(Open {
                    epoch: head.epoch,
                    number,
                    stamp: Stamp {
                        now: self.now,
                        seq: Seq::before_batch(number),
                    },
                    roots: Vec::new(),
                    rows: BTreeMap::new(),
                    messages: Vec::new(),
                    inbox: BTreeMap::new(),
                })
            }
        }
    }

    /// Writes a changed record, in place of what this round wrote of it before.
    pub(super) fn write(&mut self, part: Part, root: &Arc<str>, row: RowNo, record: &Arc<Record>) {
        let Some(open) = self.open.get_mut(&part) else {
            return;
        };
        if row.is_new_root {
            open.roots.push((Arc::clone(root), row.root_no));
        }
        let arguments = record.promise.call().map_or(0, |call| call.param.bytes());
        let outcome = record
            .promise
            .settled()
            .map_or(0, |settled| settled.outcome.bytes());
        self.bytes += ROW_BYTES + arguments + outcome;
        let record = Written::Record(Arc::clone(record));
        open.rows.insert((row.root_no, row.child_no), record);
    }

    /// Writes a changed page of awaiters.
    pub(super) fn write_page(&mut self, part: Part, row: RowNo, written: PageRow) {
        let Some(open) = self.open.get_mut(&part) else {
            return;
        };
        let names = written.page.proxies.iter();
        self.bytes += ROW_BYTES + names.map(|proxy| proxy.as_str().len()).sum::<usize>();
        let page = Written::Page(written);
        open.rows.insert((row.root_no, row.child_no), page);
    }

    /// Writes messages to the outbox.
    pub(super) fn send(&mut self, part: Part, messages: Vec<Message>) {
        if let Some(open) = self.open.get_mut(&part) {
            self.bytes += messages.iter().map(message_bytes).sum::<usize>();
            open.messages.extend(messages);
        }
    }

    /// The messages of `source` are applied up to this mark.
    pub(super) fn take(&mut self, part: Part, source: Part, mark: Mark) {
        if let Some(open) = self.open.get_mut(&part) {
            open.inbox.insert(source, mark);
        }
    }

    /// Bytes written so far, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// True if the round may take one more request.
    pub(super) fn has_room(&self) -> bool {
        self.has_room_below(ROUND_BYTES)
    }

    /// True if the round may take one more request before it has written this many bytes.
    pub(super) fn has_room_below(&self, bytes: usize) -> bool {
        !self.is_full() && self.bytes < bytes
    }

    /// True if a partition's batch has settled more than it has places.
    pub(super) fn has_overrun(&self, part: Part) -> bool {
        let open = self.open.get(&part);
        open.is_some_and(|open| open.settlements() > u64::from(u16::MAX))
    }

    /// True if one more request could run out of places in a partition's batch.
    fn is_full(&self) -> bool {
        let most = limits::ROUND_SETTLEMENTS as u64 - SETTLEMENTS_OF_ONE_REQUEST;
        self.open.values().any(|open| open.settlements() > most)
    }

    /// The batches that write something.
    pub(super) fn batches(&self) -> Vec<Batch> {
        let written = self.open.iter().filter(|(_, open)| open.has_writes());
        written.map(|(part, open)| open.batch(*part)).collect()
    }

    /// The lane is durable: what it says of messages, partition by partition.
    pub(super) fn committed(self, parts: &mut Parts, messages: &mut super::messages::Messages) {
        for (part, open) in self.open {
            if !open.has_writes() {
                continue;
            }
            parts.committed(part);
            for (source, mark) in open.inbox {
                messages.applied(part, source, mark);
            }
            for (n, message) in (0..).zip(open.messages) {
                messages.sent(
                    part,
                    Mark {
                        epoch: open.epoch,
                        seq: open.number,
                        n,
                    },
                    message,
                );
            }
        }
    }
}

/// What a row takes besides its payloads, and a message as well.
const ROW_BYTES: usize = 400;

fn message_bytes(message: &Message) -> usize {
    let payload = match message {
        Message::Create { promise, .. } => {
            promise.call.as_ref().map_or(0, |call| call.param.bytes())
        }
        Message::Tell { outcome, .. } | Message::Answer { outcome, .. } => outcome.bytes(),
        Message::Subscribe { .. }
        | Message::Unsubscribe { .. }
        | Message::Cancel { .. }
        | Message::Wave { .. }
        | Message::Answers { .. }
        | Message::Trim { .. } => 0,
    };
    ROW_BYTES + payload
}

impl Written {
    fn row(&self, (root_no, child_no): (u64, u64)) -> Row {
        match self {
            Self::Record(record) => disk::write_record(record, root_no, child_no),
            Self::Page(page) => disk::write_page(page, root_no, child_no),
        }
    }
}

impl Open {
    fn settlements(&self) -> u64 {
        self.stamp.seq.0 - Seq::before_batch(self.number).0
    }

    fn has_writes(&self) -> bool {
        !self.rows.is_empty() || !self.messages.is_empty() || !self.inbox.is_empty()
    }

    fn batch(&self, part: Part) -> Batch {
        let rows = self.rows.iter();
        let mut batch = Batch::new(part, self.epoch, self.number);
        batch.roots = self
            .roots
            .iter()
            .map(|(root, root_no)| (root.to_string(), *root_no))
            .collect();
        batch.rows = rows.map(|(key, written)| written.row(*key)).collect();
        batch.outbox = (0..)
            .zip(&self.messages)
            .map(|(n, message)| disk::write_message(message, n))
            .collect();
        batch.inbox = self
            .inbox
            .iter()
            .map(|(source, mark)| (*source, *mark))
            .collect();
        batch
    }
}
