//! Time as a value: it comes in as an argument and is never asked for.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970, or [`Timestamp::NEVER`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Later than everything.
    pub const NEVER: Self = Self(i64::MAX);
    /// The beginning of 1970.
    pub const ZERO: Self = Self(0);

    /// From milliseconds since 1970; what lies before that is 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        if millis < 0 { Self(0) } else { Self(millis) }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// True for a time that never comes.
    #[must_use]
    pub fn is_never(self) -> bool {
        self == Self::NEVER
    }

    /// This long after; what is too far away is never.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long until `later`; zero when it has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never() {
            f.write_str("never")
        } else {
            self.0.fmt(f)
        }
    }
}

/// The place at which a promise settled in its partition's log: the batch's number and the place within it.
///
/// The log's order is the order in which executions see results, live and in replay.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Seq(pub u64);

impl Seq {
    /// Before everything.
    pub const ZERO: Self = Self(0);
    const PLACE_BITS: u32 = 16;

    /// Before the first settlement of a batch.
    #[must_use]
    pub const fn before_batch(number: u64) -> Self {
        Self(number << Self::PLACE_BITS)
    }

    /// The next place.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which moment and which places of the log a request is applied at. One time per batch, never earlier than the last.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// The time of the batch.
    pub now: Timestamp,
    /// The last place that was given.
    pub seq: Seq,
}
