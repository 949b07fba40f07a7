//! The reference server with one worker on it, whose stream loses nothing and is always open.

mod control;
mod wire;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use resonate_core::{
    Applied, Claimed, Effect, Memory, PromiseId, Record, Reply, Request, SessionId, TaskState,
    TaskVersion, Timestamp, Turn,
};
use tokio::{runtime::Handle, time::Instant};

use self::wire::Wire;
use super::super::start;
use crate::{
    function::Definition,
    settings::Settings,
    worker::{
        link::{Dispatched, ExecutionEvent, ExecutionHandle, Parts, Worker},
        slots::{Slot, Slots},
    },
};

const SESSION: SessionId = SessionId(1);

/// The reference server and a worker's table.
pub(in super::super) struct Server {
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
    pub(in super::super) fn with(
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

    pub(in super::super) fn worker(&self) -> Worker {
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
            retry: None,
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
            state: begun_with,
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
        let dispatched = Dispatched {
            record,
            children,
            state: begun_with,
            arrived: tokio::time::Instant::now(),
        };
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
