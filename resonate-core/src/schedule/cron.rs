//! A cron expression: which civil times it means, before any time zone. Pure, and total over every text.

use jiff::civil::{Date, Time};

use crate::limits;

/// A cron expression, read: 5 fields, or 6 with the seconds first.
///
/// `*`, `7`, `1-5`, `*/15`, `8-18/2`, lists of these, and `JAN`..`DEC`, `SUN`..`SAT` (0 and 7 are Sunday). As in every
/// cron: if both the day of the month and the weekday are restricted, a day that is either of them counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    seconds: u64,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both restrict: a day of either counts.
    either_day: bool,
    every_hour: bool,
}

/// Why a text is no cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCron {
    /// Not 5 or 6 fields.
    #[error(
        "the cron expression `{text}` has {found} fields; write 5 (minute hour day month weekday), or 6 with seconds first"
    )]
    Fields {
        /// The expression.
        text: String,
        /// How many it has.
        found: usize,
    },
    /// Longer than the limit.
    #[error("a cron expression of {bytes} bytes is too long; at most {max} are allowed")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// One field says something that it cannot.
    #[error("`{part}` is no {field} of a cron expression; {why}")]
    Field {
        /// What the field is.
        field: &'static str,
        /// What stands there.
        part: String,
        /// What can.
        why: String,
    },
    /// Such a day does not exist.
    #[error("the cron expression `{text}` means no day that ever comes; look at its day and month")]
    Never {
        /// The expression.
        text: String,
    },
}

/// What one field may say.
struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    /// Names that stand for numbers, from `min` on.
    names: &'static [&'static str],
}

const SECOND: Field = field("second", 0, 59, &[]);
const MINUTE: Field = field("minute", 0, 59, &[]);
const HOUR: Field = field("hour", 0, 23, &[]);
const DAY: Field = field("day of the month", 1, 31, &[]);
const MONTH: Field = field(
    "month",
    1,
    12,
    &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
);
const WEEKDAY: Field = field(
    "weekday",
    0,
    7,
    &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
);

const fn field(name: &'static str, min: u32, max: u32, names: &'static [&'static str]) -> Field {
    Field {
        name,
        min,
        max,
        names,
    }
}

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    /// Names the field that is wrong and what it may say.
    pub fn parse(text: &str) -> Result<Self, BadCron> {
        if text.len() > limits::CRON_BYTES {
            return Err(BadCron::TooLong {
                bytes: text.len(),
                max: limits::CRON_BYTES,
            });
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let (second, fields) = match fields.as_slice() {
            [second, rest @ ..] if rest.len() == 5 => (*second, rest),
            all => ("0", all),
        };
        let &[minute, hour, day, month, weekday] = fields else {
            return Err(BadCron::Fields {
                text: text.to_owned(),
                found: fields.len(),
            });
        };
        let weekdays = WEEKDAY.read(weekday)?;
        Ok(Self {
            seconds: SECOND.read(second)?,
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            // 7 is Sunday too.
            weekdays: (weekdays | weekdays >> 7) & 0x7F,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
            every_hour: hour == "*",
        })
    }

    /// True for an expression whose hour is `*`: it goes on through a change of the clocks, as an interval would.
    #[must_use]
    pub fn is_every_hour(&self) -> bool {
        self.every_hour
    }

    pub(super) fn has_day(&self, date: Date) -> bool {
        let has = |mask: u64, number: i8| number >= 0 && mask >> number & 1 == 1;
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        has(self.months, date.month())
            && if self.either_day {
                day || weekday
            } else {
                day && weekday
            }
    }

    /// The first time of a day that it means, at this time or later.
    pub(super) fn time_from(&self, from: Time) -> Option<Time> {
        let (hour, minute, second) = (
            number(from.hour()),
            number(from.minute()),
            number(from.second()),
        );
        let mut hours = Some(hour);
        while let Some(this_hour) = hours.and_then(|hour| first(self.hours, hour)) {
            let mut minutes = Some(if this_hour == hour { minute } else { 0 });
            while let Some(this_minute) = minutes.and_then(|minute| first(self.minutes, minute)) {
                let is_first = (this_hour, this_minute) == (hour, minute);
                if let Some(second) = first(self.seconds, if is_first { second } else { 0 }) {
                    let part = |number: u32| i8::try_from(number).ok();
                    return Time::new(part(this_hour)?, part(this_minute)?, part(second)?, 0).ok();
                }
                minutes = this_minute.checked_add(1);
            }
            hours = this_hour.checked_add(1);
        }
        None
    }
}

fn number(part: i8) -> u32 {
    u32::try_from(part).unwrap_or(0)
}

/// The lowest number of the set from this one on.
fn first(set: u64, from: u32) -> Option<u32> {
    let rest = set.checked_shr(from)?;
    (rest != 0).then(|| from + rest.trailing_zeros())
}

impl Field {
    /// The numbers that this text means, as a set of bits.
    fn read(&self, text: &str) -> Result<u64, BadCron> {
        text.split(',')
            .try_fold(0, |set, part| Ok(set | self.part(part)?))
    }

    fn part(&self, part: &str) -> Result<u64, BadCron> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.min, self.max),
            Some((from, to)) => (self.number(from, part)?, self.number(to, part)?),
            // `5/15` goes on to the end, as everywhere.
            None if step.is_some() => (self.number(range, part)?, self.max),
            None => {
                let number = self.number(range, part)?;
                (number, number)
            }
        };
        if from > to {
            return Err(self.wrong(part, format!("{from}-{to} ends before it begins")));
        }
        let step = match step.map(str::parse::<u32>) {
            None => 1,
            Some(Ok(step)) if (1..=self.max).contains(&step) => step,
            Some(_) => {
                let why = format!("what follows the `/` is a number from 1 to {}", self.max);
                return Err(self.wrong(part, why));
            }
        };
        let stepped = (from..=to).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        Ok(stepped.fold(0, |set, number| set | 1 << number))
    }

    fn number(&self, text: &str, part: &str) -> Result<u32, BadCron> {
        let named = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text))
            .and_then(|place| u32::try_from(place).ok());
        // `+5` is a number for Rust, and not for cron.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = match named {
            Some(place) => Some(self.min + place),
            None => text.parse().ok().filter(|_| digits),
        };
        number
            .filter(|number| (self.min..=self.max).contains(number))
            .ok_or_else(|| {
                let names = match (self.names.first(), self.names.last()) {
                    (Some(first), Some(last)) => format!(", or {first} to {last}"),
                    _ => String::new(),
                };
                self.wrong(part, format!("write {} to {}{names}", self.min, self.max))
            })
    }

    fn wrong(&self, part: &str, why: String) -> BadCron {
        BadCron::Field {
            field: self.name,
            part: part.to_owned(),
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let error = Cron::parse(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        refused("0 3 * *", "has 4 fields");
        refused("0 0 0 3 * * *", "has 7 fields");
        refused("", "has 0 fields");
        refused("61 3 * * *", "`61` is no minute");
        refused(
            "0 24 * * *",
            "`24` is no hour of a cron expression; write 0 to 23",
        );
        refused("0 3 0 * *", "`0` is no day of the month");
        refused(
            "0 3 * XYZ *",
            "`XYZ` is no month of a cron expression; write 1 to 12, or JAN to DEC",
        );
        refused("0 3 * * 8", "`8` is no weekday");
        refused("0 3 * * FRI-MON", "5-1 ends before it begins");
        refused("*/0 3 * * *", "from 1 to 59");
        refused("*/x 3 * * *", "from 1 to 59");
        refused("+5 3 * * *", "`+5` is no minute");
        refused("1,,2 3 * * *", "`` is no minute");
        refused("99999999999999999999 * * * *", "is no minute");
    }

    #[test]
    fn sunday_is_0_and_7() {
        assert_eq!(Cron::parse("0 3 * * 7"), Cron::parse("0 3 * * 0"));
        assert_eq!(
            Cron::parse("0 3 * * sat-7"),
            Ok(Cron {
                weekdays: 0b100_0001,
                ..Cron::parse("0 3 * * 5").unwrap()
            })
        );
    }
}
