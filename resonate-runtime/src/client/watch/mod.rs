//! Waiting for promises: one tokio task for all of a process, over few streams.
//!
//! Ten thousand calls that are awaited at once must not be ten thousand streams, and each one more must not send all the
//! others again. So ids are gathered into streams, and small streams into larger ones ([`streams`]). A stream that breaks
//! is opened again for what is left; a promise that settled meanwhile is answered at once.

mod streams;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use resonate_core::{Address, PromiseId, Record, Refusal};
use resonate_proto::client::{PromiseReply, Watch};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::AbortHandle,
    time::{Instant, sleep_until, timeout},
};

use self::streams::{StreamNo, Streams};
use super::{Answer, Backoff, CallError, Reachability, SharedServer, gone};
use crate::{Result, limits, say, testing::gate};

/// Waits for promises. Cheap to clone; ends when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Watcher {
    wanted: mpsc::Sender<Wanted>,
}

/// Somebody who waits.
struct Wanted {
    id: PromiseId,
    waits_for: Option<Address>,
    answer: oneshot::Sender<Answer<Arc<Record>>>,
}

impl Watcher {
    /// Starts its tokio task on `io`.
    pub(super) fn start(server: SharedServer, reach: Arc<Reachability>, io: &Handle) -> Self {
        let (wanted, incoming) = mpsc::channel(limits::WANTED);
        let (news, items) = mpsc::channel(limits::WANTED);
        let watching = Watching::new(server, reach, news);
        gate::spawn(io, watching.run(incoming, items));
        Self { wanted }
    }

    /// The promise once it has settled. Dropping the future waits no more.
    pub(super) async fn settled(
        &self,
        id: PromiseId,
        waits_for: Option<Address>,
    ) -> Result<Arc<Record>> {
        let (answer, answered) = oneshot::channel();
        let wanted = Wanted {
            id,
            waits_for,
            answer,
        };
        self.wanted.send(wanted).await.map_err(|_| gone())?;
        answered
            .await
            .map_err(|_| gone())?
            .map_err(CallError::into_error)
    }
}

/// The state of the tokio task.
struct Watching {
    server: SharedServer,
    reach: Arc<Reachability>,
    news: mpsc::Sender<News>,
    waiting: BTreeMap<PromiseId, Waiting>,
    streams: Streams,
    open: BTreeMap<StreamNo, AbortHandle>,
    /// What no stream watches at the moment, and when that is mended.
    lost: Vec<PromiseId>,
    retry_at: Option<Instant>,
    backoff: Backoff,
    /// Functions that nobody serves, which was said once.
    unserved: BTreeSet<Address>,
}

/// Those who wait for one promise.
struct Waiting {
    answers: Vec<oneshot::Sender<Answer<Arc<Record>>>>,
    waits_for: Option<Address>,
    since: Instant,
}

/// An item of a stream, or its end.
struct News {
    stream: StreamNo,
    item: Option<Answer<PromiseReply>>,
}

impl Watching {
    fn new(server: SharedServer, reach: Arc<Reachability>, news: mpsc::Sender<News>) -> Self {
        Self {
            server,
            reach,
            news,
            waiting: BTreeMap::new(),
            streams: Streams::default(),
            open: BTreeMap::new(),
            lost: Vec::new(),
            retry_at: None,
            backoff: Backoff::new(),
            unserved: BTreeSet::new(),
        }
    }

    async fn run(mut self, mut wanted: mpsc::Receiver<Wanted>, mut items: mpsc::Receiver<News>) {
        let mut look_around = (Instant::now() + limits::LOOK_AROUND, limits::LOOK_AROUND);
        let mut batch = Vec::new();
        loop {
            let retry_at = self.retry_at;
            // What is rare comes first. New wishes are taken all at once, and then as much news as waits, so neither keeps
            // the other from its turn.
            tokio::select! {
                biased;
                () = sleep_until(retry_at.unwrap_or_else(Instant::now)), if retry_at.is_some() => self.retry(),
                () = sleep_until(look_around.0) => {
                    self.look_around().await;
                    // What has waited for days may wait for days more, and asks no server every few seconds meanwhile.
                    let wait = (2 * look_around.1).min(limits::LOOK_AROUND_MOST);
                    look_around = (Instant::now() + wait, wait);
                }
                taken = wanted.recv_many(&mut batch, limits::WANTED) => {
                    if taken == 0 {
                        break;
                    }
                    self.add(batch.drain(..));
                    let soon = Instant::now() + limits::LOOK_AROUND;
                    if soon < look_around.0 {
                        look_around = (soon, limits::LOOK_AROUND);
                    }
                    for _ in 0..limits::WANTED {
                        let Ok(news) = items.try_recv() else { break };
                        self.handle(news);
                    }
                }
                Some(news) = items.recv() => self.handle(news),
            }
        }
        for (_, stream) in self.open {
            stream.abort();
        }
    }

    fn add(&mut self, batch: impl Iterator<Item = Wanted>) {
        let mut new = Vec::new();
        for Wanted {
            id,
            waits_for,
            answer,
        } in batch
        {
            let waiting = self.waiting.entry(id).or_insert_with_key(|id| {
                new.push(id.clone());
                Waiting {
                    answers: Vec::new(),
                    waits_for,
                    since: Instant::now(),
                }
            });
            waiting.answers.push(answer);
        }
        self.watch(new);
    }

    /// Watches these too, and gathers small streams into larger ones.
    fn watch(&mut self, ids: Vec<PromiseId>) {
        if ids.is_empty() {
            return;
        }
        let change = self.streams.add(ids);
        self.close(&change.closed);
        for (no, ids) in change.opened {
            let items = self.server.watch(Watch { ids });
            let passing_on = gate::spawn(&Handle::current(), pass_on(no, items, self.news.clone()));
            self.open.insert(no, passing_on.abort_handle());
        }
    }

    fn close(&mut self, streams: &[StreamNo]) {
        for stream in streams.iter().filter_map(|no| self.open.remove(no)) {
            stream.abort();
        }
    }

    fn handle(&mut self, News { stream, item }: News) {
        match item {
            Some(Ok(reply)) => {
                self.reach.worked(self.server.url());
                self.backoff.reset();
                if !reply.record.promise.is_pending() {
                    let id = reply.record.promise.id.clone();
                    self.streams.settled(stream, &id);
                    self.answer(&id, &Ok(reply.record));
                }
            }
            Some(Err(error)) if error.is_passing() => {
                self.reach.failed(self.server.url(), &error);
                self.lose(stream);
            }
            Some(Err(error)) => self.refuse(stream, &error),
            None => self.lose(stream),
        }
    }

    /// A stream is gone; what is left of it is watched again a little later.
    fn lose(&mut self, stream: StreamNo) {
        self.open.remove(&stream);
        self.lost.extend(self.streams.remove(stream));
        if !self.lost.is_empty() && self.retry_at.is_none() {
            self.retry_at = Some(Instant::now() + self.backoff.next());
        }
    }

    fn retry(&mut self) {
        self.retry_at = None;
        let waiting = &self.waiting;
        let lost = std::mem::take(&mut self.lost)
            .into_iter()
            .filter(|id| waiting.contains_key(id))
            .collect();
        self.watch(lost);
    }

    /// The server says no: to one of the promises, or to all.
    fn refuse(&mut self, stream: StreamNo, error: &CallError) {
        let ids = self.streams.remove(stream);
        self.open.remove(&stream);
        let missing = match error {
            CallError::Refused(Refusal::NotFound(id)) if ids.contains(id) => Some(id.clone()),
            CallError::Refused(_) | CallError::Forbidden(_) | CallError::Unavailable(_) => None,
        };
        for id in ids {
            if missing.as_ref().is_none_or(|missing| *missing == id) {
                self.answer(&id, &Err(error.clone()));
            } else {
                self.lost.push(id);
            }
        }
        self.retry();
    }

    fn answer(&mut self, id: &PromiseId, answer: &Answer<Arc<Record>>) {
        let waiting = self.waiting.remove(id);
        for waiter in waiting.into_iter().flat_map(|waiting| waiting.answers) {
            // Who does not wait any more needs no answer.
            let _gone = waiter.send(answer.clone()).is_err();
        }
    }

    /// Now and then: forgets what nobody waits for, and says which functions nobody serves.
    async fn look_around(&mut self) {
        self.waiting.retain(|_, waiting| {
            waiting.answers.retain(|answer| !answer.is_closed());
            !waiting.answers.is_empty()
        });
        let waiting = &self.waiting;
        let idle = self.streams.retain(|id| waiting.contains_key(id));
        self.close(&idle);
        self.say_who_waits_in_vain().await;
    }

    async fn say_who_waits_in_vain(&mut self) {
        let mut long: Vec<(&Address, &PromiseId)> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.since.elapsed() >= limits::LOOK_AROUND)
            .filter_map(|(id, waiting)| Some((waiting.waits_for.as_ref()?, id)))
            .collect();
        long.sort();
        long.dedup_by(|one, other| one.0 == other.0);
        if long.is_empty() {
            return;
        }
        // A server that hangs must not keep news from those who wait.
        let Ok(Ok(functions)) = timeout(limits::LOOK_AROUND, self.server.functions()).await else {
            return;
        };
        let is_served = |address: &Address| {
            functions
                .iter()
                .any(|served| served.function.address == *address && served.workers > 0)
        };
        self.unserved.retain(|address| !is_served(address));
        for (address, id) in long {
            if !is_served(address) && self.unserved.insert(address.clone()) {
                say::warn(format_args!(
                    "no worker serves {address}, and `{id}` waits for it; start one, or `resonate cancel {id}`"
                ));
            }
        }
    }
}

/// From a stream to the one queue, with its number; the end too.
async fn pass_on(
    stream: StreamNo,
    mut items: mpsc::Receiver<Answer<PromiseReply>>,
    news: mpsc::Sender<News>,
) {
    loop {
        let item = items.recv().await;
        let ends = item.as_ref().is_none_or(std::result::Result::is_err);
        if news.send(News { stream, item }).await.is_err() || ends {
            return;
        }
    }
}
