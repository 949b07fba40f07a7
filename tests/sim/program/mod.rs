//! Programs: random trees of what a durable function can do, with the answers they may give known in advance.
//!
//! [`generate`] makes one from a seed, [`answer`] says how it may end, [`functions`] are the durable functions that do it,
//! [`run`] their bodies. A program travels as the argument of its root, and each part of it as the argument of a call.

pub(crate) mod answer;
pub(crate) mod functions;
pub(crate) mod generate;
pub(crate) mod run;

use serde::{Deserialize, Serialize};

/// The services that functions are spread over.
pub(crate) const SERVICES: [&str; 3] = ["red", "green", "blue"];

/// Where a call is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    Anywhere,
    Local,
    Remote,
    Shielded,
    /// Before others of its service.
    Urgent,
    /// Somebody outside may cancel it.
    Cancelable,
    /// What it did is undone if its caller ends badly, or drops it.
    Undone,
}

/// What calls with one key do to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Keyed {
    /// One waits for the other.
    Alone,
    /// A later one cancels those before it.
    Latest,
    /// The last one runs for all.
    Merged,
}

/// One thing to do. Everything that is recorded has a number of its own in its program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Op {
    /// Nothing.
    Value(u64),
    /// One after the other; the first error ends it.
    Seq(Vec<Self>),
    /// All at once; the first error by place is the answer.
    Join(Vec<Self>),
    /// A function of a service does it.
    Call {
        no: u32,
        to: u8,
        place: Place,
        op: Box<Self>,
    },
    /// The call starts, the rest is done, then the call is awaited.
    Spawn { call: Box<Self>, rest: Box<Self> },
    /// A function that only takes some time, has a side effect, and fails so often before.
    Leaf {
        no: u32,
        to: u8,
        place: Place,
        millis: u64,
        fails: u8,
        panics: u8,
    },
    /// A leaf that may take so long at most.
    Limited { millis: u64, leaf: Box<Self> },
    /// A call whose argument and result are so large.
    Large { no: u32, bytes: usize, place: Place },
    /// A call that takes every worker down that runs it, until somebody outside mends it or cancels it.
    Deadly { no: u32 },
    /// A step of the function itself.
    Step {
        no: u32,
        millis: u64,
        fails: u8,
        at_most_once: bool,
    },
    /// A durable timer.
    Sleep { no: u32, millis: u64 },
    /// Something is done if the function ends badly.
    OnCancel { no: u32 },
    /// An answer that is an error.
    Wrong(u32),
    /// An error becomes a value.
    Catch(Box<Self>),
    /// Two at once; the slower one is dropped.
    Race { one: Box<Self>, other: Box<Self> },
    /// Dropped if it takes longer.
    Timeout { millis: u64, op: Box<Self> },
    /// Something that outlives its caller.
    Detach { no: u32, to: u8, op: Box<Self> },
    /// A promise that somebody outside resolves.
    Gate { no: u32 },
    /// The same, and it is open for so long only.
    Lapse { no: u32, millis: u64 },
    /// The same, and the function resolves it itself, as if it were another's.
    Tell { no: u32 },
    /// All that a function does: so often this, each time with a history of its own, and then that.
    Generations {
        at: u32,
        times: u32,
        each: Box<Self>,
        last: Box<Self>,
    },
    /// A call that has a key in common with others, also of other programs.
    Keyed {
        no: u32,
        key: u8,
        keyed: Keyed,
        millis: u64,
    },
    /// The attempt panics here, so often.
    Panic { no: u32, times: u8 },
}

/// How a program ends.
pub(crate) type Answer = Result<u64, Wrong>;

/// The error of every function here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Wrong {
    /// As the program wants it.
    Meant(u32),
    /// Of ours: its kind, and what it said.
    Ours(String, String),
}

impl From<resonate::Error> for Wrong {
    fn from(error: resonate::Error) -> Self {
        Self::Ours(error.kind().name().to_owned(), format!("{error:#}"))
    }
}

impl Wrong {
    /// True for an error of ours of this kind.
    pub(crate) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Ours(kind, _) if kind == name)
    }
}

/// Joins two values so that order matters.
pub(crate) fn mix(one: u64, other: u64) -> u64 {
    (one ^ other.rotate_left(23))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(17)
}

/// The value of what runs for all calls with this key.
pub(crate) fn value_of_key(key: u8) -> u64 {
    mix(u64::from(key), 8)
}

/// The value of what has this number.
pub(crate) fn value_of(no: u32) -> u64 {
    mix(u64::from(no), 1)
}

/// What an error becomes when it is caught.
pub(crate) fn caught(wrong: &Wrong) -> u64 {
    match wrong {
        Wrong::Meant(code) => mix(u64::from(*code), 2),
        Wrong::Ours(kind, _) => kind.bytes().fold(3, |sum, byte| mix(sum, u64::from(byte))),
    }
}

/// What a timeout gives when it fires, and a step when nobody knows what came of it.
pub(crate) const TIMED_OUT: u64 = 4;
/// See [`TIMED_OUT`].
pub(crate) const UNKNOWN: u64 = 5;
/// What a detached call gives its caller.
pub(crate) const DETACHED: u64 = 6;
/// What a call gives that somebody outside has canceled.
pub(crate) const CANCELED: u64 = 7;
