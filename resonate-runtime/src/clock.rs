//! The wall clock of this process, corrected by what the server says its time is.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use resonate_core::Timestamp;

use crate::testing;

/// Tells about when the server would say it is. Only timeouts of roots are measured with it.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_millis: AtomicI64,
}

impl Clock {
    /// The server said that it is `now`.
    pub(crate) fn correct(&self, now: Timestamp) {
        self.ahead_millis.store(
            now.as_millis().saturating_sub(wall_millis()),
            Ordering::Relaxed,
        );
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(
            wall_millis().saturating_add(self.ahead_millis.load(Ordering::Relaxed)),
        )
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a root's timeout begins in this process, before the server is asked"
)]
fn wall_millis() -> i64 {
    if let Some(millis) = testing::wall_millis() {
        return millis;
    }
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_server() {
        let clock = Clock::default();
        clock.correct(Timestamp::from_millis(1_000));
        let now = clock.now().as_millis();
        assert!((1_000..60_000).contains(&now), "{now}");
    }
}
