//! What an execution holds until it ends, and what its callers hold who wait for it: the *held line*. A call that needs
//! something of it would wait for ever, so it is refused at once, with both ids.
//!
//! Within a tree the line is read from the records. A root that is called and awaited from another tree carries what is
//! held above it in its own record.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Failure, FailureKind, Key, PromiseId, Record, Tree, limits};

/// Something that one execution has until it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What.
    pub key: Key,
    /// The execution that has it.
    pub by: PromiseId,
}

/// More is held above a call than [`limits::HELD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl Record {
    /// The key of its call, if it has one.
    #[must_use]
    pub fn key(&self) -> Option<Key> {
        Key::of(self.promise.call()?)
    }

    /// What it holds itself.
    #[must_use]
    pub fn holds(&self) -> Option<Held> {
        let key = self.key().filter(|_| self.has_key())?;
        let by = self.promise.id.clone();
        Some(Held { key, by })
    }

    /// True from the first claim of a call with a key until it has settled.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.promise.is_pending() && self.task.as_ref().is_some_and(|task| task.holds_key)
    }
}

/// What `id` and its callers hold, nearest first.
///
/// # Errors
/// If that is more than may be held at once.
pub fn line_of(tree: &Tree, id: &PromiseId) -> Result<Vec<Held>, TooMany> {
    let mut line = Vec::new();
    for record in callers(tree, id) {
        line.extend(record.holds());
        line.extend(record.promise.held.iter().cloned());
        if line.len() > limits::HELD {
            return Err(TooMany);
        }
    }
    Ok(line)
}

/// Who of `id` and its callers holds this key.
#[must_use]
pub fn holder_above(tree: &Tree, id: &PromiseId, key: &Key) -> Option<PromiseId> {
    callers(tree, id).find_map(|record| {
        let own = record.holds();
        let mut held = own.iter().chain(&record.promise.held);
        held.find(|held| held.key == *key)
            .map(|held| held.by.clone())
    })
}

/// Why a call that needs this key fails at once.
#[must_use]
pub fn refused(id: &PromiseId, key: &Key, by: &PromiseId) -> Failure {
    let message = format!(
        "{id} needs {key}, which {by} holds until it ends, and {by} waits for this call; call it with another key, or \
         detach it"
    );
    Failure::new(FailureKind::Deadlock, message).at(id)
}

/// `id` and its callers, up to the root.
fn callers<'a>(tree: &'a Tree, id: &PromiseId) -> impl Iterator<Item = &'a Arc<Record>> {
    let above = |record: &&'a Arc<Record>| tree.get(record.promise.parent()?);
    std::iter::successors(tree.get(id), above)
}
