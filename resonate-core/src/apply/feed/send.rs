//! Send: a message for a running execution. Who waits for one gets it; else it waits in the inbox, in the order of arrival.
//!
//! The same key again is the same message, as long as it is among the latest. Refuses `NotFound`, `NotACall`,
//! `AlreadySettled`, `TooLarge`, and `NotAllowed` when too much is unread.

use std::sync::Arc;

use super::{super::edit::Edit, receive};
use crate::{Feed, Payload, PromiseId, Refusal, Reply, SettleKey, Slip, limits};

pub(in super::super) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    message: Payload,
    key: Option<SettleKey>,
) -> Result<Reply, Refusal> {
    let record = Arc::clone(edit.known(id)?);
    let inbox = record.feeds().inbox;
    if key.is_some_and(|key| inbox.keys.contains(&key)) {
        return Ok(Reply::Promise { record, new: false });
    }
    if record.promise.call().is_none() {
        return Err(Refusal::NotACall(id.clone()));
    }
    if let Some(settled) = record.promise.settled() {
        return Err(Refusal::AlreadySettled {
            id: id.clone(),
            outcome: settled.outcome.clone(),
        });
    }
    let bytes = message.bytes();
    if bytes > limits::PAYLOAD_BYTES {
        return Err(Refusal::TooLarge {
            id: id.clone(),
            what: "the message",
            bytes,
            max: limits::PAYLOAD_BYTES,
        });
    }
    let unread = inbox.next - inbox.first;
    if unread >= limits::INBOX || inbox.bytes + bytes as u64 > limits::INBOX_BYTES as u64 {
        let why = format!(
            "its inbox is full: {unread} messages of {} bytes wait to be read; send it again when it has read some",
            inbox.bytes
        );
        return Err(Refusal::NotAllowed {
            id: id.clone(),
            why,
        });
    }
    let slip = Slip {
        of: id.clone(),
        feed: Feed::Inbox,
        number: inbox.next,
        at: edit.now(),
        items: vec![message],
    };
    edit.put_slip(Arc::new(slip));
    edit.update_feeds(id, |feeds| {
        let inbox = &mut feeds.inbox;
        inbox.next += 1;
        inbox.bytes += bytes as u64;
        inbox.keys.extend(key);
        let excess = inbox.keys.len().saturating_sub(limits::INBOX_KEYS);
        inbox.keys.drain(..excess);
    });
    receive::hand_out(edit, id);
    Ok(Reply::Promise {
        record: Arc::clone(edit.known(id)?),
        new: true,
    })
}
