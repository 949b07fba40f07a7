//! What a running function is sent.

use std::{
    fmt,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{
    Result,
    call::{body_or_refusal, place},
    context::{Child, OnDrop},
    plumbing::{Output, Value},
    replay::{Command, CommandKind},
};

/// The inbox of this execution: what [`send`](crate::send) and `resonate send` put into it, in the order in which it came.
///
/// ```ignore
/// let mut inbox = inbox::<Question>();
/// loop {
///     let question = inbox.recv().await?;
///     emit(&answer(&question).await?);
/// }
/// ```
///
/// An execution has one, whatever type a message of it is read as. What is unread when the function ends is dropped; a
/// [`continue_as`](crate::continue_as) leaves it to the next generation.
#[must_use]
pub fn inbox<M: Value>() -> Inbox<M> {
    Inbox {
        message: PhantomData,
    }
}

/// See [`inbox`].
pub struct Inbox<M> {
    message: PhantomData<fn() -> M>,
}

impl<M: Value> Inbox<M> {
    /// The next message, once there is one. The execution waits for it as for every result: it holds no thread and no
    /// memory, and a race that it is in ends the same way in every replay.
    ///
    /// Cancel-safe: a message that came to a `recv` that was dropped is what the next one gives.
    ///
    /// # Errors
    /// The message is no `M`; the error names it, and the next `recv` goes on with the one after it. Also outside of
    /// durable functions, and in a [`step`](crate::step).
    #[track_caller]
    pub fn recv(&mut self) -> Recv<'_, M> {
        Recv {
            state: State::Fresh(Location::caller()),
            inbox: PhantomData,
        }
    }
}

impl<M> fmt::Debug for Inbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbox")
    }
}

/// See [`Inbox::recv`].
#[must_use = "a message is received when this is awaited"]
pub struct Recv<'a, M> {
    state: State,
    inbox: PhantomData<&'a mut Inbox<M>>,
}

enum State {
    Fresh(&'static Location<'static>),
    Waiting(Child),
    Done,
}

impl<M: Value> Future for Recv<'_, M> {
    type Output = Result<M>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<M>> {
        if let State::Fresh(location) = self.state {
            match receive(location) {
                Ok(child) => self.state = State::Waiting(child),
                Err(error) => {
                    self.state = State::Done;
                    return Poll::Ready(Err(error));
                }
            }
        }
        let State::Waiting(child) = &mut self.state else {
            return Poll::Pending;
        };
        let outcome = ready!(child.poll(cx.waker()));
        let codecs = &child.context().settings().codecs;
        let message = Output::<M>::of_value().decode(&outcome, codecs, child.id());
        self.state = State::Done;
        Poll::Ready(message)
    }
}

/// The first that was asked for and is not read, else another one.
fn receive(location: &'static Location<'static>) -> Result<Child> {
    let context = body_or_refusal("`recv`", location)?;
    let idle = context.with(|inner| inner.replay.take_idle_receive());
    if let Some((position, id)) = idle {
        return Ok(Child::again(&context, position, id));
    }
    let command = Command::new("inbox", place(location), CommandKind::Receive);
    Ok(Child::ask(&context, command, OnDrop::Leave))
}

impl<M> Drop for Recv<'_, M> {
    fn drop(&mut self) {
        if let State::Waiting(child) = &self.state {
            child.leave_receive();
        }
    }
}

impl<M> fmt::Debug for Recv<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Fresh(_) => f.write_str("Recv(not begun)"),
            State::Waiting(child) => write!(f, "Recv({})", child.id()),
            State::Done => f.write_str("Recv(done)"),
        }
    }
}
