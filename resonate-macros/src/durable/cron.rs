//! A cron expression and a time zone as far as they can be looked at here: number of fields, ranges, names. The grammar is
//! `resonate-core/src/schedule/cron.rs`, which a macro cannot call; a test compares the two. Which zones there are is said
//! when a worker starts.

/// What a field is called, its least and most, and the names that stand for numbers from the least on.
type Field = (&'static str, u32, u32, &'static [&'static str]);

const SECOND: Field = ("second", 0, 59, &[]);
const FIELDS: [Field; 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    (
        "month",
        1,
        12,
        &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
    ),
    (
        "weekday",
        0,
        7,
        &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    ),
];
/// As `resonate-core/src/limits.rs` has it.
const BYTES_MAX: usize = 256;

/// Why a text is no cron expression, and what to write instead.
pub(super) fn mistake(text: &str) -> Option<String> {
    if text.len() > BYTES_MAX {
        return Some(format!(
            "a cron expression has at most {BYTES_MAX} bytes; split it into two schedules"
        ));
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    let fields: Vec<Field> = match parts.len() {
        5 => FIELDS.to_vec(),
        6 => std::iter::once(SECOND).chain(FIELDS).collect(),
        found => {
            return Some(format!(
                "a cron expression has 5 fields (minute hour day month weekday), or 6 with seconds first, not {found}; \
                 write `schedule = \"0 3 * * *\"`"
            ));
        }
    };
    let all = fields.iter().zip(parts);
    let mut wrong =
        all.flat_map(|(field, text)| text.split(',').filter_map(|part| wrong(field, part)));
    wrong.next()
}

fn wrong(field: &Field, part: &str) -> Option<String> {
    let (name, least, most, names) = field;
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let is_step = |step: &str| {
        step.parse()
            .is_ok_and(|step: u32| (1..=*most).contains(&step))
    };
    let ends = match range.split_once('-') {
        _ if range == "*" => Some((*least, *most)),
        Some((from, to)) => number(field, from).zip(number(field, to)),
        None => number(field, range).map(|number| (number, number)),
    };
    match ends {
        None => {
            let or = match (names.first(), names.last()) {
                (Some(first), Some(last)) => format!(", or {first} to {last}"),
                _ => String::new(),
            };
            Some(format!(
                "`{part}` is no {name} of a cron expression; write {least} to {most}{or}"
            ))
        }
        Some((from, to)) if from > to => Some(format!(
            "`{part}` is no {name} of a cron expression; {from}-{to} ends before it begins"
        )),
        Some(_) if !step.is_none_or(is_step) => Some(format!(
            "`{part}` is no {name} of a cron expression; what follows the `/` is a number from 1 to {most}"
        )),
        Some(_) => None,
    }
}

fn number((_, least, most, names): &Field, text: &str) -> Option<u32> {
    let named = names.iter().zip(*least..);
    let named = named
        .filter(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, number)| number)
        .next();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = named.or_else(|| text.parse().ok().filter(|_| digits));
    number.filter(|number| (least..=most).contains(&number))
}

/// Why a text cannot be the name of a time zone.
pub(super) fn zone_mistake(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-/".contains(&byte);
    let begins = text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic());
    (!begins || !text.bytes().all(fits)).then(|| {
        "a time zone is named as IANA does; write `timezone = \"Europe/Berlin\"`".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one side takes and the other refuses would be refused when a worker starts, or never.
    #[test]
    fn the_attribute_and_the_server_refuse_the_same() {
        let parts = [
            "*",
            "0",
            "7",
            "8",
            "12",
            "13",
            "23",
            "24",
            "31",
            "32",
            "59",
            "60",
            "61",
            "*/5",
            "*/0",
            "*/99",
            "1-5",
            "5-1",
            "1-5/2",
            "3/4",
            "1,2,3",
            "1,,2",
            "JAN",
            "dec",
            "MON-FRI",
            "FRI-MON",
            "SUN",
            "-1",
            "+1",
            "x",
            "*/",
            "/2",
            "1-",
            "L",
            "?",
            "99999999999999999999",
            "1-2-3",
            "0-7",
        ];
        for part in parts {
            for place in 0..6 {
                let mut fields = ["*"; 6];
                if let Some(field) = fields.get_mut(place) {
                    *field = part;
                }
                let text = fields.join(" ");
                let (here, there) = (mistake(&text), resonate_core::Cron::parse(&text));
                assert_eq!(
                    here.is_some(),
                    there.is_err(),
                    "{text}: {here:?}, {there:?}"
                );
            }
        }
        for text in ["", "* * * *", "* * * * * * *", "0 3 * * *"] {
            let (here, there) = (mistake(text), resonate_core::Cron::parse(text));
            assert_eq!(
                here.is_some(),
                there.is_err(),
                "{text}: {here:?}, {there:?}"
            );
        }
    }

    #[test]
    fn zones_look_like_zones() {
        for good in [
            "UTC",
            "Europe/Berlin",
            "America/Port-au-Prince",
            "Etc/GMT+3",
        ] {
            assert_eq!(zone_mistake(good), None);
        }
        for bad in ["", "Europe Berlin", "+01:00", "/Berlin"] {
            assert!(zone_mistake(bad).is_some(), "{bad}");
        }
    }
}
