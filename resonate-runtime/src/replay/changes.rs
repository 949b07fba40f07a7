//! Changes of the code that an execution meets on its way: whether it takes the new way or the old one, for good.
//!
//! The history decides. What holds nothing beyond a change has not passed it, takes the new way, and says so by a *mark*: a
//! recorded step at a position of its own. What holds something beyond it passed it with the code of then, and keeps to the
//! old way. A mark is written in front of the first thing that is asked for after it, in the same turn; so it costs no trip,
//! and a history that depends on it holds it.

use std::{collections::BTreeMap, sync::Arc};

use resonate_core::{ChildKind, Kind, NewChild, Op, Outcome, Payload, Promise, Timestamp};

use super::{Position, Replay};

/// The label by which a mark is known, with the change as its value. No name of a user's has a `~`.
const MARK: &str = "~changed";

/// What is known of changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The marks that the history holds.
    marks: BTreeMap<Position, String>,
    /// The highest position that the history holds.
    last: Option<Position>,
    /// What the body was told; it hears the same again.
    told: BTreeMap<String, bool>,
    /// Marks on which nothing depends yet.
    unsaid: Vec<Mark>,
}

/// The body takes the new way from this position on.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    position: Position,
    change: String,
    location: Arc<str>,
    at: Timestamp,
}

impl Changes {
    /// In: something that the history holds. True if it is a mark, which is no command of the body's.
    pub(super) fn hear(&mut self, position: Position, promise: &Promise) -> bool {
        self.last = self.last.max(Some(position));
        let change = match promise.kind {
            Kind::Step => promise.labels.get(MARK),
            Kind::Call(_) | Kind::Timer | Kind::External | Kind::Proxy(_) | Kind::Schedule(_) => {
                None
            }
        };
        if let Some(change) = change {
            self.marks.insert(position, change.clone());
        }
        change.is_some()
    }
}

impl Replay {
    /// Asked by the body: does it take the new way here? The first answer stands for the whole execution.
    pub(crate) fn changed(&mut self, change: &str, location: Arc<str>) -> bool {
        if let Some(told) = self.changes.told.get(change) {
            return *told;
        }
        let is_new = self.meets(change, location);
        self.changes.told.insert(change.to_owned(), is_new);
        is_new
    }

    fn meets(&mut self, change: &str, location: Arc<str>) -> bool {
        // Wherever it stands: the question may have been moved.
        if self.changes.marks.values().any(|mark| mark == change) {
            return true;
        }
        self.pass_marks();
        let position = Position(self.asked).next();
        if self.changes.last >= Some(position) {
            return false;
        }
        self.asked = position.0;
        self.changes.unsaid.push(Mark {
            position,
            change: change.to_owned(),
            location,
            at: self.now,
        });
        true
    }

    /// The marks that come next are behind the body, whether it asked about them or does not any more.
    fn pass_marks(&mut self) {
        let marks = &self.changes.marks;
        while marks.contains_key(&Position(self.asked).next()) {
            self.asked += 1;
        }
    }

    /// The body asks for something: marks that were not said must be known first.
    pub(super) fn say_marks(&mut self) {
        self.pass_marks();
        for mark in std::mem::take(&mut self.changes.unsaid) {
            self.say_mark(mark);
        }
    }

    /// How a mark is written.
    pub(super) fn mark_op(&self, mark: &Mark) -> Op {
        let name = format!("changed~{}", mark.change);
        let child = NewChild {
            id: self.caller.id.child(self.caller.generation, &name, 0),
            position: mark.position.0,
            location: Arc::clone(&mark.location),
            called_at: mark.at,
            kind: ChildKind::Step,
            timeout_at: Timestamp::NEVER,
            shielded: false,
            compensation: None,
            labels: BTreeMap::from([(MARK.to_owned(), mark.change.clone())]),
        };
        Op::Record(child, Outcome::Resolved(Payload::json("null")))
    }
}
