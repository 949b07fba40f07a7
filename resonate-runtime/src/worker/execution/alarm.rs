//! The waker of a body: tells whether it was fired, and whether something of somebody else's holds it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

use tokio::sync::Notify;

/// What the waker of a body sets off.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    is_fired: AtomicBool,
    bell: Notify,
}

impl Alarm {
    /// An alarm that is fired: a new body wants its first poll.
    pub(super) fn fired() -> Arc<Self> {
        let alarm = Arc::new(Self::default());
        alarm.wake_by_ref();
        alarm
    }

    pub(super) fn is_fired(&self) -> bool {
        self.is_fired.load(Ordering::Acquire)
    }

    /// True if it was fired since this was asked last.
    pub(super) fn take_fired(&self) -> bool {
        self.is_fired.swap(false, Ordering::AcqRel)
    }

    /// Returns when it was fired, at once if that was since this returned last.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_fired.store(true, Ordering::Release);
        self.bell.notify_one();
    }
}

/// How many wakers of the alarm somebody holds beside `known` ones of ours and the alarm itself.
pub(super) fn holders(alarm: &Arc<Alarm>, known: usize) -> usize {
    Arc::strong_count(alarm)
        .saturating_sub(1)
        .saturating_sub(known)
}

/// A waker of the alarm; each counts as a holder.
pub(super) fn waker(alarm: &Arc<Alarm>) -> Waker {
    Waker::from(Arc::clone(alarm))
}
