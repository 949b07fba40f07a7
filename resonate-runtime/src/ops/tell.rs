//! Settling a promise that is not one's own.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use resonate_core::{Outcome, PromiseId};
use serde::Serialize;

use crate::{
    Error, ErrorKind, Result, ambient,
    call::{Waiting, in_step, place},
    context::{Child, OnDrop, current, current::Whereabouts},
    outside,
    plumbing::Output,
    replay::{Command, CommandKind},
};

/// Settles a promise with a value. Gives `false` if it was settled already.
///
/// Inside of a durable function it is sent once, whatever happens; outside it goes through the process's `Resonate`.
#[track_caller]
pub fn resolve<T: Serialize + ?Sized>(id: impl AsRef<str>, value: &T) -> Tell {
    Tell::new(
        "resolve",
        id.as_ref(),
        ambient::codecs()
            .encode_answer(value)
            .map(Outcome::Resolved),
        Location::caller(),
    )
}

/// Settles a promise with an error: any value, a text for instance. Gives `false` if it was settled already.
///
/// See [`resolve`].
#[track_caller]
pub fn reject<E: Serialize + ?Sized>(id: impl AsRef<str>, error: &E) -> Tell {
    Tell::new(
        "reject",
        id.as_ref(),
        ambient::codecs()
            .encode_answer(error)
            .map(Outcome::Rejected),
        Location::caller(),
    )
}

/// Cancels a promise and everything pending below it. Gives `false` if it was settled already.
///
/// See [`resolve`].
#[track_caller]
pub fn cancel(id: impl AsRef<str>) -> Tell {
    let location = Location::caller();
    let reason = format!("by `cancel` at {}", place(location));
    Tell::new(
        "cancel",
        id.as_ref(),
        Ok(Outcome::Canceled { reason }),
        location,
    )
}

/// A promise that is about to be told something. See [`resolve`].
#[must_use = "nobody is told anything unless this is awaited"]
pub struct Tell {
    name: &'static str,
    location: &'static Location<'static>,
    state: State,
}

enum State {
    Fresh(Result<(PromiseId, Outcome)>),
    Waiting(Waiting),
    Done,
}

impl Tell {
    fn new(
        name: &'static str,
        id: &str,
        outcome: Result<Outcome>,
        location: &'static Location<'static>,
    ) -> Self {
        let id =
            PromiseId::new(id).map_err(|bad| Error::of(ErrorKind::Misused, bad).into_terminal());
        let said = id.and_then(|id| match outcome {
            Ok(outcome) => Ok((id, outcome)),
            Err(error) => Err(error.at(&id)),
        });
        Self {
            name,
            location,
            state: State::Fresh(said),
        }
    }

    fn start(&self, said: Result<(PromiseId, Outcome)>) -> Waiting {
        let (id, outcome) = match said {
            Ok(said) => said,
            Err(error) => return Waiting::Refused(Some(error)),
        };
        match current::whereabouts() {
            Whereabouts::Body(context) => {
                let kind = CommandKind::Tell {
                    id: id.clone(),
                    outcome,
                };
                let command = Command::new(self.name, place(self.location), kind);
                Waiting::inside(Child::ask(&context, command, OnDrop::Cancel), id)
            }
            Whereabouts::Step => {
                let what = format!("`{}` of the promise `{id}`", self.name);
                Waiting::Refused(Some(in_step(what, self.location)))
            }
            Whereabouts::Outside => {
                let told = outside::tell(id.clone(), outcome);
                let outcome = async move {
                    let made_the_difference = told.await?;
                    Ok(Outcome::Resolved(resonate_core::Payload::json(
                        made_the_difference.to_string(),
                    )))
                };
                Waiting::Outside {
                    outcome: Box::pin(outcome),
                    subject: id,
                }
            }
        }
    }
}

impl Future for Tell {
    type Output = Result<bool>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<bool>> {
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
        Poll::Ready(Output::<bool>::of_value().decode(
            &arrived.outcome,
            &arrived.settings.codecs,
            &arrived.subject,
        ))
    }
}

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Fresh(said) => write!(f, "Tell({}, {said:?})", self.name),
            State::Waiting(waiting) => write!(f, "Tell({}, {waiting:?})", self.name),
            State::Done => write!(f, "Tell({}, done)", self.name),
        }
    }
}
