//! A server that does as a test says: replies from a script, streams whose far end the test holds.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{FutureExt, future::BoxFuture};
use resonate_core::{
    Create, Kind, NewSchedule, Outcome, Payload, Promise, PromiseId, PromiseState, Record, Refusal,
    Seq, Settled, Timestamp,
};
use resonate_proto::{
    client::{
        Cancel, ChangeSchedule, Page, PromiseReply, Search, ServedFunction, Settle, TreeSearch,
        Watch,
    },
    stream::{FromWorker, ToWorker},
};
use tokio::sync::mpsc;

use super::server::{Answer, CallError, Server, WorkStream};

/// A server as a test sees it.
pub(crate) struct Fake {
    state: Mutex<State>,
    /// How many requests came in.
    pub(crate) asked: AtomicUsize,
    streams: mpsc::Sender<FarEnd>,
}

#[derive(Default)]
struct State {
    records: BTreeMap<PromiseId, Record>,
    watches: Vec<(Watch, mpsc::Sender<Answer<PromiseReply>>)>,
    /// What the next requests end with, before the server looks at them.
    failures: VecDeque<CallError>,
    functions: Vec<ServedFunction>,
}

/// The server's end of a worker's stream.
pub(crate) struct FarEnd {
    pub(crate) from_worker: mpsc::Receiver<Vec<FromWorker>>,
    pub(crate) to_worker: mpsc::Sender<Answer<Vec<ToWorker>>>,
}

impl Fake {
    /// A server, and the streams that workers open to it.
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<FarEnd>) {
        let (streams, opened) = mpsc::channel(16);
        let fake = Self {
            state: Mutex::default(),
            asked: AtomicUsize::new(0),
            streams,
        };
        (Arc::new(fake), opened)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next requests end with these.
    pub(crate) fn fail(&self, failures: impl IntoIterator<Item = CallError>) {
        self.state().failures.extend(failures);
    }

    /// These functions are known.
    pub(crate) fn serve(&self, functions: Vec<ServedFunction>) {
        self.state().functions = functions;
    }

    /// A promise settles; those who watch it are told.
    pub(crate) fn settle_now(&self, id: &str, outcome: Outcome) {
        let mut state = self.state();
        let record = state.records.get_mut(&PromiseId::new(id).unwrap()).unwrap();
        let settled = Settled {
            outcome,
            at: Timestamp::from_millis(2),
            seq: Seq(1),
            key: None,
            because_of: None,
        };
        record.promise.state = PromiseState::Settled(Box::new(settled));
        let reply = PromiseReply {
            record: Arc::new(record.clone()),
            new: false,
            at: None,
        };
        for (watch, sender) in &state.watches {
            if watch.ids.contains(&reply.record.promise.id) {
                // Nobody may watch any more.
                drop(sender.try_send(Ok(reply.clone())));
            }
        }
    }

    /// All watches that are open, by their ids.
    pub(crate) fn watched(&self) -> Vec<Vec<String>> {
        let mut state = self.state();
        state.watches.retain(|(_, sender)| !sender.is_closed());
        state
            .watches
            .iter()
            .map(|(watch, _)| watch.ids.iter().map(ToString::to_string).collect())
            .collect()
    }

    /// All watches break.
    pub(crate) fn break_watches(&self) {
        for (_, sender) in self.state().watches.drain(..) {
            drop(sender.try_send(Err(CallError::Unavailable("gone".to_owned()))));
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&mut State) -> Answer<T>,
    ) -> BoxFuture<'static, Answer<T>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state();
        let answer = match state.failures.pop_front() {
            Some(failure) => Err(failure),
            None => answer(&mut state),
        };
        async move { answer }.boxed()
    }
}

impl State {
    fn find(&self, id: &PromiseId) -> Answer<PromiseReply> {
        let record = self
            .records
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::NotFound(id.clone()))?;
        Ok(PromiseReply {
            record: Arc::new(record),
            new: false,
            at: None,
        })
    }
}

impl Server for Fake {
    fn url(&self) -> &str {
        "http://fake"
    }

    fn create(&self, create: Create) -> BoxFuture<'static, Answer<PromiseReply>> {
        self.ask(|state| {
            let id = create.promise.id.clone();
            let new = !state.records.contains_key(&id);
            state
                .records
                .entry(id.clone())
                .or_insert_with(|| pending(create));
            state.find(&id).map(|reply| PromiseReply { new, ..reply })
        })
    }

    fn find(&self, id: PromiseId) -> BoxFuture<'static, Answer<PromiseReply>> {
        self.ask(|state| state.find(&id))
    }

    fn url_of(&self, id: PromiseId) -> BoxFuture<'static, Answer<String>> {
        self.ask(|state| state.find(&id).map(|_| format!("http://fake/p/{id}")))
    }

    fn schedule(&self, new: NewSchedule) -> BoxFuture<'static, Answer<PromiseReply>> {
        self.ask(move |state| state.find(&new.id))
    }

    fn change_schedule(&self, change: ChangeSchedule) -> BoxFuture<'static, Answer<PromiseReply>> {
        self.ask(move |state| state.find(&change.id))
    }

    fn settle(&self, settle: Settle) -> BoxFuture<'static, Answer<PromiseReply>> {
        let known = self.state().find(&settle.id);
        if let Some(settled) = known
            .as_ref()
            .ok()
            .and_then(|reply| reply.record.promise.settled().cloned())
        {
            let refusal = Refusal::AlreadySettled {
                id: settle.id,
                outcome: settled.outcome,
            };
            return self.ask(|_| Err(refusal.into()));
        }
        if known.is_ok() {
            self.settle_now(settle.id.as_str(), settle.outcome);
        }
        self.ask(|state| {
            state
                .find(&settle.id)
                .map(|reply| PromiseReply { new: true, ..reply })
        })
    }

    fn cancel(&self, cancel: Cancel) -> BoxFuture<'static, Answer<PromiseReply>> {
        let outcome = Outcome::Canceled {
            reason: cancel.reason,
        };
        Server::settle(
            self,
            Settle {
                id: cancel.id,
                outcome,
                key: cancel.key,
            },
        )
    }

    fn search(&self, search: Search) -> BoxFuture<'static, Answer<Page>> {
        self.ask(|state| {
            let page = search
                .limit
                .map_or(2, |limit| usize::try_from(limit).unwrap().min(2));
            let from: usize = search.cursor.parse().unwrap_or(0);
            let all: Vec<_> = state.records.values().cloned().map(Arc::new).collect();
            let records: Vec<_> = all.iter().skip(from).take(page).cloned().collect();
            let next = from + records.len();
            let cursor = if next < all.len() {
                next.to_string()
            } else {
                String::new()
            };
            Ok(Page { records, cursor })
        })
    }

    fn tree(&self, search: TreeSearch) -> BoxFuture<'static, Answer<Page>> {
        self.ask(|state| {
            Ok(Page {
                records: vec![state.find(&search.id)?.record],
                cursor: String::new(),
            })
        })
    }

    fn functions(&self) -> BoxFuture<'static, Answer<Vec<ServedFunction>>> {
        self.ask(|state| Ok(state.functions.clone()))
    }

    fn watch(&self, watch: Watch) -> mpsc::Receiver<Answer<PromiseReply>> {
        let (sender, receiver) = mpsc::channel(10_000);
        let mut state = self.state();
        let known: Vec<_> = watch.ids.iter().map(|id| state.find(id)).collect();
        for reply in known {
            if !matches!(&reply, Ok(reply) if reply.record.promise.is_pending()) {
                sender.try_send(reply).unwrap();
            }
        }
        state.watches.push((watch, sender));
        receiver
    }

    fn work(&self) -> WorkStream {
        let (outgoing, from_worker) = mpsc::channel(16);
        let (to_worker, incoming) = mpsc::channel(16);
        drop(self.streams.try_send(FarEnd {
            from_worker,
            to_worker,
        }));
        WorkStream { outgoing, incoming }
    }
}

/// A promise that was just created.
pub(crate) fn pending(create: Create) -> Record {
    let kind = create.promise.call.map_or(Kind::External, Kind::Call);
    let promise = Promise {
        id: create.promise.id,
        kind,
        state: PromiseState::Pending,
        created_at: Timestamp::from_millis(1),
        timeout_at: create.promise.timeout_at,
        origin: None,
        generation: 1,
        shielded: false,
        compensation: None,
        labels: create.promise.labels,
        tags: create.promise.tags,
        awaiters: Vec::new(),
    };
    Record {
        promise,
        task: None,
    }
}

/// A value, as JSON.
pub(crate) fn value(json: &str) -> Outcome {
    Outcome::Resolved(Payload::json(json.to_owned()))
}
