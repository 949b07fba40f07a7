//! What one promise does, written down a second time: shorter than the rules of the core and from none of their code.
//!
//! Times and places in the log are the server's to choose. The model does not know them before an answer showed them;
//! from then on they must never change.

use crate::history::{Answer, Create, Outcome, Promise, Request};

/// A promise, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Model {
    #[default]
    Absent,
    Known {
        by: u64,
        call: Option<u64>,
        created_at: Option<i64>,
        outcome: Option<Outcome>,
        /// Its place in the log and its time, once they were shown.
        settled: Option<(u64, i64)>,
    },
}

/// What an answer must be; a promise's times and places are compared by [`Model::learn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Promise { new: bool },
    NotFound,
    AlreadyExists,
    AlreadySettled(Outcome),
}

impl Model {
    /// Does what is asked; says what must be answered.
    pub(crate) fn apply(&mut self, request: Request) -> Expected {
        match (request, *self) {
            (Request::Create(create), Self::Absent) => {
                *self = Self::created(create);
                Expected::Promise { new: true }
            }
            (Request::Create(create), Self::Known { call, .. }) => {
                if create.any || create.call == call {
                    Expected::Promise { new: false }
                } else {
                    Expected::AlreadyExists
                }
            }
            (Request::Get | Request::Settle(_) | Request::Cancel(_), Self::Absent) => {
                Expected::NotFound
            }
            (Request::Get, Self::Known { .. }) => Expected::Promise { new: false },
            (Request::Settle(outcome), Self::Known { .. }) => {
                self.settle(outcome, |earlier| earlier == outcome)
            }
            (Request::Cancel(reason), Self::Known { .. }) => self
                .settle(Outcome::Canceled(reason), |earlier| {
                    matches!(earlier, Outcome::Canceled(_))
                }),
        }
    }

    fn created(create: Create) -> Self {
        Self::Known {
            by: create.by,
            call: create.call,
            created_at: None,
            outcome: create.late.then_some(Outcome::TimedOut),
            settled: None,
        }
    }

    /// The first outcome stays; whoever comes later is answered by what they wanted.
    fn settle(&mut self, wanted: Outcome, is_same: impl Fn(Outcome) -> bool) -> Expected {
        let Self::Known { outcome, .. } = self else {
            return Expected::NotFound;
        };
        match *outcome {
            None => {
                *outcome = Some(wanted);
                Expected::Promise { new: true }
            }
            Some(earlier) if is_same(earlier) => Expected::Promise { new: false },
            Some(earlier) => Expected::AlreadySettled(earlier),
        }
    }

    /// Compares an answer with what it must be, and remembers what only the server can say.
    pub(crate) fn agrees(&mut self, expected: Expected, answer: Answer) -> bool {
        match (expected, answer) {
            (Expected::Promise { new: must }, Answer::Promise { promise, new }) => {
                must == new && self.learn(promise)
            }
            (Expected::NotFound, Answer::NotFound)
            | (Expected::AlreadyExists, Answer::AlreadyExists) => true,
            (Expected::AlreadySettled(must), Answer::AlreadySettled(outcome)) => must == outcome,
            (
                Expected::Promise { .. }
                | Expected::NotFound
                | Expected::AlreadyExists
                | Expected::AlreadySettled(_),
                _,
            ) => false,
        }
    }

    fn learn(&mut self, shown: Promise) -> bool {
        let Self::Known {
            by,
            call,
            created_at,
            outcome,
            settled,
        } = self
        else {
            return false;
        };
        let place = shown.settled.map(|settled| (settled.seq, settled.at));
        (*by, *call) == (shown.by, shown.call)
            && *outcome == shown.settled.map(|settled| settled.outcome)
            && *created_at.get_or_insert(shown.created_at) == shown.created_at
            && place.is_none_or(|place| *settled.get_or_insert(place) == place)
    }
}
