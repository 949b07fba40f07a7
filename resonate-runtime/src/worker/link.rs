//! What an execution and its worker may ask of each other. Channels stay behind it, so that a test can be either side.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use resonate_core::{
    Address, Payload, PromiseId, Record, Refusal, Seq, SessionId, Settlement, TaskVersion, Turn,
    TurnReply,
};
use tokio::{runtime::Handle, sync::mpsc, time::Instant};

use super::slots::{Slot, Slots};
use crate::{function::Definition, settings::Settings};

/// In [`ExecutionHandle::polling_since`]: its body was never polled.
pub(crate) const NOT_BEGUN: u64 = u64::MAX;

/// The worker as an execution sees it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Worker(Arc<Inner>);

struct Inner {
    link: Arc<dyn Link>,
    session: SessionId,
    slots: Slots,
    settings: Arc<Settings>,
    runtime: Handle,
    served: BTreeMap<Address, &'static Definition>,
    started: Instant,
}

/// The way to the server and to the worker's table. Nothing here blocks.
pub(crate) trait Link: Send + Sync {
    /// Sends a turn after all that were submitted before, again after each reconnect, until it is answered or its task
    /// forgotten.
    fn submit(&self, turn: Turn);
    /// Claims a suspended, tied task again; answered by [`ExecutionEvent::Claimed`] or [`ExecutionEvent::Dropped`].
    fn reclaim(&self, id: &PromiseId, version: TaskVersion, shown: Seq);
    /// A local child became known: what happens to its task goes to it from now on.
    fn adopt(&self, handle: ExecutionHandle);
    /// A turn creates it, claimed by this worker, and is not answered: it is named to the server from now on.
    fn announce(&self, id: &PromiseId, version: TaskVersion);
    /// An announced one is about to begin; false if it must not, since its claim ended meanwhile.
    fn began(&self, handle: ExecutionHandle) -> bool;
    /// Nothing of it is here any more, and nobody here will run it: given back, in case the server knows it.
    fn disown(&self, id: &PromiseId, version: TaskVersion);
    /// Suspended, its body kept; may be answered by [`ExecutionEvent::Evict`] at any time.
    fn set_aside(&self, id: &PromiseId, version: TaskVersion);
    /// Nothing of it is here any more.
    fn forget(&self, id: &PromiseId, version: TaskVersion);
}

/// What a worker needs beside its link.
pub(crate) struct Parts {
    pub(crate) session: SessionId,
    pub(crate) slots: Slots,
    pub(crate) settings: Arc<Settings>,
    /// Where bodies run: the user's runtime, never the worker's own thread.
    pub(crate) runtime: Handle,
    /// The functions with a body that this process serves.
    pub(crate) served: BTreeMap<Address, &'static Definition>,
}

impl Worker {
    pub(crate) fn new(link: Arc<dyn Link>, parts: Parts) -> Self {
        let Parts {
            session,
            slots,
            settings,
            runtime,
            served,
        } = parts;
        Self(Arc::new(Inner {
            link,
            session,
            slots,
            settings,
            runtime,
            served,
            started: Instant::now(),
        }))
    }

    /// The same worker with another link and other slots: what was begun before keeps the old ones.
    pub(crate) fn anew(&self, link: Arc<dyn Link>, slots: Slots) -> Self {
        let Inner {
            session,
            settings,
            runtime,
            served,
            ..
        } = &*self.0;
        let parts = Parts {
            session: *session,
            slots,
            settings: Arc::clone(settings),
            runtime: runtime.clone(),
            served: served.clone(),
        };
        Self::new(link, parts)
    }

    pub(crate) fn session(&self) -> SessionId {
        self.0.session
    }

    /// See [`Link::submit`].
    pub(crate) fn submit(&self, turn: Turn) {
        self.0.link.submit(turn);
    }

    /// See [`Link::reclaim`].
    pub(crate) fn reclaim(&self, id: &PromiseId, version: TaskVersion, shown: Seq) {
        self.0.link.reclaim(id, version, shown);
    }

    /// See [`Link::adopt`].
    pub(crate) fn adopt(&self, handle: ExecutionHandle) {
        self.0.link.adopt(handle);
    }

    /// See [`Link::announce`].
    pub(crate) fn announce(&self, id: &PromiseId, version: TaskVersion) {
        self.0.link.announce(id, version);
    }

    /// See [`Link::began`].
    pub(crate) fn began(&self, handle: ExecutionHandle) -> bool {
        self.0.link.began(handle)
    }

    /// See [`Link::disown`].
    pub(crate) fn disown(&self, id: &PromiseId, version: TaskVersion) {
        self.0.link.disown(id, version);
    }

    /// See [`Link::set_aside`].
    pub(crate) fn set_aside(&self, id: &PromiseId, version: TaskVersion) {
        self.0.link.set_aside(id, version);
    }

    /// See [`Link::forget`].
    pub(crate) fn forget(&self, id: &PromiseId, version: TaskVersion) {
        self.0.link.forget(id, version);
    }

    /// The function of this address, if it has a body and this process serves it.
    pub(crate) fn local(&self, address: &Address) -> Option<&'static Definition> {
        self.0.served.get(address).copied()
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.0.slots
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.0.settings
    }

    /// Where bodies run.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// Milliseconds of a monotonic clock, at least 1; for [`ExecutionHandle::polling_since`].
    pub(crate) fn millis(&self) -> u64 {
        millis(self.0.started)
    }

    /// From when on [`millis`](Self::millis) counts.
    pub(crate) fn started(&self) -> Instant {
        self.0.started
    }
}

/// Milliseconds since then, at least 1.
pub(crate) fn millis(started: Instant) -> u64 {
    let millis = started.elapsed().as_millis();
    u64::try_from(millis).unwrap_or(u64::MAX).saturating_add(1)
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("session", &self.0.session)
            .finish_non_exhaustive()
    }
}

/// An execution as its worker sees it. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct ExecutionHandle {
    pub(crate) id: PromiseId,
    /// The fencing token of its claim. The table keeps its own; this one the execution writes.
    pub(crate) version: Arc<AtomicU64>,
    /// The highest place of the log it holds.
    pub(crate) shown: Arc<AtomicU64>,
    pub(crate) events: mpsc::Sender<ExecutionEvent>,
    /// When its body's poll began, in [`Worker::millis`]; 0 while it is not being polled, [`NOT_BEGUN`] before the first.
    pub(crate) polling_since: Arc<AtomicU64>,
}

impl ExecutionHandle {
    pub(crate) fn version(&self) -> TaskVersion {
        TaskVersion(self.version.load(Ordering::Acquire))
    }

    pub(crate) fn shown(&self) -> Seq {
        Seq(self.shown.load(Ordering::Acquire))
    }
}

/// What happens to an execution.
#[derive(Debug)]
pub(crate) enum ExecutionEvent {
    /// It is claimed again while its body is warm.
    Claimed {
        version: TaskVersion,
        /// What settled since, in log order.
        settled: Vec<Record>,
        /// None when it asked for it itself.
        slot: Option<Slot>,
    },
    /// Its turn is written, or refused.
    TurnAnswered {
        n: u32,
        answer: Result<TurnReply, Refusal>,
    },
    /// Some of its children settled, in log order; may repeat what it holds.
    Settled(Vec<Settlement>),
    /// The claim, or the body, is void: destructors run, nothing is canceled.
    Dropped { why: String },
    /// The body is put out of memory; nobody waits for it here any more.
    Evict,
    /// The worker is leaving: run until you wait, then give back.
    Drain,
}

/// A claim with its whole history.
#[derive(Debug)]
pub(crate) struct Dispatched {
    pub(crate) record: Record,
    /// Settled ones in log order, then pending ones by position.
    pub(crate) children: Vec<Record>,
    /// Of the object whose method it is, if that has one.
    pub(crate) state: Option<Payload>,
    /// When it came; it may wait for a slot long after that.
    pub(crate) arrived: Instant,
}
