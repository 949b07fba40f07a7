//! The one real clock. Everything else in this package takes a [`Moment`] as an argument.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use resonate_core::Timestamp;

/// Which moment it is, by both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Time of day, which may jump. The engine never lets it go backwards.
    pub wall: Timestamp,
    /// Time since the start, which only runs. Leases and acknowledgements are measured by it.
    pub steady: Timestamp,
}

impl Moment {
    /// This much later, by both clocks.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self {
            wall: self.wall.after(duration),
            steady: self.steady.after(duration),
        }
    }
}

/// Reads the clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose steady time begins now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one real clock")]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one real clock")]
    pub fn now(self) -> Moment {
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Moment {
            wall: Timestamp::ZERO.after(since_1970),
            steady: Timestamp::ZERO.after(self.started.elapsed()),
        }
    }

    /// How long this clock has been running.
    #[must_use]
    pub fn running(self) -> Duration {
        self.started.elapsed()
    }
}
