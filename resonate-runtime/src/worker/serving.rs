//! What a worker's stream and its executions share: the table and the outbox, behind the link.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resonate_core::{PromiseId, RetryPolicy, Seq, SessionId, TaskVersion, Timeline, Turn};
use resonate_proto::stream::{Defaults, FromWorker, Function, Hello, PROTOCOL, Parameter};
use tokio::{sync::Notify, time::Instant};

use super::{
    link::{Dispatched, ExecutionHandle, Link, Worker},
    outbox::Outbox,
    slots::Slot,
    table::{Effect, Table},
};
use crate::{function::Definition, registry::Registry, testing::gate};

/// Begins an execution; [`execution::start`](super::execution::start), or a test's.
pub(crate) type Begin = fn(Worker, &'static Definition, Dispatched, Slot) -> ExecutionHandle;

/// Who a worker is and what it serves.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) session: SessionId,
    pub(crate) name: String,
    pub(crate) services: Vec<String>,
    pub(crate) functions: Vec<Function>,
    pub(crate) capacity: usize,
    /// The timeline of the server's store that this worker was welcomed in.
    pub(crate) timeline: Option<Timeline>,
}

/// What a worker's stream and its executions share.
pub(crate) struct Serving {
    pub(super) table: Mutex<Table>,
    pub(super) outbox: Arc<Outbox>,
    /// An execution left the table.
    pub(super) left: Notify,
    begin: Begin,
}

impl About {
    /// The functions of a binary, as a worker registers them.
    pub(crate) fn functions(
        registry: &Registry,
        services: &[String],
        retry: Option<RetryPolicy>,
    ) -> Vec<Function> {
        let is_served = |definition: &Definition| {
            definition.run.is_some() && services.iter().any(|service| service == definition.service)
        };
        registry
            .iter()
            .map(|definition| registered(definition, is_served(definition), retry))
            .collect()
    }
}

fn registered(
    definition: &'static Definition,
    served: bool,
    retry: Option<RetryPolicy>,
) -> Function {
    let parameters = definition.parameters.iter();
    Function {
        address: definition.address(),
        parameters: parameters
            .map(|one| Parameter {
                name: one.name.to_owned(),
                ty: one.ty.to_owned(),
            })
            .collect(),
        result: definition.result.to_owned(),
        signature: definition.signature(),
        body_fingerprint: definition.body_fingerprint,
        served,
        location: definition.location(),
        defaults: Defaults {
            retry: definition.retry().or(retry),
            timeout: definition.options.timeout.map(|timeout| timeout()),
            priority: definition.options.priority.unwrap_or(0),
            allowed: definition.options.allowed(),
            key: definition.options.key,
        },
    }
}

impl Serving {
    pub(crate) fn new(outbox: Arc<Outbox>, begin: Begin) -> Self {
        Self {
            table: Mutex::default(),
            outbox,
            left: Notify::new(),
            begin,
        }
    }

    /// One that has begun nothing yet. What still runs under this one speaks to it, and nobody hears that.
    pub(super) fn anew(&self, outbox: Arc<Outbox>) -> Self {
        Self::new(outbox, self.begin)
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        // A panic while it is held would be a bug of ours; what it left is still the best there is.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first word on a new stream. What was of the old one is forgotten, what must be said again is queued.
    pub(super) fn hello(&self, about: &About, free: usize) -> Hello {
        let mut table = self.table();
        let unnameable = table.drop_unnameable();
        for held in &unnameable {
            self.outbox.forget(&held.task, held.version);
        }
        if !unnameable.is_empty() {
            crate::say::warn(format_args!(
                "this worker holds {} executions more than a message can name; they are given back",
                unnameable.len()
            ));
        }
        self.outbox.reopen();
        for again in table.reopen() {
            self.outbox.send(again);
        }
        Hello {
            protocol: PROTOCOL,
            session: about.session,
            name: about.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            functions: about.functions.clone(),
            services: about.services.clone(),
            held: table.held(),
            capacity: u32::try_from(about.capacity).unwrap_or(u32::MAX),
            granted: table.credits(free),
            timeline: about.timeline,
        }
    }

    /// The server has let go of tasks that were named. One whose turn is not answered hears it from the answer.
    pub(super) fn let_go(&self, tasks: Vec<PromiseId>) {
        for task in tasks
            .into_iter()
            .filter(|task| !self.outbox.waits_for(task))
        {
            let why = "its claim ended while the worker was not connected".to_owned();
            self.table().dropped(&task, TaskVersion(u64::MAX), why);
            self.outbox.unask(&task);
        }
        self.left.notify_waiters();
    }

    /// The lease is lost, with everything it carried.
    pub(super) fn lose_all(&self, why: &str) {
        self.table().lose_all(why);
        self.outbox.clear();
        self.left.notify_waiters();
    }

    /// Does what the table decided.
    pub(super) fn carry_out(self: &Arc<Self>, worker: &Worker, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(item) => self.outbox.send(*item),
                Effect::Start {
                    dispatched,
                    slot: Some(slot),
                } => self.begin(worker, *dispatched, slot),
                Effect::Start {
                    dispatched,
                    slot: None,
                } => {
                    let (serving, worker) = (Arc::clone(self), worker.clone());
                    let runtime = worker.runtime().clone();
                    gate::spawn(&runtime, async move {
                        let slot = worker.slots().take().await;
                        serving.begin(&worker, *dispatched, slot);
                    });
                }
            }
        }
    }

    /// Begins a dispatched execution, unless it was dropped while it waited for its slot.
    fn begin(&self, worker: &Worker, dispatched: Dispatched, slot: Slot) {
        let record = &dispatched.record;
        let (id, version) = (
            record.promise.id.clone(),
            record
                .task
                .as_ref()
                .map_or(TaskVersion(0), |task| task.version),
        );
        if !self.table().is_waiting(&id, version) {
            return;
        }
        let address = record.promise.call().map(|call| &call.address);
        let Some(definition) = address.and_then(|address| worker.local(address)) else {
            tracing::error!(task = %id, "the server sent a task of a function that this worker does not serve; given back");
            self.forget(&id, version);
            return self.outbox.send(FromWorker::GiveBack { task: id, version });
        };
        let _runtime = worker.runtime().enter();
        let handle = (self.begin)(worker.clone(), definition, dispatched, slot);
        self.table().began(version, handle);
    }
}

impl Link for Serving {
    fn submit(&self, turn: Turn) {
        self.table().submitted(&turn);
        self.outbox.submit(turn);
    }

    fn reclaim(&self, id: &PromiseId, version: TaskVersion, shown: Seq) {
        let asked = self.table().reclaim(id, version, shown);
        if let Some(asked) = asked {
            self.outbox.send(asked);
        }
    }

    fn adopt(&self, handle: ExecutionHandle) {
        self.table().adopt(handle);
    }

    fn announce(&self, id: &PromiseId, version: TaskVersion) {
        self.table().announce(id, version);
    }

    fn began(&self, handle: ExecutionHandle) -> bool {
        let began = self.table().began(handle.version(), handle);
        self.left.notify_waiters();
        began
    }

    fn disown(&self, id: &PromiseId, version: TaskVersion) {
        self.forget(id, version);
        let task = id.clone();
        self.outbox.send(FromWorker::GiveBack { task, version });
    }

    fn set_aside(&self, id: &PromiseId, version: TaskVersion) {
        let said = self.table().set_aside(id, version, Instant::now());
        said.into_iter().for_each(|item| self.outbox.send(item));
        self.left.notify_waiters();
    }

    fn forget(&self, id: &PromiseId, version: TaskVersion) {
        self.table().forget(id, version);
        self.outbox.forget(id, version);
        self.left.notify_waiters();
    }
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving")
            .field("executions", &self.table().len())
            .finish_non_exhaustive()
    }
}
