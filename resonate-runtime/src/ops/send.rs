//! Messages for running executions.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use resonate_core::{Outcome, Payload, PromiseId};
use serde::Serialize;

use crate::{
    Error, ErrorKind, Result, ambient,
    call::{Waiting, in_step, place},
    context::{Child, OnDrop, current, current::Whereabouts},
    outside,
    replay::{Command, CommandKind},
};

/// Sends a message to a running execution, which reads it from its [`inbox`](crate::inbox).
///
/// Done once the message is durable there. In a durable function it is sent exactly once, whatever happens to either
/// side; outside of all, a repeated request is the same message, and [`Resonate::send_once`](crate::Resonate::send_once)
/// says which message it is.
///
/// ```ignore
/// send("agent-7", &Question::new("and then?")).await?;
/// ```
///
/// # Errors
/// There is no such execution, it has settled, or 1,000 messages, or 4 MiB of them, wait there unread. The message cannot
/// be written. In a [`step`](crate::step).
#[track_caller]
pub fn send<M: Serialize + ?Sized>(id: impl AsRef<str>, message: &M) -> Sending {
    let id = PromiseId::new(id.as_ref());
    let id = id.map_err(|bad| Error::of(ErrorKind::Misused, bad).into_terminal());
    let settings = ambient::settings().unwrap_or_default();
    let said = id.and_then(|id| match settings.encode(None, message) {
        Ok(message) => Ok((id, message)),
        Err(error) => Err(error.at(&id)),
    });
    Sending {
        location: Location::caller(),
        state: State::Fresh(said),
    }
}

/// See [`send`].
#[must_use = "nothing is sent unless this is awaited"]
pub struct Sending {
    location: &'static Location<'static>,
    state: State,
}

enum State {
    Fresh(Result<(PromiseId, Payload)>),
    Waiting(Waiting),
    Done,
}

impl Sending {
    fn start(&self, said: Result<(PromiseId, Payload)>) -> Waiting {
        let (id, message) = match said {
            Ok(said) => said,
            Err(error) => return Waiting::Refused(Some(error)),
        };
        match current::whereabouts() {
            Whereabouts::Body(context) => {
                let kind = CommandKind::Send {
                    id: id.clone(),
                    message,
                };
                let command = Command::new("send", place(self.location), kind);
                Waiting::inside(Child::ask(&context, command, OnDrop::Cancel), id)
            }
            Whereabouts::Step => {
                let what = format!("sending to `{id}`");
                Waiting::Refused(Some(in_step(what, self.location)))
            }
            Whereabouts::Outside => {
                let sent = outside::send(id.clone(), message);
                let nothing = Outcome::Resolved(Payload::json("null"));
                Waiting::Outside {
                    outcome: Box::pin(async move { sent.await.map(|()| nothing) }),
                    subject: id,
                }
            }
        }
    }
}

impl Future for Sending {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let mut waiting = match std::mem::replace(&mut self.state, State::Done) {
            State::Fresh(said) => self.start(said),
            State::Waiting(waiting) => waiting,
            State::Done => return Poll::Pending,
        };
        let polled = waiting.poll(cx);
        if polled.is_pending() {
            self.state = State::Waiting(waiting);
        }
        let arrived = ready!(polled)?;
        Poll::Ready(
            match Error::of_outcome(&arrived.outcome, &arrived.subject) {
                None => Ok(()),
                Some(error) => Err(error),
            },
        )
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Fresh(said) => write!(f, "Sending({said:?})"),
            State::Waiting(waiting) => write!(f, "Sending({waiting:?})"),
            State::Done => f.write_str("Sending(done)"),
        }
    }
}
