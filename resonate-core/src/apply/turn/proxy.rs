//! What a new proxy asks of the tree of the promise it stands for.

use super::super::edit::Edit;
use crate::{Held, Link, Message, PromiseId, Refusal, held, limits};

/// What a new proxy sends. A root that is awaited is told what is held above it.
pub(super) fn message(
    edit: &Edit<'_>,
    parent: &PromiseId,
    link: &Link,
    proxy: &PromiseId,
) -> Result<Message, Refusal> {
    let back = proxy.clone();
    Ok(match link {
        Link::Call { promise, detached } => Message::Create {
            promise: promise.clone(),
            back,
            detached: *detached,
            held: if *detached {
                Vec::new()
            } else {
                held_line(edit, parent, proxy)?
            },
        },
        Link::Await { id } => Message::Subscribe {
            id: id.clone(),
            back,
        },
        Link::Tell { id, outcome } => Message::Tell {
            id: id.clone(),
            outcome: outcome.clone(),
            back,
        },
    })
}

fn held_line(edit: &Edit<'_>, parent: &PromiseId, id: &PromiseId) -> Result<Vec<Held>, Refusal> {
    held::line_of(edit.tree(), parent).map_err(|held::TooMany| Refusal::NotAllowed {
        id: id.clone(),
        why: format!(
            "its callers hold more than {} keys; hold fewer at once",
            limits::HELD
        ),
    })
}
