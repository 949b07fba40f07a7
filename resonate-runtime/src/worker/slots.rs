//! Slots: how many executions of this process run at once. One that waits holds none.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The slots of a worker. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Slots(Arc<Inner>);

struct Inner {
    semaphore: Arc<Semaphore>,
    capacity: usize,
    /// Executions that wait for a slot.
    waiting: AtomicUsize,
    closed: AtomicBool,
    on_free: Box<dyn Fn() + Send + Sync>,
}

/// The right to be polled; dropping it frees the slot.
pub(crate) struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    slots: Slots,
}

impl Slots {
    /// So many slots; `on_free` is called after each that becomes free.
    pub(crate) fn new(capacity: usize, on_free: impl Fn() + Send + Sync + 'static) -> Self {
        let semaphore = Arc::new(Semaphore::new(capacity));
        Self(Arc::new(Inner {
            semaphore,
            capacity,
            waiting: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            on_free: Box::new(on_free),
        }))
    }

    /// A slot, if one is free and the worker is not leaving.
    pub(crate) fn try_take(&self) -> Option<Slot> {
        if self.0.closed.load(Ordering::Acquire) {
            return None;
        }
        let permit = Arc::clone(&self.0.semaphore).try_acquire_owned().ok()?;
        Some(self.slot(permit))
    }

    /// A slot, as soon as one is free; first come, first served. Dropping the future loses the place in the line.
    pub(crate) async fn take(&self) -> Slot {
        let _waiting = Waiting::begin(&self.0);
        let permit = Arc::clone(&self.0.semaphore)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        self.slot(permit)
    }

    /// Nothing new begins here; who waits for a slot still gets one.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// How many are free beyond those somebody waits for.
    pub(crate) fn free(&self) -> usize {
        self.0
            .semaphore
            .available_permits()
            .saturating_sub(self.0.waiting.load(Ordering::Acquire))
    }

    fn slot(&self, permit: OwnedSemaphorePermit) -> Slot {
        Slot {
            permit: Some(permit),
            slots: self.clone(),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.permit.take();
        (self.slots.0.on_free)();
    }
}

/// Counts one who waits, also if the future is dropped.
struct Waiting<'a>(&'a Inner);

impl<'a> Waiting<'a> {
    fn begin(slots: &'a Inner) -> Self {
        slots.waiting.fetch_add(1, Ordering::AcqRel);
        Self(slots)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
        // A slot that was on its way to who gave up waiting is free for others.
        if self.0.semaphore.available_permits() > 0 {
            (self.0.on_free)();
        }
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slots({} of {} free)", self.free(), self.0.capacity)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_slot_goes_to_who_waits_and_is_told_of() {
        let told = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&told);
        let slots = Slots::new(1, move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let slot = slots.try_take().unwrap();
        assert!(slots.try_take().is_none());
        let waiter = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take().await }
        });
        tokio::task::yield_now().await;
        drop(slot);
        let second = waiter.await.unwrap();
        assert_eq!((slots.free(), told.load(Ordering::Relaxed)), (0, 1));
        drop(second);
        assert_eq!((slots.free(), told.load(Ordering::Relaxed)), (1, 2));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_counts_no_more_and_leaves_its_slot_to_others() {
        let told = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&told);
        let slots = Slots::new(1, move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let slot = slots.try_take().unwrap();
        {
            let waiting = slots.take();
            tokio::pin!(waiting);
            assert!(futures_util::poll!(&mut waiting).is_pending());
            drop(slot);
            assert_eq!((slots.free(), told.load(Ordering::Relaxed)), (0, 1));
        }
        assert_eq!((slots.free(), told.load(Ordering::Relaxed)), (1, 2));
    }
}
