//! Trim: what settled in earlier generations of a history, or long ago below an object, is forgotten, in rounds of bounded
//! size.
//!
//! An execution that goes on as another for ever would otherwise grow its tree for ever. Nothing goes that somebody may
//! still need: a promise with something pending below it, or whose awaiters are not told yet, stays until it has not.

use std::collections::BTreeSet;

use super::{claim, edit::Edit, object};
use crate::{
    Message, PromiseId, Record, Seq, limits,
    mutants::{Mutant, planted},
};

/// A wave below this promise is over: if it belonged to an earlier generation, its history can be forgotten.
pub(super) fn after_wave(edit: &mut Edit<'_>, id: &PromiseId) {
    let Some(record) = edit.get(id) else { return };
    if record.promise.is_pending() {
        if record.promise.generation > 1 && outdated(edit, id).next().is_some() {
            edit.send(Message::Trim { id: id.clone() });
        }
        return;
    }
    // Upwards, as long as everything is over.
    let mut over = record;
    while let Some(caller) = over.promise.parent().and_then(|parent| edit.get(parent)) {
        if !claim::is_of_this_history(caller, over) {
            let id = caller.promise.id.clone();
            return edit.send(Message::Trim { id });
        }
        if caller.promise.is_pending() {
            return;
        }
        over = caller;
    }
}

/// Forgets what can be forgotten below this promise; the rest follows in requests of its own.
pub(super) fn below(edit: &mut Edit<'_>, id: &PromiseId) {
    let mut work = Work {
        left: limits::TRIM,
        kept: BTreeSet::new(),
        removed: false,
    };
    loop {
        let next = outdated(edit, id).find(|child| !work.kept.contains(*child));
        let Some(child) = next.cloned() else { return };
        forget(edit, child, &mut work);
        if work.left == 0 {
            break;
        }
    }
    // Without progress there is nothing to go on with; what settles later asks again.
    if work.removed {
        edit.send(Message::Trim { id: id.clone() });
    }
}

struct Work {
    /// Promises that may still be looked at.
    left: usize,
    /// Those that cannot go now.
    kept: BTreeSet<PromiseId>,
    removed: bool,
}

/// Removes a settled promise after everything below it, the deepest first.
fn forget(edit: &mut Edit<'_>, top: PromiseId, work: &mut Work) {
    let mut path = vec![top];
    while let Some(id) = path.pop() {
        if work.left == 0 {
            return;
        }
        let next = edit
            .tree()
            .settled_after(&id, Seq::ZERO)
            .map(|child| &child.promise.id)
            .find(|child| !work.kept.contains(*child))
            .cloned();
        if let Some(child) = next {
            path.extend([id, child]);
            continue;
        }
        work.left -= 1;
        let is_needed = edit.tree().has_children(&id) || edit.tree().first_page(&id).is_some();
        if is_needed && !planted(Mutant::TrimTooEarly) {
            work.kept.insert(id);
        } else {
            edit.remove(&id);
            work.removed = true;
        }
    }
}

/// The settled children of earlier generations.
fn outdated<'e>(
    edit: &'e Edit<'_>,
    id: &PromiseId,
) -> impl Iterator<Item = &'e PromiseId> + use<'e> {
    let caller: Option<&Record> = edit.get(id).map(|record| &**record);
    let children = edit.tree().settled_after(id, Seq::ZERO);
    let now = edit.now();
    children
        .filter(move |child| {
            caller.is_some_and(|caller| match caller.promise.object() {
                Some(_) => object::is_forgettable(child, now),
                None => !claim::is_of_this_history(caller, child),
            })
        })
        .map(|child| &child.promise.id)
}
