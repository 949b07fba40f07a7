//! Durations as they are read aloud: `days(2)`, `hours(1)`.

use std::time::Duration;

/// This many seconds.
#[must_use]
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// This many minutes of 60 seconds.
#[must_use]
pub const fn minutes(n: u64) -> Duration {
    seconds(n.saturating_mul(60))
}

/// This many hours of 60 minutes.
#[must_use]
pub const fn hours(n: u64) -> Duration {
    minutes(n.saturating_mul(60))
}

/// This many days of 24 hours.
#[must_use]
pub const fn days(n: u64) -> Duration {
    hours(n.saturating_mul(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_too_long_is_the_longest() {
        assert_eq!(days(2).as_secs(), 172_800);
        assert_eq!(days(u64::MAX).as_secs(), u64::MAX);
    }
}
