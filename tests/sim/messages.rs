//! Messages between trees, once more: written with what causes them, kept until they are taken, taken once and in order.

use std::collections::BTreeMap;

use resonate_core::{Message, Part};
use resonate_proto::store::decode_message;
use resonate_server::store::{Batch, Mark};

/// What is durable of messages.
#[derive(Default)]
pub(crate) struct Messages {
    /// Written and not yet applied, by source.
    waiting: BTreeMap<(Part, Mark), Message>,
    /// How far each partition has taken those of another: by target, then source.
    taken: BTreeMap<(Part, Part), Mark>,
}

impl Messages {
    /// A batch becomes durable.
    pub(crate) fn committed(&mut self, batch: &Batch) -> Result<(), String> {
        for row in &batch.outbox {
            let message = decode_message(&row.doc).map_err(|error| error.to_string())?;
            let mark = Mark {
                epoch: batch.epoch,
                seq: batch.seq,
                n: row.n,
            };
            self.waiting.insert((batch.part, mark), message);
        }
        for (source, up_to) in &batch.inbox {
            let before = self.taken.insert((batch.part, *source), *up_to);
            if before.is_some_and(|before| *up_to <= before) {
                return Err(format!(
                    "{} took the messages of {source} up to {up_to:?} after {before:?}",
                    batch.part
                ));
            }
            let waiting = self.waiting.len();
            self.waiting.retain(|(part, mark), message| {
                part != source || mark > up_to || message.target().part() != batch.part
            });
            if waiting == self.waiting.len() {
                return Err(format!(
                    "{} took a message of {source} that is not durable, up to {up_to:?}",
                    batch.part
                ));
            }
        }
        Ok(())
    }

    /// True if something that was written has not been applied.
    pub(crate) fn are_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Those that were written and not applied.
    pub(crate) fn waiting(&self) -> Vec<Message> {
        self.waiting.values().cloned().collect()
    }

    /// The partitions that have written some of them.
    pub(crate) fn sources(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = self.waiting.keys().map(|(part, _)| *part).collect();
        parts.dedup();
        parts
    }

    /// Messages leave the outbox when they were applied.
    pub(crate) fn may_remove(&self, source: Part, up_to: Mark) -> Result<(), String> {
        let mut waiting = self.waiting.iter();
        match waiting.find(|((part, mark), _)| *part == source && *mark <= up_to) {
            Some(((_, mark), message)) => Err(format!(
                "the message {message:?} at {source}/{mark:?} was removed from the outbox, and nobody has applied it"
            )),
            None => Ok(()),
        }
    }

    /// Compares what a store holds after a crash with what must be there.
    pub(crate) fn compare(&self, stored: &BTreeMap<(Part, Mark), Message>) -> Result<(), String> {
        for (key, message) in &self.waiting {
            if stored.get(key) != Some(message) {
                return Err(format!(
                    "the message {message:?} at {key:?} was durable and is lost"
                ));
            }
        }
        Ok(())
    }
}
