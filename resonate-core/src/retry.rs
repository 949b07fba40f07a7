//! When a failed attempt is tried again. The policy is part of the record; whether an error may be retried is the worker's to say.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::PromiseId;

/// Exponential backoff with full jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// The wait before the second attempt is at most this.
    pub initial: Duration,
    /// No wait is longer.
    pub max: Duration,
    /// Attempts in all, the first included; none means until the promise's timeout.
    pub max_attempts: Option<u32>,
    /// Each wait is this many percent of the one before.
    pub factor_percent: u32,
}

impl RetryPolicy {
    /// From 100 ms to 60 s, doubling, until the promise's timeout.
    pub const DEFAULT: Self = Self {
        initial: Duration::from_millis(100),
        max: Duration::from_secs(60),
        max_attempts: None,
        factor_percent: 200,
    };

    /// One attempt only.
    pub const NEVER: Self = Self {
        max_attempts: Some(1),
        ..Self::DEFAULT
    };

    /// The wait before the next attempt, or none when `failures` were enough.
    ///
    /// The jitter is drawn from the promise's id, so the same history gives the same times.
    #[must_use]
    pub fn wait(&self, id: &PromiseId, failures: u32) -> Option<Duration> {
        if self.max_attempts.is_some_and(|max| failures >= max) {
            return None;
        }
        let max = self.max.as_millis();
        let mut ceiling = self.initial.as_millis();
        for _ in 1..failures {
            ceiling = (ceiling * u128::from(self.factor_percent) / 100).min(max);
            if ceiling == max {
                break;
            }
        }
        let ceiling = u64::try_from(ceiling.min(max)).unwrap_or(u64::MAX);
        let drawn = XxHash3_64::oneshot_with_seed(u64::from(failures), id.as_str().as_bytes());
        Some(Duration::from_millis(
            drawn.checked_rem(ceiling.saturating_add(1)).unwrap_or(0),
        ))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_ceiling_and_repeat_for_the_same_promise() {
        let id = PromiseId::new("a").expect("a good id");
        for failures in 1..40 {
            let wait = RetryPolicy::DEFAULT
                .wait(&id, failures)
                .expect("no limit of attempts");
            let ceiling = (100u64 << (failures - 1).min(20)).min(60_000);
            assert!(
                wait <= Duration::from_millis(ceiling),
                "{failures}: {wait:?}"
            );
            assert_eq!(RetryPolicy::DEFAULT.wait(&id, failures), Some(wait));
        }
    }

    #[test]
    fn attempts_end_at_their_limit() {
        let id = PromiseId::new("a").expect("a good id");
        let policy = RetryPolicy {
            max_attempts: Some(3),
            ..RetryPolicy::DEFAULT
        };
        assert!(policy.wait(&id, 2).is_some());
        assert_eq!(policy.wait(&id, 3), None);
        assert_eq!(RetryPolicy::NEVER.wait(&id, 1), None);
    }
}
