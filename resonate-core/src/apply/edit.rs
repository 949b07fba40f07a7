//! A change of a tree that can be taken back: a refusal leaves no trace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Applied, Change, PageChange, SlipChange};
use crate::{
    AwaiterPage, Effect, Feed, Message, PromiseId, Record, Refusal, Reply, Seq, Slip, Stamp,
    Timestamp, Tree, limits,
};

/// Which slip of which feed.
type SlipKey = (PromiseId, Feed, u64);

/// A tree under change.
pub(super) struct Edit<'a> {
    tree: &'a mut Tree,
    stamp: &'a mut Stamp,
    before: BTreeMap<PromiseId, Option<Arc<Record>>>,
    pages_before: BTreeMap<(PromiseId, u32), Option<Arc<AwaiterPage>>>,
    slips_before: BTreeMap<SlipKey, Option<Arc<Slip>>>,
    messages: Vec<Message>,
    effects: Vec<Effect>,
    /// The task whose turn is being applied: what settles below it travels in the answer.
    acting: Option<PromiseId>,
    /// How many promises waves may still settle in this request.
    wave: usize,
    /// How many awaiters may still be answered in this request, and in how many bytes.
    answers: usize,
    answer_bytes: usize,
}

impl<'a> Edit<'a> {
    pub(super) fn new(tree: &'a mut Tree, stamp: &'a mut Stamp) -> Self {
        Self {
            tree,
            stamp,
            before: BTreeMap::new(),
            pages_before: BTreeMap::new(),
            slips_before: BTreeMap::new(),
            messages: Vec::new(),
            effects: Vec::new(),
            acting: None,
            wave: limits::WAVE,
            answers: limits::ANSWERS,
            answer_bytes: limits::ANSWER_BYTES,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.stamp.now
    }

    pub(super) fn tree(&self) -> &Tree {
        self.tree
    }

    pub(super) fn get(&self, id: &PromiseId) -> Option<&Arc<Record>> {
        self.tree.get(id)
    }

    pub(super) fn next_seq(&mut self) -> Seq {
        self.stamp.seq = self.stamp.seq.next();
        self.stamp.seq
    }

    /// Puts a new record in.
    pub(super) fn insert(&mut self, record: Record) {
        let id = record.promise.id.clone();
        let before = self.tree.get(&id).cloned();
        self.before.entry(id).or_insert(before);
        self.tree.put(Arc::new(record));
    }

    /// Changes a record; does nothing if there is none.
    pub(super) fn update(&mut self, id: &PromiseId, change: impl FnOnce(&mut Record)) {
        let Some(before) = self.tree.get(id).cloned() else {
            return;
        };
        let mut record = Record::clone(&before);
        change(&mut record);
        self.before.entry(id.clone()).or_insert(Some(before));
        self.tree.put(Arc::new(record));
    }

    /// Forgets a record.
    pub(super) fn remove(&mut self, id: &PromiseId) {
        let Some(before) = self.tree.get(id).cloned() else {
            return;
        };
        self.before.entry(id.clone()).or_insert(Some(before));
        self.tree.remove(id);
        for feed in [Feed::Stream, Feed::Inbox] {
            let slips: Vec<_> = self.tree.slips(id, feed, 0).cloned().collect();
            for slip in slips {
                self.remove_slip(&slip);
            }
        }
    }

    /// Puts a page of awaiters in place of the one of its number.
    pub(super) fn write_page(&mut self, page: Arc<AwaiterPage>) {
        let key = (page.of.clone(), page.number);
        let before = self.tree.page(&page.of, page.number).cloned();
        self.pages_before.entry(key).or_insert(before);
        self.tree.put_page(page);
    }

    /// Puts a slip in place of the one of its number.
    pub(super) fn put_slip(&mut self, slip: Arc<Slip>) {
        self.note_slip(&slip);
        self.tree.put_slip(slip);
    }

    /// Takes a slip out.
    pub(super) fn remove_slip(&mut self, slip: &Slip) {
        self.note_slip(slip);
        self.tree.remove_slip(&slip.of, slip.feed, slip.number);
    }

    /// True for a slip that this request has made.
    pub(super) fn is_new_slip(&self, slip: &Slip) -> bool {
        let key = (slip.of.clone(), slip.feed, slip.number);
        self.slips_before.get(&key).is_some_and(Option::is_none)
    }

    fn note_slip(&mut self, slip: &Slip) {
        let before = self.tree.slips(&slip.of, slip.feed, slip.number).next();
        let before = before
            .filter(|before| before.number == slip.number)
            .cloned();
        let key = (slip.of.clone(), slip.feed, slip.number);
        self.slips_before.entry(key).or_insert(before);
    }

    pub(super) fn send(&mut self, message: Message) {
        self.messages.push(message);
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// False when the waves of this request have settled as much as they may.
    pub(super) fn take_from_wave(&mut self) -> bool {
        let left = self.wave > 0;
        self.wave = self.wave.saturating_sub(1);
        left
    }

    /// False when this request has told as many awaiters as it may.
    pub(super) fn take_answer(&mut self, bytes: usize) -> bool {
        let is_first = self.answers == limits::ANSWERS;
        if self.answers == 0 || (self.answer_bytes < bytes && !is_first) {
            return false;
        }
        self.answers -= 1;
        self.answer_bytes = self.answer_bytes.saturating_sub(bytes);
        true
    }

    pub(super) fn acting(&self) -> Option<&PromiseId> {
        self.acting.as_ref()
    }

    pub(super) fn set_acting(&mut self, task: Option<PromiseId>) {
        self.acting = task;
    }

    /// Runs `change`; if it refuses, everything it did is taken back.
    pub(super) fn attempt<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let (messages, effects, seq, acting) = (
            self.messages.len(),
            self.effects.len(),
            self.stamp.seq,
            self.acting.clone(),
        );
        let outer = std::mem::take(&mut self.before);
        let outer_pages = std::mem::take(&mut self.pages_before);
        let outer_slips = std::mem::take(&mut self.slips_before);
        let result = change(self);
        let inner = std::mem::replace(&mut self.before, outer);
        let pages = std::mem::replace(&mut self.pages_before, outer_pages);
        let slips = std::mem::replace(&mut self.slips_before, outer_slips);
        if result.is_ok() {
            for (id, before) in inner {
                self.before.entry(id).or_insert(before);
            }
            for (key, before) in pages {
                self.pages_before.entry(key).or_insert(before);
            }
            for (key, before) in slips {
                self.slips_before.entry(key).or_insert(before);
            }
            return result;
        }
        for ((of, number), before) in pages {
            match before {
                Some(page) => self.tree.put_page(page),
                None => self.tree.remove_page(&of, number),
            }
        }
        for ((of, feed, number), before) in slips {
            match before {
                Some(slip) => self.tree.put_slip(slip),
                None => drop(self.tree.remove_slip(&of, feed, number)),
            }
        }
        for (id, before) in inner {
            match before {
                Some(record) => self.tree.put(record),
                None => self.tree.remove(&id),
            }
        }
        self.messages.truncate(messages);
        self.effects.truncate(effects);
        self.stamp.seq = seq;
        self.acting = acting;
        result
    }

    pub(super) fn into_applied(self, answer: Result<Reply, Refusal>) -> Applied {
        let tree = self.tree;
        let (mut changed, mut removed) = (Vec::new(), Vec::new());
        for (id, before) in self.before {
            match (before, tree.get(&id).cloned()) {
                (Some(before), Some(after)) if Arc::ptr_eq(&before, &after) => {}
                (before, Some(after)) => changed.push(Change { before, after }),
                (Some(before), None) => removed.push(before),
                (None, None) => {}
            }
        }
        // A crash may keep only the first of them from being there: no call may be left without its caller.
        let depth = |record: &Record| record.promise.origin.as_ref().map(|origin| origin.depth);
        removed.sort_by_key(|record| std::cmp::Reverse(depth(record)));
        let pages = self.pages_before.into_iter();
        let pages = pages.map(|((of, number), before)| PageChange {
            after: tree.page(&of, number).cloned(),
            of,
            number,
            before,
        });
        let slips = self.slips_before.into_iter();
        let slips = slips.map(|((of, feed, number), before)| {
            let after = tree.slips(&of, feed, number).next();
            let after = after.filter(|after| after.number == number).cloned();
            SlipChange {
                of,
                feed,
                number,
                before,
                after,
            }
        });
        let slips: Vec<_> = slips.filter(|slip| slip.before != slip.after).collect();
        let mut effects = self.effects;
        let emitted = slips.iter().filter(|slip| slip.feed == Feed::Stream);
        let emitted = emitted.filter(|slip| slip.after.is_some());
        let emitted: BTreeSet<_> = emitted.map(|slip| slip.of.clone()).collect();
        effects.extend(emitted.into_iter().map(Effect::Emitted));
        Applied {
            answer,
            changed,
            removed,
            pages: pages.filter(|page| page.before != page.after).collect(),
            messages: self.messages,
            slips,
            effects,
        }
    }
}
