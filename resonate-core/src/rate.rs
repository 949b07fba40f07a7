//! How often something may start: the generic cell rate algorithm, in whole microseconds. Pure.
//!
//! What rested may start as many at once as its period allows. Who does not know what was started before begins with
//! nothing saved: that delays by one interval and never lets more through.

use std::time::Duration;

use crate::Timestamp;

/// So many starts in this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least one.
    pub starts: u32,
    /// In which time.
    pub per: Duration,
}

/// What is left of a rate: when the next start would be due if all came evenly, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meter(i64);

impl Rate {
    /// Between two starts that come evenly, in microseconds.
    fn interval(self) -> i64 {
        let per = i64::try_from(self.per.as_micros()).unwrap_or(i64::MAX);
        (per / i64::from(self.starts.max(1))).max(1)
    }

    /// How far ahead of that one may be.
    fn burst(self) -> i64 {
        self.interval()
            .saturating_mul(i64::from(self.starts.max(1)) - 1)
    }
}

impl Meter {
    /// Nothing is saved: the first start is due after one interval.
    pub(crate) fn empty(rate: Rate, now: Timestamp) -> Self {
        let even = micros(now)
            .saturating_add(rate.burst())
            .saturating_add(rate.interval());
        Self(even)
    }

    /// One starts.
    pub(crate) fn start(&mut self, rate: Rate, now: Timestamp) {
        self.0 = self.0.max(micros(now)).saturating_add(rate.interval());
    }

    /// When the next one may.
    pub(crate) fn opens_at(self, rate: Rate) -> Timestamp {
        rounded_up(self.0.saturating_sub(rate.burst()))
    }

    /// When everything is saved again that can be.
    pub(crate) fn full_at(self) -> Timestamp {
        rounded_up(self.0)
    }
}

/// A start is never early.
fn rounded_up(micros: i64) -> Timestamp {
    Timestamp::from_millis(micros.max(0).saturating_add(999) / 1_000)
}

fn micros(time: Timestamp) -> i64 {
    time.as_millis().saturating_mul(1_000)
}
