//! Tail: what a stream has from an offset on, a page of it. Refuses `NotFound`.

use super::super::edit::Edit;
use crate::{Feed, PromiseId, Refusal, Reply, StreamPage, limits};

pub(in super::super) fn apply(
    edit: &Edit<'_>,
    id: &PromiseId,
    from: u64,
) -> Result<Reply, Refusal> {
    let record = edit.known(id)?;
    let stream = record.feeds().stream;
    let offset = from.max(stream.first);
    let mut page = StreamPage {
        offset,
        items: Vec::new(),
        is_over: false,
    };
    let mut bytes = 0;
    let slips = edit.tree().slips(id, Feed::Stream, offset);
    let items = slips.flat_map(|slip| (slip.number..).zip(&slip.items));
    for (_, item) in items.skip_while(|(number, _)| *number < offset) {
        bytes += item.bytes();
        let is_full = bytes > limits::PAYLOAD_BYTES || page.items.len() == limits::PAGE;
        if is_full && !page.items.is_empty() {
            break;
        }
        page.items.push(item.clone());
    }
    page.is_over = !record.promise.is_pending() && page.next() >= stream.next;
    Ok(Reply::Stream(page))
}
