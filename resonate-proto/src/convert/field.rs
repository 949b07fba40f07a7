//! Reading one field of a wire message: an error always names the message and the field.

use std::time::Duration;

use bytes::Bytes;
use resonate_core::{Address, BadId, PromiseId, SessionId, SettleKey, Timestamp, limits};

/// A wire message that says something we do not know or allow. It is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}.{field}: {problem}")]
pub struct BadMessage {
    /// The message, as the `.proto` files call it.
    pub message: &'static str,
    /// Its field.
    pub field: &'static str,
    /// What is the matter with it.
    pub problem: Problem,
}

/// What is the matter with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It must be there. A newer peer may have sent something this version does not know.
    #[error("missing, or of a kind that this version does not know")]
    Missing,
    /// A name that stands for nothing here.
    #[error("{0:?} is not known to this version")]
    Unknown(String),
    /// A number that cannot be.
    #[error("{0} is out of range")]
    OutOfRange(i128),
    /// Not the name of a promise.
    #[error(transparent)]
    BadId(#[from] BadId),
    /// Not 32 hex digits.
    #[error("{0:?} is no session; a session is 32 hex digits")]
    BadSession(String),
    /// Not 16 bytes.
    #[error("{0} bytes are no key; a key has 16")]
    BadKey(usize),
    /// Not a part of an address.
    #[error(
        "{0:?} is no part of a function's address; give 1 to 512 bytes without control characters"
    )]
    BadAddress(String),
    /// It has no place here.
    #[error("{0}")]
    Misplaced(&'static str),
}

/// The message that is being read; its methods read fields.
#[derive(Clone, Copy)]
pub(crate) struct Reading(pub(crate) &'static str);

impl Reading {
    pub(crate) fn bad(self, field: &'static str, problem: Problem) -> BadMessage {
        BadMessage {
            message: self.0,
            field,
            problem,
        }
    }

    pub(crate) fn required<T>(
        self,
        field: &'static str,
        value: Option<T>,
    ) -> Result<T, BadMessage> {
        value.ok_or_else(|| self.bad(field, Problem::Missing))
    }

    pub(crate) fn unknown<T>(self, field: &'static str, value: String) -> Result<T, BadMessage> {
        Err(self.bad(field, Problem::Unknown(value)))
    }

    pub(crate) fn number<T, N>(self, field: &'static str, value: N) -> Result<T, BadMessage>
    where
        N: Copy + Into<i128> + TryInto<T>,
    {
        value
            .try_into()
            .map_err(|_| self.bad(field, Problem::OutOfRange(value.into())))
    }

    pub(crate) fn text(self, field: &'static str, value: String) -> Result<String, BadMessage> {
        if value.is_empty() {
            Err(self.bad(field, Problem::Missing))
        } else {
            Ok(value)
        }
    }

    pub(crate) fn id(self, field: &'static str, value: String) -> Result<PromiseId, BadMessage> {
        PromiseId::new(value).map_err(|bad| self.bad(field, bad.into()))
    }

    pub(crate) fn ids(
        self,
        field: &'static str,
        values: Vec<String>,
    ) -> Result<Vec<PromiseId>, BadMessage> {
        values
            .into_iter()
            .map(|value| self.id(field, value))
            .collect()
    }

    pub(crate) fn optional_id(
        self,
        field: &'static str,
        value: String,
    ) -> Result<Option<PromiseId>, BadMessage> {
        if value.is_empty() {
            Ok(None)
        } else {
            self.id(field, value).map(Some)
        }
    }

    /// A field that is empty for none.
    pub(crate) fn optional<T>(
        self,
        field: &'static str,
        value: String,
        read: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, BadMessage> {
        match read(&value) {
            Some(read) => Ok(Some(read)),
            None if value.is_empty() => Ok(None),
            None => self.unknown(field, value),
        }
    }

    pub(crate) fn session(
        self,
        field: &'static str,
        value: String,
    ) -> Result<SessionId, BadMessage> {
        let is_hex = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        let read = is_hex
            .then(|| u128::from_str_radix(&value, 16).ok())
            .flatten();
        read.map(SessionId)
            .ok_or_else(|| self.bad(field, Problem::BadSession(value)))
    }

    pub(crate) fn optional_session(
        self,
        field: &'static str,
        value: String,
    ) -> Result<Option<SessionId>, BadMessage> {
        if value.is_empty() {
            Ok(None)
        } else {
            self.session(field, value).map(Some)
        }
    }

    /// 16 bytes, or nothing for none.
    pub(crate) fn key(
        self,
        field: &'static str,
        value: &[u8],
    ) -> Result<Option<SettleKey>, BadMessage> {
        if value.is_empty() {
            return Ok(None);
        }
        let bytes = value.try_into();
        let bytes = bytes.map_err(|_| self.bad(field, Problem::BadKey(value.len())))?;
        Ok(Some(SettleKey(u128::from_be_bytes(bytes))))
    }

    /// An address that comes in; `function` is the name of its second field. What is stored already is taken as it is.
    pub(crate) fn check_address(
        self,
        function: &'static str,
        address: &Address,
    ) -> Result<(), BadMessage> {
        for (field, part) in [("service", &address.service), (function, &address.function)] {
            if part.is_empty() || limits::ID_BYTES < part.len() || part.contains(char::is_control) {
                return Err(self.bad(field, Problem::BadAddress(part.to_string())));
            }
        }
        Ok(())
    }

    pub(crate) fn time(self, field: &'static str, millis: i64) -> Result<Timestamp, BadMessage> {
        if millis < 0 {
            return Err(self.bad(field, Problem::OutOfRange(millis.into())));
        }
        Ok(Timestamp::from_millis(millis))
    }

    /// A time that is 0 for never; see [`timeout_to_wire`].
    pub(crate) fn timeout(self, field: &'static str, millis: i64) -> Result<Timestamp, BadMessage> {
        match millis {
            0 => Ok(Timestamp::NEVER),
            TIMEOUT_ZERO => Ok(Timestamp::ZERO),
            other => self.time(field, other),
        }
    }
}

/// Stands for the beginning of 1970 where 0 stands for never.
const TIMEOUT_ZERO: i64 = -1;

pub(crate) fn key_to_wire(key: Option<SettleKey>) -> Bytes {
    key.map_or_else(Bytes::new, |key| {
        Bytes::copy_from_slice(&key.0.to_be_bytes())
    })
}

pub(crate) fn timeout_to_wire(at: Timestamp) -> i64 {
    match at {
        Timestamp::NEVER => 0,
        Timestamp::ZERO => TIMEOUT_ZERO,
        other => other.as_millis(),
    }
}

/// Whole milliseconds; what is longer than the wire can say is as long as it can say.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whole microseconds; what is longer than the wire can say is as long as it can say.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn optional_text<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(String::new, T::to_string)
}
