//! The messages that cross trees.

use resonate_core::Message;

use super::{BadMessage, Reading};
use crate::v1;

impl From<&Message> for v1::Message {
    fn from(message: &Message) -> Self {
        use v1::message::Message as Wire;
        let message = match message {
            Message::Create {
                promise,
                back,
                detached,
            } => Wire::Create(v1::MessageCreate {
                promise: Some((&**promise).into()),
                back: back.to_string(),
                detached: *detached,
            }),
            Message::Subscribe { id, back } => Wire::Subscribe(v1::MessageSubscribe {
                id: id.to_string(),
                back: back.to_string(),
            }),
            Message::Tell { id, outcome, back } => Wire::Tell(v1::MessageTell {
                id: id.to_string(),
                outcome: Some(outcome.into()),
                back: back.to_string(),
            }),
            Message::Cancel { id, reason } => Wire::Cancel(v1::MessageCancel {
                id: id.to_string(),
                reason: reason.clone(),
            }),
            Message::Answer { proxy, outcome } => Wire::Answer(v1::MessageAnswer {
                proxy: proxy.to_string(),
                outcome: Some(outcome.into()),
            }),
            Message::Unsubscribe { id, back } => Wire::Unsubscribe(v1::MessageSubscribe {
                id: id.to_string(),
                back: back.to_string(),
            }),
            Message::Wave { id } => Wire::Wave(id.to_string()),
            Message::Answers { id } => Wire::Answers(id.to_string()),
            Message::Trim { id } => Wire::Trim(id.to_string()),
        };
        Self {
            message: Some(message),
        }
    }
}

impl TryFrom<v1::Message> for Message {
    type Error = BadMessage;
    fn try_from(wire: v1::Message) -> Result<Self, BadMessage> {
        use v1::message::Message as Wire;
        Ok(
            match Reading("Message").required("message", wire.message)? {
                Wire::Create(create) => {
                    const READING: Reading = Reading("MessageCreate");
                    let promise = READING.required("promise", create.promise)?;
                    let back = READING.id("back", create.back)?;
                    Self::Create {
                        promise: Box::new(promise.try_into()?),
                        back,
                        detached: create.detached,
                    }
                }
                Wire::Subscribe(subscribe) => {
                    const READING: Reading = Reading("MessageSubscribe");
                    Self::Subscribe {
                        id: READING.id("id", subscribe.id)?,
                        back: READING.id("back", subscribe.back)?,
                    }
                }
                Wire::Tell(tell) => {
                    const READING: Reading = Reading("MessageTell");
                    let outcome = READING.required("outcome", tell.outcome)?.try_into()?;
                    Self::Tell {
                        id: READING.id("id", tell.id)?,
                        outcome,
                        back: READING.id("back", tell.back)?,
                    }
                }
                Wire::Cancel(cancel) => Self::Cancel {
                    id: Reading("MessageCancel").id("id", cancel.id)?,
                    reason: cancel.reason,
                },
                Wire::Answer(answer) => {
                    const READING: Reading = Reading("MessageAnswer");
                    let outcome = READING.required("outcome", answer.outcome)?.try_into()?;
                    Self::Answer {
                        proxy: READING.id("proxy", answer.proxy)?,
                        outcome,
                    }
                }
                Wire::Unsubscribe(unsubscribe) => {
                    const READING: Reading = Reading("MessageSubscribe");
                    Self::Unsubscribe {
                        id: READING.id("id", unsubscribe.id)?,
                        back: READING.id("back", unsubscribe.back)?,
                    }
                }
                Wire::Wave(id) => Self::Wave {
                    id: Reading("Message").id("wave", id)?,
                },
                Wire::Answers(id) => Self::Answers {
                    id: Reading("Message").id("answers", id)?,
                },
                Wire::Trim(id) => Self::Trim {
                    id: Reading("Message").id("trim", id)?,
                },
            },
        )
    }
}
