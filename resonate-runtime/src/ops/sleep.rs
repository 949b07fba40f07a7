//! Durable timers.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use resonate_core::Timestamp;

use crate::{
    Error, Result,
    call::{body_or_refusal, end_with, place},
    context::{Child, OnDrop},
    replay::{Command, CommandKind, Due},
};

/// Waits so long, wherever this execution is by then. It holds no thread and no memory, and survives restarts.
///
/// Outside of a durable function, and in a step, it is refused: use `tokio::time::sleep` there.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        state: State::Fresh(Due::After(duration), Location::caller()),
    }
}

/// Waits until this time, and not at all if it has passed. See [`sleep`].
#[track_caller]
pub fn sleep_until(time: Timestamp) -> Sleep {
    Sleep {
        state: State::Fresh(Due::At(time), Location::caller()),
    }
}

/// A durable timer. Dropping it cancels it.
///
/// # Panics
/// Awaited outside of durable functions.
#[must_use = "a timer does nothing unless it is awaited"]
pub struct Sleep {
    state: State,
}

enum State {
    Fresh(Due, &'static Location<'static>),
    Started(Child),
    Done,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let State::Fresh(due, location) = self.state {
            match start(due, location) {
                Ok(child) => self.state = State::Started(child),
                Err(error) => {
                    self.state = State::Done;
                    return end_with(error);
                }
            }
        }
        let State::Started(child) = &mut self.state else {
            return Poll::Pending;
        };
        let outcome = ready!(child.poll(cx.waker()));
        let error = Error::of_outcome(&outcome, child.id());
        self.state = State::Done;
        match error {
            None => Poll::Ready(()),
            Some(error) => end_with(error),
        }
    }
}

fn start(due: Due, location: &Location<'_>) -> Result<Child> {
    let context = body_or_refusal("`sleep`", location)?;
    let command = Command::new("sleep", place(location), CommandKind::Timer(due));
    Ok(Child::ask(&context, command, OnDrop::Cancel))
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Fresh(due, _) => write!(f, "Sleep({due:?})"),
            State::Started(child) => write!(f, "Sleep({})", child.id()),
            State::Done => f.write_str("Sleep(done)"),
        }
    }
}
