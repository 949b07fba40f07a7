//! Which trees leave memory, and when.
//!
//! A tree is *idle* when nothing in it is leased or tied. Idle trees leave, the longest untouched first, when they take
//! more than their bound, but not what was touched a moment ago: a large tree at work is idle between any two of its
//! rounds. What was changed and is not committed yet is never idle.
//!
//! The store's due index brings a tree back, but not if the window has come past its row, and not for the timeout of a
//! ready task: a row has one due time, the earliest, and that of a ready task is behind us. Of such a tree the moment of
//! its first timer stays.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use resonate_core::Timestamp;

use super::{Memory, held::Held};
use crate::limits;

/// How much stays in memory of trees in which nothing is leased or tied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleTrees {
    /// Bytes, about.
    pub bytes: usize,
    /// Bytes above which even those leave that were touched a moment ago; the last of them stays.
    pub bytes_at_work: usize,
    /// How long ago that is.
    pub kept_for: Duration,
}

/// The trees that may leave.
#[derive(Debug)]
pub(super) struct Idle {
    bounds: IdleTrees,
    /// By when they were touched; one that was touched later stands further behind as well.
    candidates: VecDeque<Candidate>,
    bytes: usize,
}

/// A tree that may leave.
#[derive(Debug)]
struct Candidate {
    /// The round that touched it last, and when that was by the clock that only runs.
    touched: u64,
    at: Timestamp,
    root: Arc<str>,
}

impl Default for IdleTrees {
    fn default() -> Self {
        Self {
            bytes: limits::IDLE_TREE_BYTES,
            bytes_at_work: limits::IDLE_TREE_BYTES_AT_WORK,
            kept_for: limits::IDLE_TREE_FOR,
        }
    }
}

impl IdleTrees {
    /// Each leaves at the end of its round: for tests.
    pub const NONE: Self = Self {
        bytes: 0,
        bytes_at_work: 0,
        kept_for: Duration::ZERO,
    };
}

impl Memory {
    /// The round is committed: what it touched may leave if it is idle. `loaded_to` is how far the due index is loaded,
    /// `steady` the time of the round by the clock that only runs.
    pub(in crate::engine) fn settle_down(
        &mut self,
        touched: impl IntoIterator<Item = Arc<str>>,
        loaded_to: Timestamp,
        steady: Timestamp,
    ) {
        for root in touched {
            let Some(held) = self.trees.get_mut(&root) else {
                continue;
            };
            if held.tree.is_empty() {
                self.trees.remove(&root);
            } else if held.is_at_rest() {
                self.idle.is(root, held, steady);
            }
        }
        self.round += 1;
        while let Some(root) = self.idle.next(&self.trees, steady) {
            self.leave(&root, loaded_to);
        }
        self.idle.forget_stale(&self.trees);
    }

    fn leave(&mut self, root: &Arc<str>, loaded_to: Timestamp) {
        let Some(mut held) = self.trees.remove(root) else {
            return;
        };
        self.idle.is_not(&mut held);
        self.timers -= held.timers.len();
        let first = held.first_timer(root);
        if let Some(first) = first.filter(|(at, _)| held.is_brought_back_at(*at, loaded_to)) {
            self.due.remove(&first);
        }
    }
}

impl Idle {
    pub(super) fn new(bounds: IdleTrees) -> Self {
        Self {
            bounds,
            candidates: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(super) fn bounds(&self) -> IdleTrees {
        self.bounds
    }

    fn is(&mut self, root: Arc<str>, held: &mut Held, at: Timestamp) {
        if std::mem::replace(&mut held.is_idle, true) {
            return;
        }
        self.bytes += held.bytes;
        self.candidates.push_back(Candidate {
            touched: held.touched,
            at,
            root,
        });
    }

    /// Its entry stays in line, stale, until it is first there.
    pub(super) fn is_not(&mut self, held: &mut Held) {
        if std::mem::take(&mut held.is_idle) {
            self.bytes = self.bytes.saturating_sub(held.bytes);
        }
    }

    /// The next tree that must leave.
    fn next(&mut self, trees: &HashMap<Arc<str>, Held>, steady: Timestamp) -> Option<Arc<str>> {
        while self.bytes > self.bounds.bytes {
            let candidate = self.candidates.pop_front()?;
            if !candidate.is_one(trees) {
                continue;
            }
            let is_at_work = candidate.at.until(steady) < self.bounds.kept_for;
            let is_far_over = self.bytes > self.bounds.bytes_at_work;
            if is_at_work && (!is_far_over || self.candidates.is_empty()) {
                self.candidates.push_front(candidate);
                return None;
            }
            return Some(candidate.root);
        }
        None
    }

    /// A tree that is touched in every round would leave an entry behind in each.
    fn forget_stale(&mut self, trees: &HashMap<Arc<str>, Held>) {
        if self.candidates.len() > 2 * trees.len() + 16 {
            self.candidates.retain(|candidate| candidate.is_one(trees));
        }
    }
}

impl Candidate {
    /// True unless it was touched again, or is gone.
    fn is_one(&self, trees: &HashMap<Arc<str>, Held>) -> bool {
        trees
            .get(&self.root)
            .is_some_and(|held| held.is_idle && held.touched == self.touched)
    }
}
