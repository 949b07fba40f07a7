//! What came of replaying a history: one execution after the other, for people, tests and scripts.

use std::fmt;

/// What came of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "what came of it is to be looked at, with `assert_fits` for instance"]
pub struct Replays {
    pub(super) executions: Vec<Replayed>,
}

/// One execution of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    pub(super) id: String,
    pub(super) function: String,
    pub(super) fit: Fit,
}

/// How an execution of a history and the code of this program go together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fit {
    /// The code does what the history holds; an execution that has ended ends alike.
    Same,
    /// The code does what the history holds and ends otherwise. What runs in production is not held up by that.
    EndsOtherwise {
        /// How it ended.
        was: String,
        /// How it would end now.
        is: String,
    },
    /// The code asks for something else than the history holds: it would be halted, with this reason.
    Diverged(String),
    /// The code panics where the history goes on.
    Fails(String),
    /// The function has other types of parameters or result now, under the same version.
    Retyped,
    /// The code waits for something that is no part of the history: a socket, a thread.
    Waits,
    /// The program has no body of this function.
    NotHere,
    /// It has asked for nothing, so there is nothing to compare.
    Leaf,
    /// It is a method of an object, and the history does not hold the state that it began with.
    Stateful,
}

impl Replays {
    /// All executions of the history, callers before their calls.
    #[must_use]
    pub fn executions(&self) -> &[Replayed] {
        &self.executions
    }

    /// True if something was replayed, and none of it would be halted or fail.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.executions.iter().all(Replayed::fits)
            && self.executions.iter().any(Replayed::is_replayed)
    }

    /// For tests.
    ///
    /// # Panics
    /// Says what would be halted or fail, or that nothing was replayed at all: then the history is of another program.
    #[track_caller]
    pub fn assert_fits(&self) {
        assert!(self.fits(), "{self}");
    }
}

impl Replayed {
    /// The id of its promise.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The function, as `service/name@version`.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// How its history and the code go together.
    #[must_use]
    pub fn fit(&self) -> &Fit {
        &self.fit
    }

    /// False if production would halt it, or it would fail.
    #[must_use]
    pub fn fits(&self) -> bool {
        !matches!(
            self.fit,
            Fit::Diverged(_) | Fit::Fails(_) | Fit::Retyped | Fit::Waits
        )
    }

    /// True if its code ran.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        !matches!(
            self.fit,
            Fit::NotHere | Fit::Leaf | Fit::Retyped | Fit::Stateful
        )
    }
}

impl Fit {
    /// Its name, for scripts.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::EndsOtherwise { .. } => "ends_otherwise",
            Self::Diverged(_) => "diverged",
            Self::Fails(_) => "fails",
            Self::Retyped => "retyped",
            Self::Waits => "waits",
            Self::NotHere => "not_here",
            Self::Leaf => "leaf",
            Self::Stateful => "stateful",
        }
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("fits"),
            Self::EndsOtherwise { was, is } => write!(f, "fits, and ends otherwise: was {was}, is {is}"),
            Self::Diverged(reason) => write!(f, "would be halted: {reason}"),
            Self::Fails(reason) => write!(f, "fails: {reason}"),
            Self::Retyped => f.write_str(
                "has other types of parameters or result than under this version before; give it another version",
            ),
            Self::Waits => f.write_str("waits for something that is no part of its history"),
            Self::NotHere => f.write_str("is no function of this program"),
            Self::Leaf => f.write_str("has asked for nothing yet"),
            Self::Stateful => f.write_str("is a method of an object, whose state is no part of the history"),
        }
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) {}", self.id, self.function, self.fit)
    }
}

impl fmt::Display for Replays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.executions.iter().any(Replayed::is_replayed) {
            writeln!(f, "nothing of this history was replayed")?;
        }
        for replayed in &self.executions {
            writeln!(f, "{replayed}")?;
        }
        Ok(())
    }
}
