//! Receive: a child that the next message of its caller's inbox settles. So messages are results like all others: in the
//! log, in order, the same in every replay.

use std::sync::Arc;

use super::super::{claim, edit::Edit, settle};
use crate::{Feed, Kind, Outcome, PromiseId, Slip};

/// Unread messages settle those that wait for one, both in order.
pub(in super::super) fn hand_out(edit: &mut Edit<'_>, id: &PromiseId) {
    while let Some(slip) = edit.first_slip(id, Feed::Inbox) {
        let Some(waiting) = first_waiting(edit, id) else {
            return;
        };
        take_out(edit, &slip);
        if let Some(message) = slip.items.first() {
            settle::settle_one(edit, &waiting, Outcome::Resolved(message.clone()));
        }
    }
}

/// What the execution was given and has not read is unread again: its next generation reads it.
pub(in super::super) fn give_back(edit: &mut Edit<'_>, id: &PromiseId, child: &PromiseId) {
    let outcome = edit
        .get(child)
        .and_then(|record| record.promise.settled())
        .map(|settled| settled.outcome.clone());
    let Some(Outcome::Resolved(message)) = outcome else {
        return;
    };
    let Some(record) = edit.get(id) else { return };
    let Some(number) = record.feeds().inbox.first.checked_sub(1) else {
        return;
    };
    let bytes = message.bytes() as u64;
    let slip = Slip {
        of: id.clone(),
        feed: Feed::Inbox,
        number,
        at: edit.now(),
        items: vec![message],
    };
    edit.put_slip(Arc::new(slip));
    edit.update_feeds(id, |feeds| {
        feeds.inbox.first = number;
        feeds.inbox.bytes += bytes;
    });
}

/// Nobody will read what is unread.
pub(in super::super) fn drop_unread(edit: &mut Edit<'_>, id: &PromiseId) {
    while let Some(slip) = edit.first_slip(id, Feed::Inbox) {
        take_out(edit, &slip);
    }
}

fn take_out(edit: &mut Edit<'_>, slip: &Slip) {
    edit.remove_slip(slip);
    edit.update_feeds(&slip.of, |feeds| {
        feeds.inbox.first = slip.end();
        feeds.inbox.bytes -= slip.bytes() as u64;
    });
}

/// Of those that wait for a message the one that was asked for first.
fn first_waiting(edit: &Edit<'_>, id: &PromiseId) -> Option<PromiseId> {
    let record = edit.get(id)?;
    let waiting = edit.tree().pending_children(id).filter(|child| {
        matches!(child.promise.kind, Kind::Receive) && claim::is_of_this_history(record, child)
    });
    let first = waiting.min_by_key(|child| child.promise.origin.as_ref().map(|from| from.position));
    first.map(|child| child.promise.id.clone())
}
