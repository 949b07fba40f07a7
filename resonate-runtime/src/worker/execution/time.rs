//! About when the server would say it is: from the times it told, and how long ago that was.

use resonate_core::Timestamp;
use tokio::time::Instant;

/// About when the server would say it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerTime {
    told: Timestamp,
    heard: Instant,
}

impl ServerTime {
    /// The server told the time just now.
    pub(super) fn told(time: Timestamp) -> Self {
        Self::told_at(time, Instant::now())
    }

    /// The server told the time then.
    pub(super) fn told_at(time: Timestamp, heard: Instant) -> Self {
        Self { told: time, heard }
    }

    /// The server told the time; an old one, such as that of a history, changes nothing.
    pub(super) fn hear(&mut self, time: Timestamp) {
        if time > self.now() {
            *self = Self::told(time);
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.told.after(self.heard.elapsed())
    }
}
