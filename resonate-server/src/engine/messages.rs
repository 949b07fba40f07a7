//! Messages between trees: written by the batch that causes them, delivered in a later round, exactly once in effect.
//!
//! The batch that applies a message moves the mark of its source in the same commit; what lies at or before the mark is
//! not applied again. After a start everything that is still in the outbox is delivered again. Delivered rows are
//! trimmed some time later, so a crash between costs nothing but a comparison.

use std::collections::{BTreeMap, VecDeque};

use resonate_core::{
    Message, Part, limits,
    mutants::{Mutant, planted},
};

use super::disk::{self, ReadError};
use crate::store::{Mark, Store, Trim, WriteError};

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Messages {
    queue: VecDeque<Waiting>,
    /// How far each partition has taken the messages of each other one.
    marks: BTreeMap<(Part, Part), Mark>,
    /// What may be trimmed, by source.
    delivered: BTreeMap<Part, Mark>,
    untrimmed: usize,
}

/// A message that is written and not yet applied.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) source: Part,
    pub(super) mark: Mark,
    pub(super) message: Message,
}

impl Messages {
    /// Reads what is under way.
    pub(super) fn load(store: &mut dyn Store) -> Result<Self, ReadError> {
        let mut messages = Self::default();
        for part in (0..limits::PARTS).map(Part) {
            for (source, mark) in store.inbox(part)? {
                messages.marks.insert((part, source), mark);
            }
            for (mark, message) in disk::load_messages(store, part)? {
                messages.queue.push_back(Waiting {
                    source: part,
                    mark,
                    message,
                });
            }
        }
        messages.untrimmed = messages.queue.len();
        Ok(messages)
    }

    /// A batch is durable that wrote this message.
    pub(super) fn sent(&mut self, source: Part, mark: Mark, message: Message) {
        if planted(Mutant::OutboxAhead) {
            self.delivered(source, mark);
        }
        self.queue.push_back(Waiting {
            source,
            mark,
            message,
        });
    }

    /// Takes out the oldest message that was not applied yet.
    pub(super) fn take(&mut self) -> Option<Waiting> {
        while let Some(waiting) = self.queue.pop_front() {
            let destination = waiting.message.target().part();
            if self
                .marks
                .get(&(destination, waiting.source))
                .is_none_or(|mark| *mark < waiting.mark)
            {
                return Some(waiting);
            }
            self.delivered.insert(waiting.source, waiting.mark);
        }
        None
    }

    /// A batch is durable that applied the messages of `source` up to this mark.
    pub(super) fn applied(&mut self, destination: Part, source: Part, mark: Mark) {
        self.marks.insert((destination, source), mark);
    }

    /// Every message of `source` up to this mark is applied, whatever its destination.
    pub(super) fn delivered(&mut self, source: Part, mark: Mark) {
        self.delivered.insert(source, mark);
        self.untrimmed += 1;
    }

    /// True if nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Removes delivered rows once there are `at_least` of them.
    pub(super) fn trim(
        &mut self,
        store: &mut dyn Store,
        at_least: usize,
    ) -> Result<(), WriteError> {
        let is_soon = self.untrimmed < at_least && !planted(Mutant::OutboxAhead);
        if is_soon || self.delivered.is_empty() {
            return Ok(());
        }
        let what: Vec<_> = self
            .delivered
            .iter()
            .map(|(part, up_to)| Trim::Outbox {
                part: *part,
                up_to: *up_to,
            })
            .collect();
        while store.trim(&what, limits::PAGE)? == limits::PAGE {}
        self.delivered.clear();
        self.untrimmed = 0;
        Ok(())
    }
}
