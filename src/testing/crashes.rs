//! Where workers crash: before or after a turn, by which alone they write.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use resonate_core::Turn;

/// Of a turn: whether it is written, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The server knows nothing of it.
    Before,
    /// It is written, and the worker does not hear of that.
    After,
}

/// Where workers crash.
#[derive(Clone, Debug)]
pub(super) enum Where {
    Nowhere,
    /// At the turn of this number, from 1.
    At(u64, Side),
    /// At one turn of ten, by chance.
    Anywhere(fastrand::Rng),
}

/// Counts turns, and says which of them the worker does not survive.
#[derive(Debug)]
pub(super) struct Crashes(Mutex<State>);

#[derive(Debug)]
struct State {
    place: Where,
    turns: u64,
    struck: Vec<String>,
}

impl Crashes {
    pub(super) fn new(place: Where) -> Self {
        Self(Mutex::new(State {
            place,
            turns: 0,
            struck: Vec::new(),
        }))
    }

    /// A turn arrives; where the worker crashes, if it does.
    pub(super) fn at(&self, turn: &Turn) -> Option<Side> {
        let mut state = self.state();
        state.turns += 1;
        let n = state.turns;
        let side = match &mut state.place {
            Where::Nowhere => None,
            Where::At(at, side) => (*at == n).then_some(*side),
            Where::Anywhere(chance) => (chance.u8(..) < 26).then(|| {
                if chance.bool() {
                    Side::Before
                } else {
                    Side::After
                }
            }),
        }?;
        state
            .struck
            .push(format!("{side} turn {n}, of {}", turn.id));
        Some(side)
    }

    /// How many turns there were.
    pub(super) fn turns(&self) -> u64 {
        self.state().turns
    }

    /// The crashes that there were, for people.
    pub(super) fn struck(&self) -> Vec<String> {
        self.state().struck.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
        })
    }
}
