//! The time, the same in every replay.

use resonate_core::Timestamp;

use crate::context::current;

/// The time of the latest log entry that this execution was shown; at first its caller's at the call, or its creation.
///
/// It is the same in every replay, and stands still while the function computes.
///
/// # Panics
/// Outside of durable functions, also in a tokio task that one has spawned.
#[must_use]
#[track_caller]
pub fn now() -> Timestamp {
    match current::scope() {
        Some(scope) => scope.context.now(),
        None => panic!(
            "`now()` is outside of a durable function, where there is no log to be the clock; use `std::time` there"
        ),
    }
}
