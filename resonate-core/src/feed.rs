//! What goes in and out of a running execution beside its calls: the stream that it emits, the inbox that it reads, how far
//! it is. The items are rows of their own, slips, so that no record grows with them.

use serde::{Deserialize, Serialize};

use crate::{Payload, PromiseId, SettleKey, Timestamp};

/// What is known of them in the record of the execution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feeds {
    /// What it emits.
    pub stream: Stream,
    /// What it is sent.
    pub inbox: Inbox,
    /// How far it says it is.
    pub progress: Option<Progress>,
}

/// What an execution emits. Offsets begin with 0 and go on over all its generations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The oldest item that is kept.
    pub first: u64,
    /// The offset of the item that comes next.
    pub next: u64,
    /// Bytes of what is kept.
    pub bytes: u64,
    /// How many items this generation has written: a replay begins to write with that one.
    pub emitted: u64,
}

/// What an execution is sent. Messages are numbered in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    /// The oldest message that is not read.
    pub first: u64,
    /// The number of the message that comes next.
    pub next: u64,
    /// Bytes of what is not read.
    pub bytes: u64,
    /// Of the latest messages that had one, oldest first: the same again is the same message.
    pub keys: Vec<SettleKey>,
}

/// How far an execution says it is: `done` of `total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is done.
    pub done: u64,
    /// Of how much.
    pub total: u64,
}

/// Which way items go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Feed {
    /// Out: what an execution emits.
    Stream,
    /// In: what it is sent.
    Inbox,
}

/// Some items of a feed, one after the other: what one row keeps. It is written once and goes as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slip {
    /// Whose.
    pub of: PromiseId,
    /// Which of its feeds.
    pub feed: Feed,
    /// The number of its first item.
    pub number: u64,
    /// When they came.
    pub at: Timestamp,
    /// The items: of an inbox, one.
    pub items: Vec<Payload>,
}

/// Some items of a stream, as a reader gets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPage {
    /// The offset of the first of `items`; above what was asked for if what was before it is not kept any more.
    pub offset: u64,
    /// In order.
    pub items: Vec<Payload>,
    /// Nothing will follow: the execution has settled, and these are its last ones.
    pub is_over: bool,
}

impl Slip {
    /// The number after that of its last item.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.number + self.items.len() as u64
    }

    /// Bytes of its payloads.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.items.iter().map(Payload::bytes).sum()
    }
}

impl StreamPage {
    /// What to ask for next.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.offset + self.items.len() as u64
    }
}
