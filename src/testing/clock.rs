//! Virtual time: the clock of the tokio runtime of a test, and the time of day that follows it.

use std::{cell::Cell, time::Duration};

use resonate_runtime::testing;
use tokio::time::Instant;

/// When every world begins: on 1 January 2026, at midnight UTC.
const EPOCH: i64 = 1_767_225_600_000;

thread_local! {
    static STARTED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The time of day begins, on this thread.
pub(super) fn begin() {
    STARTED.set(Some(Instant::now()));
    testing::set_wall(Some(wall));
}

/// This thread has the time of the system again.
pub(super) fn end() {
    testing::set_wall(None);
    STARTED.set(None);
}

pub(super) fn started() -> Instant {
    STARTED.get().unwrap_or_else(Instant::now)
}

pub(super) fn elapsed() -> Duration {
    started().elapsed()
}

pub(super) fn wall() -> i64 {
    EPOCH.saturating_add(i64::try_from(elapsed().as_millis()).unwrap_or(i64::MAX))
}
