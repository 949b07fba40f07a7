//! Emit: an item is appended to the stream of the execution whose turn it is. Also how far it says it is.
//!
//! Items are numbered within a generation, so a replay that says one again writes nothing. Over the bounds the oldest go,
//! slip by slip; a reader that is behind them is told the offset it goes on from.
//!
//! Refuses `TooLarge`, and `NotAllowed` for an item before which one is missing.

use std::sync::Arc;

use super::super::edit::Edit;
use crate::{Feed, Payload, Progress, PromiseId, Refusal, Slip, limits};

pub(in super::super) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    n: u64,
    item: Payload,
) -> Result<(), Refusal> {
    let stream = edit.known(id)?.feeds().stream;
    if n < stream.emitted {
        return Ok(());
    }
    if n > stream.emitted {
        let why = format!(
            "item {n} was emitted, and item {} is missing before it",
            stream.emitted
        );
        return Err(Refusal::NotAllowed {
            id: id.clone(),
            why,
        });
    }
    let bytes = item.bytes();
    if bytes > limits::ITEM_BYTES {
        return Err(Refusal::TooLarge {
            id: id.clone(),
            what: "an item of the stream",
            bytes,
            max: limits::ITEM_BYTES,
        });
    }
    append(edit, id, stream.next, item);
    edit.update_feeds(id, |feeds| {
        feeds.stream.next += 1;
        feeds.stream.emitted += 1;
        feeds.stream.bytes += bytes as u64;
    });
    bound(edit, id);
    Ok(())
}

pub(in super::super) fn progress(edit: &mut Edit<'_>, id: &PromiseId, progress: Progress) {
    edit.update_feeds(id, |feeds| feeds.progress = Some(progress));
}

/// What one turn emits is one slip.
fn append(edit: &mut Edit<'_>, id: &PromiseId, number: u64, item: Payload) {
    let last = edit.tree().last_slip(id, Feed::Stream).cloned();
    let mut slip = match last.filter(|slip| edit.is_new_slip(slip)) {
        Some(slip) => Slip::clone(&slip),
        None => Slip {
            of: id.clone(),
            feed: Feed::Stream,
            number,
            at: edit.now(),
            items: Vec::new(),
        },
    };
    slip.items.push(item);
    edit.put_slip(Arc::new(slip));
}

/// The oldest go.
fn bound(edit: &mut Edit<'_>, id: &PromiseId) {
    loop {
        let Some(record) = edit.get(id) else { return };
        let stream = record.feeds().stream;
        let is_over = stream.next - stream.first > limits::STREAM_ITEMS
            || stream.bytes > limits::STREAM_BYTES as u64;
        let oldest = edit.first_slip(id, Feed::Stream);
        let Some(oldest) = oldest.filter(|slip| is_over && slip.end() < stream.next) else {
            return;
        };
        edit.remove_slip(&oldest);
        edit.update_feeds(id, |feeds| {
            feeds.stream.first = oldest.end();
            feeds.stream.bytes -= oldest.bytes() as u64;
        });
    }
}
