//! How long to wait before the next try, and what to say while a server is not there.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

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

/// Says once per outage that a server is not there, and once that it is again.
#[derive(Debug, Default)]
pub(crate) struct Reachability {
    lost: AtomicBool,
}

impl Reachability {
    pub(crate) fn failed(&self, url: &str, why: &dyn std::fmt::Display) {
        if !self.lost.swap(true, Ordering::AcqRel) {
            say::warn(format_args!(
                "no server at {url} ({why}); start one with `resonate serve`, or set RESONATE_URL; trying again until it is there"
            ));
        }
    }

    pub(crate) fn worked(&self, url: &str) {
        if self.lost.swap(false, Ordering::AcqRel) {
            say::info(format_args!("the server at {url} is there"));
        }
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
}
