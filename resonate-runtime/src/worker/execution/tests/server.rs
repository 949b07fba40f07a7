//! The reference server with one worker on it, whose stream loses nothing and is always open.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, Weak, atomic::Ordering},
    time::Duration,
};

use resonate_core::{
    Applied, Claimed, Create, Effect, End, Memory, NewPromise, Op, Outcome, Payload, PromiseId,
    Record, ReleaseReason, Reply, Request, Seq, SessionId, TaskState, TaskVersion, Timestamp, Turn,
};
use tokio::{runtime::Handle, time::Instant};

use super::{
    super::{
        super::{
            link::{Dispatched, ExecutionEvent, ExecutionHandle, Link, Parts, Worker},
            slots::{Slot, Slots},
        },
        start,
    },
    id, shown,
};
use crate::{function::Definition, settings::Settings};

const SESSION: SessionId = SessionId(1);

/// The reference server and a worker's table.
pub(super) struct Server {
    state: Mutex<State>,
    worker: Mutex<Option<Worker>>,
    began: Instant,
}

struct State {
    memory: Memory,
    handles: BTreeMap<PromiseId, ExecutionHandle>,
    aside: Vec<PromiseId>,
    log: Vec<String>,
    /// Turns that were sent while the server is stopped.
    held: Option<Vec<Turn>>,
    /// It stops after so many turns more.
    stops_after: Option<usize>,
    /// Tasks are handed out as soon as they are ready.
    dispatches: bool,
    /// The turn at which it stops is written all the same.
    loses_answer: bool,
}

impl Server {
    pub(super) fn with(
        slots: usize,
        definitions: &'static [&'static Definition],
        settings: Settings,
    ) -> Arc<Self> {
        let state = State {
            memory: Memory::default(),
            handles: BTreeMap::new(),
            aside: Vec::new(),
            log: Vec::new(),
            held: None,
            stops_after: None,
            dispatches: true,
            loses_answer: false,
        };
        let server = Arc::new(Self {
            state: Mutex::new(state),
            worker: Mutex::new(None),
            began: Instant::now(),
        });
        let served = definitions
            .iter()
            .filter(|definition| definition.run.is_some());
        let parts = Parts {
            session: SESSION,
            slots: Slots::new(slots, || {}),
            settings: Arc::new(settings),
            runtime: Handle::current(),
            served: served
                .map(|definition| (definition.address(), *definition))
                .collect(),
        };
        let link = Arc::new(Wire(Arc::downgrade(&server)));
        *server.worker.lock().unwrap() = Some(Worker::new(link, parts));
        server.clone().tick();
        server
    }

    /// Hands out what is ready and expires what is due, for ever.
    fn tick(self: Arc<Self>) {
        let server = Arc::downgrade(&self);
        tokio::spawn(async move {
            while let Some(server) = server.upgrade() {
                server.expire();
                server.dispatch();
                drop(server);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000).after(self.began.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn worker(&self) -> Worker {
        self.worker.lock().unwrap().clone().unwrap()
    }

    /// Applies a request and everything that follows from it.
    fn request(&self, request: Request) -> Applied {
        let now = self.now();
        let mut state = self.state();
        let applied = state.memory.request(now, request);
        self.effects(&state, &applied.effects);
        while let Some(delivered) = state.memory.deliver() {
            self.effects(&state, &delivered.effects);
        }
        applied
    }

    fn effects(&self, state: &State, effects: &[Effect]) {
        for effect in effects {
            let (task, event) = match effect {
                Effect::Settled(_) => continue,
                Effect::Push {
                    task, settlement, ..
                } => (task, ExecutionEvent::Settled(vec![settlement.clone()])),
                Effect::Drop { task, why, .. } => {
                    (task, ExecutionEvent::Dropped { why: why.clone() })
                }
            };
            if let Some(handle) = state.handles.get(task) {
                handle.events.try_send(event).ok();
            }
        }
    }

    /// A root of this function.
    pub(super) fn create(&self, root: &str, definition: &'static Definition) {
        let call = resonate_core::Call {
            address: definition.address(),
            signature: definition.signature(),
            param: Payload::json("[1]"),
            retry: resonate_core::RetryPolicy::DEFAULT,
            priority: 0,
            start_at: Timestamp::ZERO,
        };
        let promise = NewPromise {
            id: id(root),
            call: Some(Arc::new(call)),
            timeout_at: Timestamp::NEVER,
            labels: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        self.request(Request::Create(Create {
            promise,
            any: false,
        }))
        .answer
        .unwrap();
    }

    pub(super) fn resolve(&self, promise: &str, value: &str) {
        let outcome = Outcome::Resolved(Payload::json(value.to_owned()));
        self.request(Request::Settle {
            id: id(promise),
            outcome,
        })
        .answer
        .unwrap();
    }

    pub(super) fn cancel(&self, promise: &str) {
        self.request(Request::Cancel {
            id: id(promise),
            reason: "by hand".to_owned(),
        })
        .answer
        .unwrap();
    }

    fn expire(&self) {
        let now = self.now();
        let due: Vec<PromiseId> = {
            let state = self.state();
            let due = state
                .memory
                .records()
                .filter(|record| record.promise.is_pending() && record.promise.timeout_at <= now);
            due.map(|record| record.promise.id.clone()).collect()
        };
        for id in due {
            self.request(Request::Expire { id });
        }
    }

    /// Hands out what is ready, as long as there are slots.
    fn dispatch(&self) {
        let now = self.now();
        let ready: Vec<PromiseId> = {
            let state = self.state();
            if !state.dispatches || state.held.is_some() {
                return;
            }
            let is_ready = |record: &&Record| matches!(&record.task, Some(task) if matches!(task.state, TaskState::Pending { ready_at } if ready_at <= now));
            state
                .memory
                .records()
                .filter(is_ready)
                .map(|record| record.promise.id.clone())
                .collect()
        };
        for id in ready {
            let address = self
                .record(id.as_str())
                .promise
                .call()
                .map(|call| call.address.clone())
                .unwrap();
            let Some(definition) = self.worker().local(&address) else {
                continue;
            };
            let Some(slot) = self.worker().slots().try_take() else {
                return;
            };
            self.claim(&id, definition, Some(slot), None);
        }
    }

    fn claim(
        &self,
        id: &PromiseId,
        definition: &'static Definition,
        slot: Option<Slot>,
        tied: Option<TaskVersion>,
    ) {
        let applied = self.request(Request::Claim {
            id: id.clone(),
            session: SESSION,
            tied,
        });
        let Ok(Reply::Claimed(claimed)) = applied.answer else {
            let mut state = self.state();
            if let Some(handle) = state.handles.remove(id) {
                let why = format!("{:?}", applied.answer);
                handle
                    .events
                    .try_send(ExecutionEvent::Dropped { why })
                    .unwrap();
            }
            return;
        };
        let Claimed {
            record,
            warm,
            children,
        } = *claimed;
        let (record, version) = (
            Record::clone(&record),
            record.task.as_ref().unwrap().version,
        );
        let settled: Vec<Record> = children.iter().map(|child| Record::clone(child)).collect();
        let mut state = self.state();
        state.aside.retain(|aside| aside != id);
        if warm && let Some(handle) = state.handles.get(id).cloned() {
            state.log.push(format!("claim {id} warm"));
            let event = ExecutionEvent::Claimed {
                version,
                settled,
                slot,
            };
            handle.events.try_send(event).unwrap();
            return;
        }
        state.log.push(format!("claim {id}"));
        let children = resonate_core::apply::history(&self.tree(&state, id), &record);
        let children = children
            .iter()
            .map(|child| without_arguments(child))
            .collect();
        let dispatched = Dispatched { record, children };
        drop(state);
        let slot = slot.or_else(|| self.worker().slots().try_take()).unwrap();
        let handle = start(self.worker(), definition, dispatched, slot);
        self.state().handles.insert(id.clone(), handle);
    }

    fn tree(&self, state: &State, id: &PromiseId) -> resonate_core::Tree {
        state
            .memory
            .records()
            .filter(|record| record.promise.id.root() == id.root())
            .cloned()
            .collect()
    }

    fn answer(&self, turn: Turn) {
        let (task, n) = (turn.id.clone(), turn.n);
        let applied = self.request(Request::Turn(turn));
        let answer = applied.answer.map(|reply| {
            let Reply::Turn(reply) = reply else {
                panic!("{reply:?}")
            };
            reply
        });
        let state = self.state();
        if let Some(handle) = state.handles.get(&task) {
            handle
                .events
                .try_send(ExecutionEvent::TurnAnswered { n, answer })
                .ok();
        }
    }

    /// This many turns are read and answered; the next is written, and its answer is lost. Nothing is read after it.
    pub(super) fn lose_answer_after(&self, turns: usize) {
        let mut state = self.state();
        state.stops_after = Some(turns);
        state.loses_answer = true;
    }

    /// This many turns are read, and no more until `go`.
    pub(super) fn stop_after(&self, turns: usize) {
        self.state().stops_after = Some(turns);
    }

    pub(super) fn go(&self) {
        let held = self.state().held.take().unwrap_or_default();
        for turn in held {
            self.answer(turn);
        }
    }

    /// Somebody elsewhere answers every call of `elsewhere`, after a while.
    pub(super) fn serve_elsewhere(self: &Arc<Self>) {
        let server = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(server) = server.upgrade() {
                let is_elsewhere = |record: &&Record| {
                    record.promise.is_pending()
                        && record
                            .promise
                            .call()
                            .is_some_and(|call| &*call.address.function == "elsewhere")
                };
                let pending = server
                    .state()
                    .memory
                    .records()
                    .find(is_elsewhere)
                    .map(|record| record.promise.id.clone());
                if let Some(id) = pending {
                    server.resolve(id.as_str(), "5");
                }
                drop(server);
                tokio::time::sleep(Duration::from_millis(7)).await;
            }
        });
    }

    /// Ready tasks stay where they are.
    pub(super) fn dispatch_nothing(&self) {
        self.state().dispatches = false;
    }

    pub(super) fn dispatch_again(&self) {
        self.state().dispatches = true;
    }

    /// The worker is gone, with everything in its memory and on its way; its lease is taken back.
    pub(super) fn lose_worker(&self) {
        let mut state = self.state();
        (state.held, state.stops_after) = (None, None);
        drop(state);
        let handles = std::mem::take(&mut self.state().handles);
        for (id, handle) in handles {
            handle
                .events
                .try_send(ExecutionEvent::Dropped {
                    why: "lost".to_owned(),
                })
                .ok();
            let version = handle.version();
            self.request(Request::Release {
                id,
                version,
                session: SESSION,
                why: ReleaseReason::Lost,
            })
            .answer
            .ok();
        }
    }

    /// Bodies that wait are put out of memory.
    pub(super) fn evict(&self) {
        let mut state = self.state();
        for id in std::mem::take(&mut state.aside) {
            if let Some(handle) = state.handles.remove(&id) {
                handle.events.try_send(ExecutionEvent::Evict).unwrap();
            }
        }
    }

    pub(super) fn drain(&self) {
        for handle in self.state().handles.values() {
            handle.events.try_send(ExecutionEvent::Drain).unwrap();
        }
    }

    /// What happened since this was asked last.
    pub(super) fn log(&self) -> String {
        self.state().memory.check().unwrap();
        let log = std::mem::take(&mut self.state().log);
        log.into_iter().map(|line| line + "\n").collect()
    }

    pub(super) fn record(&self, promise: &str) -> Record {
        self.find(promise).unwrap_or_else(|| panic!("no {promise}"))
    }

    pub(super) fn find(&self, promise: &str) -> Option<Record> {
        self.state().memory.get(&id(promise)).cloned()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state().held.is_some()
    }

    pub(super) fn outcome(&self, promise: &str) -> Option<String> {
        shown(&self.record(promise))
    }

    /// The state of a task.
    pub(super) fn task(&self, promise: &str) -> &'static str {
        self.record(promise).task.unwrap().state_name()
    }

    pub(super) fn is_here(&self, promise: &str) -> bool {
        self.state()
            .handles
            .get(&id(promise))
            .is_some_and(|handle| !handle.events.is_closed())
    }

    pub(super) fn polling_since(&self, promise: &str) -> u64 {
        self.state()
            .handles
            .get(&id(promise))
            .map_or(0, |handle| handle.polling_since.load(Ordering::Acquire))
    }
}

/// The worker's way to the server.
struct Wire(Weak<Server>);

impl Link for Wire {
    fn submit(&self, turn: Turn) {
        let Some(server) = self.0.upgrade() else {
            return;
        };
        let mut state = server.state();
        state.log.push(told(&turn));
        if state.stops_after == Some(0) {
            state.stops_after = None;
            state.held = Some(Vec::new());
            if std::mem::take(&mut state.loses_answer) {
                drop(state);
                server.request(Request::Turn(turn)).answer.unwrap();
                return;
            }
        }
        if let Some(held) = &mut state.held {
            return held.push(turn);
        }
        state.stops_after = state.stops_after.map(|turns| turns - 1);
        drop(state);
        server.answer(turn);
    }

    fn reclaim(&self, id: &PromiseId, version: TaskVersion, _: Seq) {
        let Some(server) = self.0.upgrade() else {
            return;
        };
        server.state().log.push(format!("reclaim {id}"));
        let address = server
            .record(id.as_str())
            .promise
            .call()
            .map(|call| call.address.clone())
            .unwrap();
        let definition = server.worker().local(&address).unwrap();
        server.claim(id, definition, None, Some(version));
    }

    fn adopt(&self, handle: ExecutionHandle) {
        let Some(server) = self.0.upgrade() else {
            return;
        };
        server.state().handles.insert(handle.id.clone(), handle);
    }

    fn set_aside(&self, id: &PromiseId, _: TaskVersion) {
        let Some(server) = self.0.upgrade() else {
            return;
        };
        server.state().aside.push(id.clone());
    }

    fn forget(&self, id: &PromiseId, version: TaskVersion) {
        let Some(server) = self.0.upgrade() else {
            return;
        };
        let mut state = server.state();
        if state
            .handles
            .get(id)
            .is_some_and(|handle| handle.version() == version)
        {
            state.handles.remove(id);
        }
    }
}

fn told(turn: &Turn) -> String {
    let mut said = vec![format!("turn {} {}:", turn.id, turn.n)];
    said.extend(turn.ops.iter().map(|op| match op {
        Op::Create(child) => format!("create {}", child.id),
        Op::CreateClaimed(child) => format!("create claimed {}", child.id),
        Op::Record(child, _) => format!("record {}", child.id),
        Op::Cancel { id } => format!("cancel {id}"),
        Op::MoveTimer { id, .. } => format!("move {id}"),
        Op::Label { name, value } => format!("label {name} {value}"),
    }));
    said.push(match &turn.end {
        End::GoOn => "go on".to_owned(),
        End::Suspend { tied } => format!("suspend{}", if *tied { " tied" } else { "" }),
        End::Fulfill(_) => "fulfill".to_owned(),
        End::Fail {
            failure, retryable, ..
        } => format!(
            "fail {}{}",
            failure.kind.name(),
            if *retryable { ", again" } else { "" }
        ),
        End::ContinueAs(_) => "continue as".to_owned(),
        End::Release => "release".to_owned(),
        End::Halt { reason, .. } => format!("halt: {reason}"),
    });
    said.join(" ")
}

/// As a dispatch brings it.
fn without_arguments(child: &Record) -> Record {
    let mut child = child.clone();
    if let resonate_core::Kind::Call(call) = &mut child.promise.kind {
        let call = Arc::make_mut(call);
        call.param = call.param.without_data();
    }
    child
}
