//! Histories as text: what leaves a server by `resonate export` and comes back to a program that replays it.
//!
//! Lines of JSON. The first says what they are and how many follow; each further one is a promise: what people look for in
//! it, and the whole of it as the bytes of its row, in hexadecimal digits. Whoever reads rows reads these for ever.

use std::fmt::Write as _;

use resonate_core::{Kind, Link, PromiseId, Record};
use serde_json::{Value, json};

use crate::store::{StoredError, decode_record, encode_record};

/// Of the text. It grows when an older reader would misunderstand it.
pub const FORMAT: u32 = 1;

/// Why a text is no history.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadHistory {
    /// It does not begin as histories do.
    #[error("it is no history; `resonate export ID` writes one")]
    NoHistory,
    /// A newer version wrote it.
    #[error(
        "the history has format {found}, this version reads up to format {FORMAT}; use a newer one"
    )]
    NewerFormat {
        /// The text's.
        found: u64,
    },
    /// Lines are missing, or there are more than it says.
    #[error("the history says that it has {said} promises and has {found}; was the file cut?")]
    Cut {
        /// How many it says.
        said: u64,
        /// How many there are.
        found: u64,
    },
    /// A line is no promise.
    #[error("line {number} of the history is no promise; was it changed?")]
    Line {
        /// Which, from 1.
        number: usize,
    },
    /// The row in a line cannot be read.
    #[error("line {number} of the history: {why}")]
    Stored {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        why: StoredError,
    },
}

/// The text of the history of a promise and everything below it.
#[must_use]
pub fn write<'a>(id: &PromiseId, records: impl IntoIterator<Item = &'a Record>) -> String {
    let lines: Vec<_> = records.into_iter().map(line).collect();
    let head = json!({
        "resonate": "history", "format": FORMAT, "id": id.as_str(), "promises": lines.len(),
    });
    let mut text = head.to_string();
    for line in lines {
        write!(text, "\n{line}").expect("writing to a String does not fail");
    }
    text
}

fn line(record: &Record) -> Value {
    let promise = &record.promise;
    let what = match &promise.kind {
        Kind::Call(call) => call.address.to_string(),
        Kind::Step => "step".to_owned(),
        Kind::Timer => "timer".to_owned(),
        Kind::External => "promise".to_owned(),
        Kind::Schedule(_) => "schedule".to_owned(),
        Kind::Proxy(Link::Call { promise, .. }) => format!("call {}", promise.id),
        Kind::Proxy(Link::Await { id }) => format!("await {id}"),
        Kind::Proxy(Link::Tell { id, .. }) => format!("tell {id}"),
    };
    json!({
        "id": promise.id.as_str(),
        "what": what,
        "state": promise.state_name(),
        "position": promise.origin.as_ref().map(|origin| origin.position),
        "location": promise.origin.as_ref().map(|origin| &*origin.location),
        "seq": promise.settled().map(|settled| settled.seq.0),
        "record": hex(&encode_record(record)),
    })
}

/// The promises of a history, in the order in which they were written.
///
/// # Errors
/// Says where it is damaged, or that it is too new.
pub fn read(text: &str) -> Result<Vec<Record>, BadHistory> {
    let mut lines = text.lines().enumerate();
    let head = lines
        .next()
        .and_then(|(_, line)| serde_json::from_str::<Value>(line).ok())
        .filter(|head| head.get("resonate").and_then(Value::as_str) == Some("history"))
        .ok_or(BadHistory::NoHistory)?;
    let number = |name| head.get(name).and_then(Value::as_u64);
    let (Some(format), Some(said)) = (number("format"), number("promises")) else {
        return Err(BadHistory::NoHistory);
    };
    if u64::from(FORMAT) < format {
        return Err(BadHistory::NewerFormat { found: format });
    }
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let records: Vec<_> = lines
        .map(|(at, line)| record(at + 1, line))
        .collect::<Result<_, _>>()?;
    let found = records.len() as u64;
    if found == said {
        Ok(records)
    } else {
        Err(BadHistory::Cut { said, found })
    }
}

fn record(number: usize, line: &str) -> Result<Record, BadHistory> {
    let bytes = serde_json::from_str::<Value>(line).ok().and_then(|line| {
        let digits = line.get("record")?.as_str()?;
        digits
            .as_bytes()
            .chunks(2)
            .map(byte)
            .collect::<Option<Vec<u8>>>()
    });
    let bytes = bytes.ok_or(BadHistory::Line { number })?;
    decode_record(&bytes).map_err(|why| BadHistory::Stored { number, why })
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
    }
    text
}

fn byte(digits: &[u8]) -> Option<u8> {
    let &[high, low] = digits else { return None };
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}
