//! The bytes of a row: a record or a message of the outbox, with the number of its format in front.
//!
//! What is written today must be readable for ever; what a newer version wrote is refused, never half understood. The
//! checksum is the store's.

use bytes::Bytes;
use prost::Message as _;
use resonate_core::{AwaiterPage, Kind, Message, Record};

use crate::{
    convert::{BadMessage, Reading},
    generated::store::v1 as wire,
};

/// The newest format. It grows when an older reader would lose something by skipping what it does not know; a row that has
/// nothing of that is written in the format before, so that an older version can still read it.
pub const FORMAT: u32 = 3;
/// Rows with a compensation.
const COMPENSATION: u32 = 2;
/// Rows without a compensation.
const PLAIN: u32 = 1;

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoredError {
    /// A newer version wrote it.
    #[error(
        "the row has format {found}, this version reads up to format {FORMAT}; start the version that wrote it, or a newer one"
    )]
    NewerFormat {
        /// The row's.
        found: u32,
    },
    /// It does not begin as our rows do.
    #[error("the row has no format number; it is damaged, or was written by something else")]
    NoFormat,
    /// The bytes are no protobuf message.
    #[error("the row is damaged")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// They say something that cannot be.
    #[error("the row holds something that cannot be: {0}")]
    Bad(#[from] BadMessage),
}

/// The bytes of a record.
#[must_use]
pub fn encode_record(record: &Record) -> Bytes {
    let format = match (&record.promise.kind, &record.promise.compensation) {
        (Kind::Schedule(_), _) => FORMAT,
        (_, Some(_)) => COMPENSATION,
        (_, None) => PLAIN,
    };
    wire::StoredRecord {
        format,
        record: Some(record.into()),
        awaiters: None,
    }
    .encode_to_vec()
    .into()
}

/// The bytes of a page of awaiters.
#[must_use]
pub fn encode_awaiters(page: &AwaiterPage) -> Bytes {
    let page = wire::AwaiterPage {
        of: page.of.to_string(),
        number: page.number,
        proxies: page.proxies.iter().map(ToString::to_string).collect(),
    };
    wire::StoredRecord {
        format: PLAIN,
        record: None,
        awaiters: Some(page),
    }
    .encode_to_vec()
    .into()
}

/// What a row of a tree holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A promise and its task.
    Record(Box<Record>),
    /// Some of those who await a promise.
    Awaiters(AwaiterPage),
}

/// What these bytes of a row of a tree hold.
///
/// # Errors
/// Says whether the row is damaged or too new.
pub fn decode_row(bytes: &[u8]) -> Result<Stored, StoredError> {
    check_format(bytes)?;
    let stored = wire::StoredRecord::decode(bytes).map_err(damaged)?;
    let Some(page) = stored.awaiters else {
        let record = Reading("StoredRecord").required("record", stored.record)?;
        return Ok(Stored::Record(Box::new(record.try_into()?)));
    };
    const READING: Reading = Reading("AwaiterPage");
    Ok(Stored::Awaiters(AwaiterPage {
        of: READING.id("of", page.of)?,
        number: page.number,
        proxies: READING.ids("proxies", page.proxies)?,
    }))
}

/// The record in these bytes.
///
/// # Errors
/// Says whether the row is damaged or too new.
pub fn decode_record(bytes: &[u8]) -> Result<Record, StoredError> {
    check_format(bytes)?;
    let stored = wire::StoredRecord::decode(bytes).map_err(damaged)?;
    Ok(Reading("StoredRecord")
        .required("record", stored.record)?
        .try_into()?)
}

/// The bytes of a message of the outbox.
#[must_use]
pub fn encode_message(message: &Message) -> Bytes {
    let format = match message {
        Message::Cancel { .. } => FORMAT,
        Message::Create { .. }
        | Message::Subscribe { .. }
        | Message::Unsubscribe { .. }
        | Message::Tell { .. }
        | Message::Answer { .. }
        | Message::Wave { .. }
        | Message::Answers { .. }
        | Message::Trim { .. } => PLAIN,
    };
    wire::StoredMessage {
        format,
        message: Some(message.into()),
    }
    .encode_to_vec()
    .into()
}

/// The message in these bytes.
///
/// # Errors
/// Says whether the row is damaged or too new.
pub fn decode_message(bytes: &[u8]) -> Result<Message, StoredError> {
    check_format(bytes)?;
    let stored = wire::StoredMessage::decode(bytes).map_err(damaged)?;
    Ok(Reading("StoredMessage")
        .required("message", stored.message)?
        .try_into()?)
}

/// Before the rest is read: a newer format may not even parse.
fn check_format(bytes: &[u8]) -> Result<(), StoredError> {
    match wire::StoredFormat::decode(bytes).map_err(damaged)?.format {
        0 => Err(StoredError::NoFormat),
        PLAIN..=FORMAT => Ok(()),
        found => Err(StoredError::NewerFormat { found }),
    }
}

fn damaged(error: prost::DecodeError) -> StoredError {
    StoredError::Damaged(Box::new(error))
}
