//! What goes in and out of a running execution: messages, and what it emits.

use resonate_core::{Payload, PromiseId, SettleKey, StreamPage};

use super::LogPosition;
use crate::{
    convert::{BadMessage, Reading, key_to_wire, read_all, write_all},
    v1,
};

/// A message for a running execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendTo {
    /// Which execution.
    pub id: PromiseId,
    /// The message.
    pub message: Payload,
    /// Tells its repetition from another message that says the same.
    pub key: Option<SettleKey>,
}

/// What an execution has emitted from an offset on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Which execution.
    pub id: PromiseId,
    /// The first offset that is wanted.
    pub from: u64,
}

/// Some of it; nothing, after a while in which nothing came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailReply {
    /// The items.
    pub page: StreamPage,
    /// Where the answer stands; none from a server that does not say.
    pub at: Option<LogPosition>,
}

impl From<&SendTo> for v1::SendRequest {
    fn from(send: &SendTo) -> Self {
        Self {
            id: send.id.to_string(),
            message: Some((&send.message).into()),
            key: key_to_wire(send.key),
        }
    }
}

impl TryFrom<v1::SendRequest> for SendTo {
    type Error = BadMessage;
    fn try_from(wire: v1::SendRequest) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("SendRequest");
        let message = READING.required("message", wire.message)?.try_into()?;
        Ok(Self {
            id: READING.id("id", wire.id)?,
            message,
            key: READING.key("key", &wire.key)?,
        })
    }
}

impl From<&Tail> for v1::TailRequest {
    fn from(tail: &Tail) -> Self {
        Self {
            id: tail.id.to_string(),
            from: tail.from,
        }
    }
}

impl TryFrom<v1::TailRequest> for Tail {
    type Error = BadMessage;
    fn try_from(wire: v1::TailRequest) -> Result<Self, BadMessage> {
        Ok(Self {
            id: Reading("TailRequest").id("id", wire.id)?,
            from: wire.from,
        })
    }
}

impl From<&TailReply> for v1::TailReply {
    fn from(TailReply { page, at }: &TailReply) -> Self {
        Self {
            offset: page.offset,
            items: write_all(&page.items),
            over: page.is_over,
            at: at.map(Into::into),
        }
    }
}

impl TryFrom<v1::TailReply> for TailReply {
    type Error = BadMessage;
    fn try_from(wire: v1::TailReply) -> Result<Self, BadMessage> {
        let page = StreamPage {
            offset: wire.offset,
            items: read_all(wire.items)?,
            is_over: wire.over,
        };
        Ok(Self {
            page,
            at: wire.at.map(LogPosition::try_from).transpose()?,
        })
    }
}
