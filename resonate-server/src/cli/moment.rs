//! Times as people read them.

use std::time::Duration;

use resonate_core::Timestamp;

/// A moment in UTC, to the millisecond.
pub(crate) fn moment(at: Timestamp) -> String {
    if at.is_never() {
        return "never".to_owned();
    }
    let millis = at.as_millis();
    let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = date(days);
    let (hours, minutes, seconds) = (
        of_day / 3_600_000,
        of_day / 60_000 % 60,
        of_day / 1_000 % 60,
    );
    format!(
        "{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}.{:03}Z",
        of_day % 1_000
    )
}

/// Year, month and day of a day counted from 1970, by the proleptic Gregorian calendar. Years begin in March here, so
/// that the leap day is the last of its year.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// How long, in the two largest units.
pub(crate) fn long(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_like_the_calendar() {
        let at = |millis| moment(Timestamp::from_millis(millis));
        assert_eq!(at(0), "1970-01-01 00:00:00.000Z");
        assert_eq!(at(951_782_400_000), "2000-02-29 00:00:00.000Z");
        assert_eq!(at(1_709_251_199_999), "2024-02-29 23:59:59.999Z");
        assert_eq!(at(1_796_082_896_789), "2026-11-30 23:54:56.789Z");
        assert_eq!(moment(Timestamp::NEVER), "never");
    }

    #[test]
    fn durations_have_two_units() {
        assert_eq!(long(Duration::from_millis(20)), "20 ms");
        assert_eq!(long(Duration::from_secs(61)), "1 min 1 s");
        assert_eq!(long(Duration::from_secs(90_000)), "1 d 1 h");
    }
}
