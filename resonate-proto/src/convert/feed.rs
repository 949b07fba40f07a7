//! Streams and inboxes: what a record says of them, and their slips.

use bytes::Bytes;
use resonate_core::{Feed, Feeds, Inbox, Progress, SettleKey, Slip, Stream};

use super::{BadMessage, Reading, key_to_wire, read_all, write_all};
use crate::{generated::store::v1 as store, v1};

impl From<&Feeds> for v1::Feeds {
    fn from(feeds: &Feeds) -> Self {
        let Feeds {
            stream,
            inbox,
            progress,
        } = feeds;
        let keys = inbox.keys.iter();
        Self {
            stream_first: stream.first,
            stream_next: stream.next,
            stream_bytes: stream.bytes,
            emitted: stream.emitted,
            inbox_first: inbox.first,
            inbox_next: inbox.next,
            inbox_bytes: inbox.bytes,
            inbox_keys: keys.map(|key| key_to_wire(Some(*key))).collect(),
            progress: progress.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<v1::Feeds> for Feeds {
    type Error = BadMessage;
    fn try_from(wire: v1::Feeds) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Feeds");
        let key = |key: &Bytes| READING.key("inbox_keys", key);
        let keys: Vec<Option<SettleKey>> =
            wire.inbox_keys.iter().map(key).collect::<Result<_, _>>()?;
        Ok(Self {
            stream: Stream {
                first: wire.stream_first,
                next: wire.stream_next,
                bytes: wire.stream_bytes,
                emitted: wire.emitted,
            },
            inbox: Inbox {
                first: wire.inbox_first,
                next: wire.inbox_next,
                bytes: wire.inbox_bytes,
                keys: keys.into_iter().flatten().collect(),
            },
            progress: wire.progress.map(Into::into),
        })
    }
}

impl From<&Progress> for v1::Progress {
    fn from(Progress { done, total }: &Progress) -> Self {
        Self {
            done: *done,
            total: *total,
        }
    }
}

impl From<v1::Progress> for Progress {
    fn from(v1::Progress { done, total }: v1::Progress) -> Self {
        Self { done, total }
    }
}

impl From<&Slip> for store::Slip {
    fn from(slip: &Slip) -> Self {
        Self {
            of: slip.of.to_string(),
            inbox: slip.feed == Feed::Inbox,
            number: slip.number,
            at_ms: slip.at.as_millis(),
            items: write_all(&slip.items),
        }
    }
}

impl TryFrom<store::Slip> for Slip {
    type Error = BadMessage;
    fn try_from(wire: store::Slip) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Slip");
        Ok(Self {
            of: READING.id("of", wire.of)?,
            feed: if wire.inbox {
                Feed::Inbox
            } else {
                Feed::Stream
            },
            number: wire.number,
            at: READING.time("at_ms", wire.at_ms)?,
            items: read_all(wire.items)?,
        })
    }
}
