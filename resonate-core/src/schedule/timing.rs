//! When a schedule fires: a cron expression in a time zone, as a pure function of an instant.
//!
//! The zones are compiled in, so every server, on every machine, gives the same answer; no file of the machine is read.
//! **What changes of the clocks do**: a time that does not exist that day fires once, at the moment the gap ends; a time
//! that comes twice fires the first time. An expression whose hour is `*` goes by the minute hand instead: it fires in
//! the repeated hour again and has nothing to make up for after a gap, so every quarter of an hour stays that.

use jiff::{
    Timestamp as Moment, ToSpan as _,
    civil::{DateTime, Time},
    tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase},
};

use super::cron::{BadCron, Cron};
use crate::{PromiseId, Timestamp};

/// A cron expression in a time zone.
#[derive(Clone, Debug)]
pub struct Timing {
    cron: Cron,
    zone: TimeZone,
}

/// Why nothing can be scheduled so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadTiming {
    /// The cron expression.
    #[error(transparent)]
    Cron(#[from] BadCron),
    /// The time zone.
    #[error("there is no time zone `{0}`; write an IANA name, such as Europe/Berlin or UTC")]
    Zone(String),
}

/// Days that are looked at for the next firing. 29 February may be eight years away (1896 to 1904, 2096 to 2104).
const DAYS: usize = 9 * 366;
/// Changes of the clocks that are looked at: more than two a year have been.
const SEGMENTS: usize = 64;

impl Timing {
    /// Reads a cron expression and a time zone.
    ///
    /// # Errors
    /// Says which of the two is wrong, and what in it.
    pub fn parse(cron: &str, timezone: &str) -> Result<Self, BadTiming> {
        let zone = TimeZoneDatabase::bundled()
            .get(timezone)
            .map_err(|_| BadTiming::Zone(timezone.to_owned()))?;
        let timing = Self {
            cron: Cron::parse(cron)?,
            zone,
        };
        // Within any nine years there is a 29 February, unless a century is passed: from 2000 on it is.
        if timing
            .next_after(Timestamp::from_millis(951_782_400_000))
            .is_none()
        {
            let text = cron.to_owned();
            return Err(BadCron::Never { text }.into());
        }
        Ok(timing)
    }

    /// The first firing later than this; none if the calendar has no such day any more.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let second = after.as_millis().div_euclid(1_000).checked_add(1)?;
        let from = Moment::from_second(second).ok()?;
        let next = if self.cron.is_every_hour() {
            self.by_the_minute_hand(from)
        } else {
            self.by_the_calendar(from)
        };
        Some(Timestamp::from_millis(next?.as_millisecond()))
    }

    /// The firings later than this, at most so many.
    pub fn upcoming(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        std::iter::successors(self.next_after(after), |at| self.next_after(*at))
    }

    /// The time of day there, for people: `2026-12-01 03:00:00+01:00`.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> String {
        Moment::from_millisecond(at.as_millis()).map_or_else(
            |_| at.to_string(),
            |instant| {
                let zoned = instant.to_zoned_datetime(self.zone.clone());
                zoned.strftime("%Y-%m-%d %H:%M:%S%:z").to_string()
            },
        )
    }

    /// Civil times in their order, each at the first moment that it is, or that the gap it lies in ends.
    fn by_the_calendar(&self, from: Moment) -> Option<Moment> {
        let start = self.zone.to_datetime(from);
        self.civil_from(start)
            .filter_map(|civil| self.first_moment(civil))
            .find(|moment| *moment >= from)
    }

    fn first_moment(&self, civil: DateTime) -> Option<Moment> {
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(civil).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(civil).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                let before_the_gap = after.to_timestamp(civil).ok()?;
                let change = self.zone.following(before_the_gap).next()?;
                Some(change.timestamp())
            }
        }
    }

    /// Between two changes of the clocks civil times are moments, one for one.
    fn by_the_minute_hand(&self, from: Moment) -> Option<Moment> {
        let mut from = from;
        for _ in 0..SEGMENTS {
            let offset: Offset = self.zone.to_offset(from);
            let change = self
                .zone
                .following(from)
                .next()
                .map(|change| change.timestamp());
            let found = self
                .civil_from(offset.to_datetime(from))
                .next()
                .and_then(|civil| offset.to_timestamp(civil).ok());
            match (found, change) {
                (Some(found), None) => return Some(found),
                (Some(found), Some(change)) if found < change => return Some(found),
                (_, Some(change)) => from = change,
                (None, None) => return None,
            }
        }
        None
    }

    /// All times that the expression means, from this one on, whatever the zone.
    fn civil_from(&self, start: DateTime) -> impl Iterator<Item = DateTime> + '_ {
        let days = std::iter::successors(Some(start.date()), |date| date.tomorrow().ok());
        days.take(DAYS)
            .filter(|date| self.cron.has_day(*date))
            .flat_map(move |date| {
                let from = if date == start.date() {
                    start.time()
                } else {
                    Time::midnight()
                };
                let later = |time: &Time| self.cron.time_from(time.checked_add(1.second()).ok()?);
                std::iter::successors(self.cron.time_from(from), later)
                    .map(move |time| date.to_datetime(time))
            })
    }
}

impl Timestamp {
    /// A moment as RFC 3339 writes it: `2026-12-01T03:00:00Z`, or with an offset such as `+01:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let instant: Moment = text.parse().ok()?;
        let millis = instant.as_millisecond();
        (millis >= 0).then(|| Self::from_millis(millis))
    }
}

impl PromiseId {
    /// The root that a schedule of this name creates for a fire time: `nightly/20261201T020000Z`. There is one for each.
    #[must_use]
    pub fn firing(&self, at: Timestamp) -> Self {
        Self::of_text(format!("{self}/{}", fire_name(at)))
    }

    /// The proxy of that root below the schedule.
    #[must_use]
    pub(crate) fn firing_proxy(&self, at: Timestamp) -> Self {
        Self::of_text(format!("{self}.{}", fire_name(at)))
    }
}

/// A fire time in UTC without `.` and `:`, which mean something in an id. Milliseconds are written if there are any, which
/// only a firing by hand has.
fn fire_name(at: Timestamp) -> String {
    let instant = Moment::from_millisecond(at.as_millis()).unwrap_or(Moment::MAX);
    let text = instant.strftime("%Y%m%dT%H%M%S").to_string();
    match at.as_millis().rem_euclid(1_000) {
        0 => format!("{text}Z"),
        millis => format!("{text}{millis:03}Z"),
    }
}
