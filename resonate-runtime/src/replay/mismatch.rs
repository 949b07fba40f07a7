//! A body that asks for something else than its history holds: both sides, and what seems to have changed.

use std::{fmt, sync::Arc};

use resonate_core::{Digest, PromiseId};

use super::{
    Position, Replay,
    identity::{self, Identity},
    journal::{Asked, Child, Past},
};

/// Where a body left its history, and what it asked for from there on.
#[derive(Debug)]
pub(super) struct Divergence {
    position: Position,
    /// The position at which the history holds the other side; differs if an id has moved.
    past: Position,
    is: Side,
    /// What was asked for after it, as far as the body ran.
    later: Vec<Side>,
}

/// One side of a comparison.
#[derive(Clone, Debug)]
struct Side {
    id: PromiseId,
    name: String,
    identity: Identity,
    location: Arc<str>,
    digest: Option<Digest>,
}

/// How a body differs from its history, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "call {position} of {function} was {was}, is now {is} ({change}); run it with the code it began with, or give the new code a function version of its own"
)]
pub(crate) struct Mismatch {
    pub(crate) position: Position,
    pub(crate) function: Arc<str>,
    was: String,
    is: String,
    pub(crate) change: Change,
}

/// What seems to have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The body asks for something that was not there.
    Inserted,
    /// The body does not ask for something that was there.
    Removed,
    /// The body asks for the same things in another order.
    Reordered,
    /// Something of the same kind has another name.
    Renamed,
    /// The same name has another signature, version or kind.
    Retyped,
}

impl Replay {
    /// Compares what the body asks for with what the history holds at that position.
    pub(super) fn compare(&mut self, position: Position, id: &PromiseId, asked: &Asked) {
        if let Some(divergence) = &mut self.divergence {
            divergence.later.push(Side::of_asked(id, asked));
            return;
        }
        // An id that the history holds elsewhere: what made the difference was never started, so it left no trace.
        let held_at = match self.journal.get(position) {
            Some(_) => Some(position),
            None => self.journal.position(id),
        };
        let Some((held_at, child)) =
            held_at.and_then(|held_at| Some((held_at, self.journal.get(held_at)?)))
        else {
            return;
        };
        let Some(past) = &child.past else { return };
        let is = Side::of_asked(id, asked);
        if held_at != position || child.id != *id || past.identity != is.identity {
            self.divergence = Some(Divergence {
                position,
                past: held_at,
                is,
                later: Vec::new(),
            });
            return;
        }
        if matches!((&past.digest, &is.digest), (Some(was), Some(is)) if !is.is_that_of(was)) {
            self.changed_arguments += 1;
        }
    }

    /// How the body differs from its history, if it was seen to.
    pub(crate) fn mismatch(&self) -> Option<Mismatch> {
        let divergence = self.divergence.as_ref()?;
        let was = self.journal.get(divergence.past).and_then(Side::of_past)?;
        let is = &divergence.is;
        let change = self.change(divergence, &was);
        let (mut was_text, mut is_text) = (
            was.identity.describe(&was.name),
            is.identity.describe(&is.name),
        );
        if was_text == is_text {
            was_text = was.identity.describe_fully(&was.name, &was.id);
            is_text = is.identity.describe_fully(&is.name, &is.id);
        }
        let (was, is) = if divergence.past == divergence.position {
            (
                format!("{was_text} at {}", was.location),
                format!("{is_text} at {}", is.location),
            )
        } else {
            let moved = format!(
                "{is_text} at {}, which was call {} at {}",
                is.location, divergence.past, was.location
            );
            ("something that never started".to_owned(), moved)
        };
        let function = Arc::clone(&self.caller.function);
        Some(Mismatch {
            position: divergence.position,
            function,
            was,
            is,
            change,
        })
    }

    /// What the history holds and a body that has ended did not ask for.
    pub(crate) fn missing(&self) -> Option<Mismatch> {
        let (position, child) = self.journal.unasked(Position::FIRST)?;
        let was = Side::of_past(child)?;
        Some(Mismatch {
            position,
            function: Arc::clone(&self.caller.function),
            was: format!("{} at {}", was.identity.describe(&was.name), was.location),
            is: "missing".to_owned(),
            change: Change::Removed,
        })
    }

    fn change(&self, divergence: &Divergence, was: &Side) -> Change {
        let is = &divergence.is;
        if was.id == is.id && was.name == is.name && divergence.past == divergence.position {
            return Change::Retyped;
        }
        let is_asked_later = divergence.later.iter().any(|side| side.is_same(was));
        let mut rest = self.journal.from(divergence.position.next());
        let is_held_later =
            rest.any(|(_, child)| Side::of_past(child).is_some_and(|past| past.is_same(is)));
        match (is_held_later, is_asked_later) {
            (true, true) => Change::Reordered,
            (true, false) => Change::Removed,
            (false, true) => Change::Inserted,
            (false, false) if was.is_like(is) => Change::Renamed,
            (false, false) => Change::Inserted,
        }
    }
}

impl Side {
    fn of_asked(id: &PromiseId, asked: &Asked) -> Self {
        let command = &asked.command;
        Self {
            id: id.clone(),
            name: command.name.to_string(),
            identity: Identity::of_command(command),
            location: Arc::clone(&command.location),
            digest: identity::digest_of_command(command),
        }
    }

    fn of_past(child: &Child) -> Option<Self> {
        let Past {
            identity,
            name,
            location,
            digest,
        } = child.past.as_ref()?;
        let (name, identity) = (name.clone(), identity.clone());
        Some(Self {
            id: child.id.clone(),
            name,
            identity,
            location: Arc::clone(location),
            digest: digest.clone(),
        })
    }

    /// The same function, step, timer or promise.
    fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.identity == other.identity
    }

    fn has_the_arguments_of(&self, other: &Self) -> bool {
        match (&self.digest, &other.digest) {
            (Some(one), Some(two)) => one.is_that_of(two),
            (one, two) => one == two,
        }
    }

    /// Another name for what may well be the same: the same kind with the same arguments.
    fn is_like(&self, other: &Self) -> bool {
        match (&self.identity, &other.identity) {
            (Identity::Call { signature: one, .. }, Identity::Call { signature: two, .. })
            | (Identity::Root { signature: one, .. }, Identity::Root { signature: two, .. }) => {
                one == two && self.has_the_arguments_of(other)
            }
            (one, two) => one == two,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inserted => "inserted",
            Self::Removed => "removed",
            Self::Reordered => "reordered",
            Self::Renamed => "renamed",
            Self::Retyped => "retyped",
        })
    }
}
