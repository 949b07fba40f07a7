//! When a failed attempt is tried again, as users write it: a builder over the policy that the record keeps.
//!
//! The policy travels with the call and the server keeps the times; which *answers* are failures in disguise is a
//! closure and stays in the process that runs the function.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use resonate_core::RetryPolicy;

/// When failed attempts of a function or a step are tried again.
///
/// Without one: exponential from 100 ms to 60 s with full jitter, until the promise's timeout.
///
/// ```
/// use std::time::Duration;
/// # extern crate resonate_runtime as resonate;
/// use resonate::Retry;
///
/// #[derive(Debug)]
/// enum PaymentError { Declined, Busy }
///
/// let retry = Retry::exponential()
///     .initial(Duration::from_millis(50))
///     .max_attempts(5)
///     .when(|error: &PaymentError| matches!(error, PaymentError::Busy));
/// # drop(retry);
/// ```
#[derive(Clone)]
#[must_use = "a retry policy does nothing until a function or a call is given it"]
pub struct Retry {
    policy: RetryPolicy,
    when: Option<Arc<Wants>>,
}

/// Says of an error whether it is worth another attempt; none if it is not of the type that was asked for.
type Wants = dyn Fn(&dyn Any) -> Option<bool> + Send + Sync;

impl Retry {
    /// From 100 ms to 60 s, doubling, with full jitter, until the promise's timeout.
    pub const fn exponential() -> Self {
        Self {
            policy: RetryPolicy::DEFAULT,
            when: None,
        }
    }

    /// Waits of at most `wait`, all alike, with full jitter.
    pub const fn fixed(wait: Duration) -> Self {
        let policy = RetryPolicy {
            initial: wait,
            max: wait,
            max_attempts: None,
            factor_percent: 100,
        };
        Self { policy, when: None }
    }

    /// One attempt only.
    pub const fn never() -> Self {
        Self {
            policy: RetryPolicy::NEVER,
            when: None,
        }
    }

    /// The wait before the second attempt is at most this.
    pub const fn initial(mut self, wait: Duration) -> Self {
        self.policy.initial = wait;
        self
    }

    /// No wait is longer than this.
    pub const fn max(mut self, wait: Duration) -> Self {
        self.policy.max = wait;
        self
    }

    /// Attempts in all, the first included; 0 counts as 1.
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.policy.max_attempts = Some(if attempts == 0 { 1 } else { attempts });
        self
    }

    /// Each wait is this many percent of the one before; 200 doubles.
    pub const fn factor_percent(mut self, percent: u32) -> Self {
        self.policy.factor_percent = percent;
        self
    }

    /// Which errors are worth another attempt.
    ///
    /// Without it an error of the function's own type is an answer and every [`Error`](crate::Error) that is not
    /// terminal is tried again. `E` is the function's own error type, or [`Error`](crate::Error) itself.
    pub fn when<E: 'static>(mut self, wants: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(move |error| error.downcast_ref::<E>().map(&wants)));
        self
    }

    /// What the record keeps.
    pub(crate) const fn policy(&self) -> RetryPolicy {
        self.policy
    }

    /// Whether `when` says that this error is worth another attempt; none if it says nothing about its type.
    pub(crate) fn wants<E: 'static>(&self, error: &E) -> Option<bool> {
        self.when.as_ref().and_then(|wants| wants(error))
    }

    /// True if it has a closure, which cannot travel to another process.
    pub(crate) const fn has_condition(&self) -> bool {
        self.when.is_some()
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::exponential()
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("policy", &self.policy)
            .field("when", &self.when.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_speaks_of_its_own_type_only() {
        let retry = Retry::exponential().when(|error: &u32| *error == 503);
        assert_eq!(retry.wants(&503u32), Some(true));
        assert_eq!(retry.wants(&404u32), Some(false));
        assert_eq!(retry.wants(&"busy"), None);
        assert_eq!(Retry::never().wants(&503u32), None);
    }

    #[test]
    fn the_builder_ends_in_the_policy_of_the_record() {
        let policy = Retry::exponential()
            .initial(Duration::from_millis(5))
            .max(Duration::from_secs(1))
            .max_attempts(0)
            .policy();
        assert_eq!((policy.initial.as_millis(), policy.max.as_secs()), (5, 1));
        assert_eq!(policy.max_attempts, Some(1));
        assert_eq!(
            Retry::fixed(Duration::from_secs(2)).policy().factor_percent,
            100
        );
    }
}
