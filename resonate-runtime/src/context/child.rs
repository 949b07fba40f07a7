//! A child that a body holds: what is inside every durable future.

use std::{
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use resonate_core::{Outcome, PromiseId};
use tracing::Span;

use super::Context;
use crate::{
    plumbing::Value,
    replay::{Command, Position},
    trace,
};

/// The body's end of one of its children. Dropping it cancels the child, unless it is a handle.
#[derive(Debug)]
pub(crate) struct Child {
    context: Arc<Context>,
    position: Position,
    id: PromiseId,
    on_drop: OnDrop,
    /// Of a call, from here until its result is taken.
    span: Span,
}

/// What dropping a future means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDrop {
    /// Its child is canceled.
    Cancel,
    /// It is only not awaited any more.
    Leave,
}

impl Child {
    /// Asks for it; its place and id are settled with that.
    pub(crate) fn ask(context: &Arc<Context>, command: Command, on_drop: OnDrop) -> Self {
        let called = command.called();
        let (position, id) = context.ask(command);
        let span = match called {
            // A replay finds it in its history.
            Some((function, root)) if !context.is_known(position) => {
                let above = &context.subject().call_trace;
                let subject = root.as_ref().unwrap_or(&id);
                trace::of_call(subject, &function, above)
            }
            _ => Span::none(),
        };
        Self {
            context: Arc::clone(context),
            position,
            id,
            on_drop,
            span,
        }
    }

    /// One that was asked for already, and was left.
    pub(crate) fn again(context: &Arc<Context>, position: Position, id: PromiseId) -> Self {
        Self {
            context: Arc::clone(context),
            position,
            id,
            on_drop: OnDrop::Leave,
            span: Span::none(),
        }
    }

    pub(crate) fn id(&self) -> &PromiseId {
        &self.id
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// What dropping it means from now on.
    pub(crate) fn set_on_drop(&mut self, on_drop: OnDrop) {
        self.on_drop = on_drop;
    }

    /// Its outcome, once the body may see it; then there is nothing left to drop.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<Outcome> {
        let polled = self.context.poll_result(self.position, waker);
        if polled.is_ready() {
            self.on_drop = OnDrop::Leave;
            self.span = Span::none();
        }
        polled
    }

    /// For a step: true once it may run here.
    pub(crate) fn may_run(&self) -> bool {
        self.context
            .with(|inner| inner.replay.may_run(self.position))
    }

    /// For a step: it has run and ended so.
    pub(crate) fn end_here(&self, outcome: Outcome) {
        self.context
            .with(|inner| inner.replay.end_here(self.position, outcome));
    }
}

impl Child {
    /// For a step: it has found this.
    pub(crate) fn end_with_value<T: Value>(&self, value: &T) {
        let outcome = match self.context.settings().encode(None, value) {
            Ok(payload) => Outcome::Resolved(payload),
            Err(error) => Outcome::Failed(error.at(&self.id).to_failure()),
        };
        self.end_here(outcome);
    }

    /// For a step: it has found nothing and looks again after this time.
    pub(crate) fn sleep_here(&self, every: Duration) {
        self.context
            .with(|inner| inner.replay.sleep_here(self.position, every));
    }

    /// For a receive: it is not awaited any more, and whoever reads next awaits it.
    pub(crate) fn leave_receive(&self) {
        self.context
            .with(|inner| inner.replay.leave_receive(self.position));
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.context.leave(self.position, self.on_drop);
    }
}
