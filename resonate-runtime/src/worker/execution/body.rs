//! The future of a function, polled where its calls find their context, its panics caught.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{self, Poll, Waker},
};

use tokio::time::Instant;

use super::{
    super::link,
    alarm::{self, Alarm},
};
use crate::{
    codec::panic_text,
    context::{Context, Forced, current, current::Scope},
    error::shortened,
    function::Running,
    limits, plumbing,
    replay::{Driven, Ending, drive},
};

/// The wakers of the alarm that this crate itself holds, beside those of the futures that wait: the body's own and its
/// context's.
const OWN_WAKERS: usize = 2;

/// The future of a function.
pub(super) struct Body {
    /// None once it has ended.
    running: Option<Running>,
    alarm: Arc<Alarm>,
    waker: Waker,
    /// When its poll began, counted from `started`; 0 outside of polls.
    polling_since: Arc<AtomicU64>,
    started: Instant,
}

impl Body {
    pub(super) fn new(
        running: Running,
        alarm: Arc<Alarm>,
        polling_since: Arc<AtomicU64>,
        started: Instant,
    ) -> Self {
        let waker = alarm::waker(&alarm);
        Self {
            running: Some(running),
            alarm,
            waker,
            polling_since,
            started,
        }
    }

    pub(super) fn alarm(&self) -> &Arc<Alarm> {
        &self.alarm
    }

    /// True while there is something to poll.
    pub(super) fn is_alive(&self) -> bool {
        self.running.is_some()
    }

    /// True if something that is not ours may wake it.
    pub(super) fn has_foreign_holders(&self, own_waiters: usize) -> bool {
        alarm::holders(&self.alarm, OWN_WAKERS + own_waiters) > 0
    }

    /// Lets it run until it can do nothing more, showing it results in the order of the log.
    pub(super) fn drive(&mut self, context: &Arc<Context>) -> Driven<Ending> {
        drive(|| self.poll(context), || context.show_next())
    }

    /// Polls it as long as it wakes itself.
    fn poll(&mut self, context: &Arc<Context>) -> Driven<Ending> {
        for _ in 0..limits::SELF_WAKES {
            if !self.alarm.take_fired() {
                return Driven::Resting;
            }
            if let Poll::Ready(ending) = self.poll_once(context) {
                return Driven::Ended(ending);
            }
        }
        Driven::Busy
    }

    fn poll_once(&mut self, context: &Arc<Context>) -> Poll<Ending> {
        let Some(running) = &mut self.running else {
            return Poll::Pending;
        };
        let since = link::millis(self.started);
        self.polling_since.store(since, Ordering::Release);
        let polled = panic::catch_unwind(AssertUnwindSafe(|| {
            let _within = context.span().enter();
            let _entered = current::enter(Scope {
                context: Arc::clone(context),
                step: None,
            });
            running
                .as_mut()
                .poll(&mut task::Context::from_waker(&self.waker))
        }));
        self.polling_since.store(0, Ordering::Release);
        // A body that has left its history has no say in how it ends.
        if let Some(mismatch) = context.with(|inner| inner.replay.mismatch()) {
            return Poll::Ready(Ending::Diverged(mismatch));
        }
        // What was demanded from within stands, also if the body returned in the same poll.
        match (polled, context.take_forced()) {
            (_, Some(Forced::Halt(reason))) => Poll::Ready(Ending::Impossible(reason)),
            (Err(panic), _) => Poll::Ready(Ending::Panicked(shortened(panic_text(&*panic)))),
            (Ok(polled), None) => polled.map(|ended| ending(ended.0)),
            (Ok(_), Some(Forced::Error(error))) => Poll::Ready(Ending::Failed {
                failure: error.to_failure(),
                is_terminal: true,
                again: None,
            }),
            (Ok(_), Some(Forced::ContinueAs(param))) => Poll::Ready(Ending::ContinueAs(param)),
        }
    }

    /// Drops it: destructors run, and nothing is canceled by that.
    pub(super) fn close(&mut self, context: &Context) {
        context.close();
        let running = self.running.take();
        let _within = context.span().enter();
        if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| drop(running))) {
            tracing::warn!(execution = %context.subject().id, "a destructor panicked: {}", panic_text(&*panic));
        }
    }
}

fn ending(ended: plumbing::Ending) -> Ending {
    match ended {
        plumbing::Ending::Resolved(value) => Ending::Resolved(value),
        plumbing::Ending::Rejected {
            answer,
            failure,
            again,
        } => Ending::Rejected {
            answer,
            failure,
            again,
        },
        plumbing::Ending::Failed { error, again } => Ending::Failed {
            failure: error.to_failure(),
            is_terminal: error.is_terminal(),
            again,
        },
    }
}
