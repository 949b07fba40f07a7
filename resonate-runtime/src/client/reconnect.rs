//! How long to wait before the next try, and what to say while a server is not there.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{limits, say};

/// Waits between tries: exponential with full jitter, so that a thousand workers do not come back at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    ceiling: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self {
            ceiling: limits::BACKOFF_FIRST,
        }
    }

    /// The wait before the next try.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.ceiling.mul_f64(fastrand::f64());
        self.ceiling = (self.ceiling * 2).min(limits::BACKOFF_MAX);
        wait
    }

    /// A try worked: begin from the shortest wait again.
    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }
}

/// Says once per outage that a server is not there, and once that it is again. A server that was never seen is missed at
/// once, one that was there a moment later: a connection may break, or a server be restarted, without anybody noticing.
#[derive(Debug, Default)]
pub(crate) struct Reachability(Mutex<Reached>);

#[derive(Debug, Default)]
enum Reached {
    /// It was never seen.
    #[default]
    Never,
    /// It answered last time.
    There,
    /// It has not answered since then.
    Failing { since: Instant },
    /// That was said.
    Missed,
}

impl Reachability {
    pub(crate) fn failed(&self, url: &str, why: &dyn std::fmt::Display) {
        if self.is_to_be_missed(Instant::now()) {
            say::warn(format_args!(
                "no server at {url} ({why}); start one with `resonate serve`, or set RESONATE_URL; trying again until it is there"
            ));
        }
    }

    pub(crate) fn worked(&self, url: &str) {
        let before = std::mem::replace(&mut *self.lock(), Reached::There);
        if matches!(before, Reached::Missed) {
            say::info(format_args!("the server at {url} is there"));
        }
    }

    /// A try failed; true if it is time to say so.
    fn is_to_be_missed(&self, now: Instant) -> bool {
        let mut reached = self.lock();
        let says = match *reached {
            Reached::Never => true,
            Reached::There => {
                *reached = Reached::Failing { since: now };
                false
            }
            Reached::Failing { since } => limits::MISSED_AFTER <= now.duration_since(since),
            Reached::Missed => false,
        };
        if says {
            *reached = Reached::Missed;
        }
        says
    }

    fn lock(&self) -> MutexGuard<'_, Reached> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_under_a_ceiling_that_grows_to_its_limit_and_falls_back() {
        let mut backoff = Backoff::new();
        assert!(backoff.next() <= limits::BACKOFF_FIRST);
        let longest = (0..200).map(|_| backoff.next()).max().unwrap();
        assert!(longest <= limits::BACKOFF_MAX && longest > limits::BACKOFF_FIRST);
        backoff.reset();
        assert!(backoff.next() <= limits::BACKOFF_FIRST);
    }

    #[test]
    fn a_server_that_was_never_there_is_missed_at_once_and_one_that_was_a_moment_later() {
        let reach = Reachability::default();
        let start = Instant::now();
        assert!(reach.is_to_be_missed(start) && !reach.is_to_be_missed(start));
        reach.worked("http://fake");
        assert!(!reach.is_to_be_missed(start));
        let later = start + limits::MISSED_AFTER;
        assert!(reach.is_to_be_missed(later) && !reach.is_to_be_missed(later));
    }
}
