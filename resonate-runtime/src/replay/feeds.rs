//! What a body emits, how far it says it is, and which messages it has not read.
//!
//! Items are numbered as the body emits them. What the history has already is not said again; so a replay, and another
//! attempt, go on where the one before was.

use std::collections::BTreeSet;

use resonate_core::{Feeds as Known, Payload, Progress, PromiseId, limits};

use super::{Position, Replay, journal::Stage};

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    /// Items that the history has.
    written: u64,
    /// Items that the body has emitted.
    emitted: u64,
    /// Items that no turn has said yet, and their bytes.
    unsaid: (u64, usize),
    progress: Option<Progress>,
    /// What the server knows, or will by the turn under way.
    told: Option<Progress>,
    /// Receives that were asked for and not read.
    unread: BTreeSet<Position>,
    /// Those of them that nobody awaits now: the next one to read takes the first.
    idle: BTreeSet<Position>,
}

impl Feeds {
    /// An item of this size is in a turn.
    pub(super) fn said(&mut self, bytes: usize) {
        let (items, held) = self.unsaid;
        self.unsaid = (items.saturating_sub(1), held.saturating_sub(bytes));
    }

    pub(super) fn take_progress(&mut self) -> Option<Progress> {
        let progress = self.progress.take()?;
        self.told = Some(progress);
        Some(progress)
    }

    pub(super) fn asked_for_message(&mut self, position: Position) {
        self.unread.insert(position);
    }

    pub(super) fn has_read(&mut self, position: Position) {
        self.unread.remove(&position);
        self.idle.remove(&position);
    }
}

impl Replay {
    /// In: what the record says of them, before the body begins.
    pub(crate) fn handle_feeds(&mut self, known: &Known) {
        self.feeds.written = known.stream.emitted;
        self.feeds.told = known.progress;
    }

    /// The function emits this. False if more waits to be said than a stream keeps.
    pub(crate) fn emit(&mut self, item: Payload) -> bool {
        let n = self.feeds.emitted;
        self.feeds.emitted += 1;
        if n < self.feeds.written {
            return true;
        }
        let (items, bytes) = self.feeds.unsaid;
        let unsaid = (items + 1, bytes + item.bytes());
        if unsaid.0 > limits::STREAM_ITEMS || unsaid.1 > limits::STREAM_BYTES {
            return false;
        }
        self.feeds.unsaid = unsaid;
        self.say_emit(n, item);
        true
    }

    /// The function says how far it is; the latest word counts.
    pub(crate) fn progress(&mut self, progress: Progress) {
        self.feeds.progress = Some(progress).filter(|new| self.feeds.told != Some(*new));
    }

    /// True if there is something to say of it that no turn says otherwise. A replay passes what was said long ago.
    pub(crate) fn has_progress(&self) -> bool {
        self.feeds.progress.is_some() && !self.is_replaying()
    }

    /// A receive that was asked for, is not read and that nobody awaits.
    pub(crate) fn take_idle_receive(&mut self) -> Option<(Position, PromiseId)> {
        let position = self.feeds.idle.pop_first()?;
        let child = self.journal.get(position)?;
        Some((position, child.id.clone()))
    }

    /// Nobody awaits it any more: whoever reads next does.
    pub(crate) fn leave_receive(&mut self, position: Position) {
        if self.feeds.unread.contains(&position) {
            self.feeds.idle.insert(position);
        }
    }

    /// The execution goes on as another, which reads what this one was given and has not read. The last first, so that
    /// they lie in their order again.
    pub(crate) fn give_back_unread(&mut self) {
        for position in std::mem::take(&mut self.feeds.unread).into_iter().rev() {
            let is_known = self.journal.get(position).is_some_and(|child| {
                matches!(
                    child.stage(),
                    Stage::Pending | Stage::Settled(_) | Stage::Shown(_)
                )
            });
            if is_known {
                self.say_give_back(position);
            }
        }
    }
}
