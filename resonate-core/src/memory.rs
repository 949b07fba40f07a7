//! The reference: a whole server without a disk, a network or threads. Stores, the engine and the simulator are compared with it.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    Applied, Message, Part, PromiseId, Record, Request, Seq, Stamp, Timestamp, Tree, Violation,
    apply, check, check_changes,
};

/// All trees, and the messages between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    trees: BTreeMap<String, Tree>,
    batches: BTreeMap<Part, u64>,
    messages: VecDeque<Message>,
    now: Timestamp,
}

impl Memory {
    /// Applies one request as a batch of its own. A clock that steps back stands still.
    ///
    /// # Panics
    /// If the request changed what must never change: a bug in the rules.
    pub fn request(&mut self, now: Timestamp, request: Request) -> Applied {
        self.now = self.now.max(now);
        let root = request.target().root().to_owned();
        let batch = self.batches.entry(request.target().part()).or_default();
        *batch += 1;
        let mut stamp = Stamp {
            now: self.now,
            seq: Seq::before_batch(*batch),
        };
        let tree = self.trees.entry(root.clone()).or_default();
        let applied = apply(tree, &mut stamp, request);
        if tree.is_empty() {
            self.trees.remove(&root);
        }
        if let Err(violations) = check_changes(&applied.changed) {
            panic!("a rule is broken: {violations:?}");
        }
        self.messages.extend(applied.messages.iter().cloned());
        applied
    }

    /// Delivers the oldest message, if there is one.
    pub fn deliver(&mut self) -> Option<Applied> {
        let message = self.messages.pop_front()?;
        Some(self.request(self.now, Request::Deliver(message)))
    }

    /// Delivers until nothing is under way.
    pub fn deliver_all(&mut self) {
        while self.deliver().is_some() {}
    }

    /// Settles everything whose time has passed; gives what came of each.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Applied> {
        let is_due =
            |record: &&Record| record.promise.is_pending() && record.promise.timeout_at <= now;
        let due: Vec<_> = self
            .records()
            .filter(is_due)
            .map(|record| record.promise.id.clone())
            .collect();
        due.into_iter()
            .map(|id| self.request(now, Request::Expire { id }))
            .collect()
    }

    /// The record of a promise.
    #[must_use]
    pub fn get(&self, id: &PromiseId) -> Option<&Record> {
        self.trees.get(id.root())?.get(id).map(|record| &**record)
    }

    /// All records, tree by tree.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.trees
            .values()
            .flat_map(Tree::records)
            .map(|record| &**record)
    }

    /// The messages that are under way, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.messages.iter().cloned().collect()
    }

    /// The time of the latest batch.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Checks everything that must always hold.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(&self) -> Result<(), Vec<Violation>> {
        check(self.trees.values(), &self.messages())
    }
}
