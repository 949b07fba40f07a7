//! Whose body is being polled on this thread: how a call finds its caller without a parameter.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use resonate_core::PromiseId;

use super::Context;
use crate::settings::Settings;

thread_local! {
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// What is being polled.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) context: Arc<Context>,
    /// Set while the closure of a step is polled.
    pub(crate) step: Option<Arc<StepScope>>,
}

/// The closure of a step, once per attempt.
#[derive(Debug)]
pub(crate) struct StepScope {
    /// The step's promise; none for a step that is not recorded.
    pub(crate) id: Option<PromiseId>,
    /// How many random numbers it has drawn.
    drawn: AtomicU64,
}

impl StepScope {
    pub(crate) fn new(id: Option<PromiseId>) -> Self {
        Self {
            id,
            drawn: AtomicU64::new(0),
        }
    }

    /// The number of the next random draw of this attempt of the step.
    pub(super) fn next_draw(&self) -> u64 {
        self.drawn.fetch_add(1, Ordering::Relaxed)
    }
}

/// Where the code that asks stands.
#[derive(Debug)]
pub(crate) enum Whereabouts {
    /// In no durable function, or in a tokio task that one has spawned.
    Outside,
    /// In the body of a durable function.
    Body(Arc<Context>),
    /// In the closure of a step.
    Step,
}

/// What is being polled on this thread, if it is a body.
pub(crate) fn scope() -> Option<Scope> {
    CURRENT.with_borrow(Clone::clone)
}

/// Where the code that asks stands.
pub(crate) fn whereabouts() -> Whereabouts {
    match scope() {
        None => Whereabouts::Outside,
        Some(Scope {
            context,
            step: None,
        }) => Whereabouts::Body(context),
        Some(Scope { step: Some(_), .. }) => Whereabouts::Step,
    }
}

/// The settings of the execution that is being polled.
pub(crate) fn settings() -> Option<Arc<Settings>> {
    CURRENT.with_borrow(|scope| {
        scope
            .as_ref()
            .map(|scope| Arc::clone(scope.context.settings()))
    })
}

/// True while this very body is polled, on this thread.
pub(super) fn is_polled(context: &Context) -> bool {
    CURRENT.with_borrow(|scope| {
        scope
            .as_ref()
            .is_some_and(|scope| std::ptr::eq(Arc::as_ptr(&scope.context), context))
    })
}

/// What is polled until this is dropped; then it is again what was polled before.
#[derive(Debug)]
pub(crate) struct Entered {
    before: Option<Scope>,
}

/// Begins to poll.
pub(crate) fn enter(scope: Scope) -> Entered {
    Entered {
        before: CURRENT.replace(Some(scope)),
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Dropped outside of the borrow: the last reference to a context may go with it.
        let ended = CURRENT.replace(self.before.take());
        drop(ended);
    }
}
