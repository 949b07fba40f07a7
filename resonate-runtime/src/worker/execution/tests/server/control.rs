//! What a test does to the server and the worker, and what it sees of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use resonate_core::{
    Create, NewPromise, Outcome, Payload, Record, ReleaseReason, Request, Timestamp,
};

use super::{
    super::{id, shown},
    SESSION, Server,
};
use crate::{function::Definition, worker::link::ExecutionEvent};

impl Server {
    /// A root of this function.
    pub(in super::super) fn create(&self, root: &str, definition: &'static Definition) {
        let call = resonate_core::Call {
            address: definition.address(),
            signature: definition.signature(),
            param: Payload::json("[1]"),
            retry: None,
            priority: None,
            start_at: Timestamp::ZERO,
            access: None,
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

    pub(in super::super) fn resolve(&self, promise: &str, value: &str) {
        let outcome = Outcome::Resolved(Payload::json(value.to_owned()));
        self.request(Request::Settle {
            id: id(promise),
            outcome,
            key: None,
        })
        .answer
        .unwrap();
    }

    pub(in super::super) fn cancel(&self, promise: &str) {
        self.request(Request::Cancel {
            id: id(promise),
            reason: "by hand".to_owned(),
            key: None,
        })
        .answer
        .unwrap();
    }

    /// What was sent and not read is lost with the connection, and so are answers; a new connection works.
    pub(in super::super) fn reconnect(&self) {
        self.state().held = None;
    }

    /// This many turns are read, and no more until `go`.
    pub(in super::super) fn stop_after(&self, turns: usize) {
        self.state().stops_after = Some(turns);
    }

    /// This many turns are read and answered; the next is written, and its answer is lost. Nothing is read after it.
    pub(in super::super) fn lose_answer_after(&self, turns: usize) {
        let mut state = self.state();
        state.stops_after = Some(turns);
        state.loses_answer = true;
    }

    pub(in super::super) fn go(&self) {
        let held = self.state().held.take().unwrap_or_default();
        for turn in held {
            self.answer(turn);
        }
    }

    /// Somebody elsewhere answers every call of `elsewhere`, after a while.
    pub(in super::super) fn serve_elsewhere(self: &Arc<Self>) {
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
    pub(in super::super) fn dispatch_nothing(&self) {
        self.state().dispatches = false;
    }

    pub(in super::super) fn dispatch_again(&self) {
        self.state().dispatches = true;
    }

    /// The lease of one task is taken back; its worker has not heard of it yet.
    pub(in super::super) fn take_back(&self, task: &str) {
        let version = self.record(task).task.unwrap().version;
        let (id, session, why) = (id(task), SESSION, ReleaseReason::GivenBack);
        self.request(Request::Release {
            id,
            version,
            session,
            why,
        })
        .answer
        .unwrap();
    }

    /// The worker is gone, with everything in its memory and on its way; its lease is taken back.
    pub(in super::super) fn lose_worker(&self) {
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
    pub(in super::super) fn evict(&self) {
        let mut state = self.state();
        for id in std::mem::take(&mut state.aside) {
            if let Some(handle) = state.handles.remove(&id) {
                handle.events.try_send(ExecutionEvent::Evict).unwrap();
            }
        }
    }

    pub(in super::super) fn drain(&self) {
        for handle in self.state().handles.values() {
            handle.events.try_send(ExecutionEvent::Drain).unwrap();
        }
    }

    /// What happened since this was asked last.
    pub(in super::super) fn log(&self) -> String {
        self.state().memory.check().unwrap();
        let log = std::mem::take(&mut self.state().log);
        log.into_iter().map(|line| line + "\n").collect()
    }

    pub(in super::super) fn record(&self, promise: &str) -> Record {
        self.find(promise).unwrap_or_else(|| panic!("no {promise}"))
    }

    pub(in super::super) fn find(&self, promise: &str) -> Option<Record> {
        self.state().memory.get(&id(promise)).cloned()
    }

    pub(in super::super) fn is_stopped(&self) -> bool {
        self.state().held.is_some()
    }

    pub(in super::super) fn outcome(&self, promise: &str) -> Option<String> {
        shown(&self.record(promise))
    }

    /// The state of a task.
    pub(in super::super) fn task(&self, promise: &str) -> &'static str {
        self.record(promise).task.unwrap().state_name()
    }

    pub(in super::super) fn is_here(&self, promise: &str) -> bool {
        self.state()
            .handles
            .get(&id(promise))
            .is_some_and(|handle| !handle.events.is_closed())
    }

    pub(in super::super) fn polling_since(&self, promise: &str) -> u64 {
        self.state()
            .handles
            .get(&id(promise))
            .map_or(0, |handle| handle.polling_since.load(Ordering::Acquire))
    }
}
