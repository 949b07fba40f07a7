//! One connection of a worker's: hello, then items both ways until it ends. It decides nothing about tasks.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use resonate_proto::stream::{FromWorker, ToWorker, Welcome};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout_at},
};

use super::{
    lease::Lease,
    link::Worker,
    pulse::{Pulse, Verdict},
    run::{Orders, State},
    serving::{About, Serving},
    table::Table,
};
use crate::{
    client::{Answer, CallError, Reachability, WorkStream},
    clock::Clock,
    limits, say,
    testing::TurnPoint,
};

/// Why a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It broke, or the server went away.
    Lost(String),
    /// No heartbeat was answered for a whole lease.
    LeaseOver,
    /// The server will not have this worker.
    Refused { kind: String, message: String },
    /// The worker is drained and has left.
    Left,
}

/// A worker with everything that outlives one connection.
pub(super) struct Stream {
    pub(super) worker: Worker,
    pub(super) serving: Arc<Serving>,
    pub(super) about: About,
    pub(super) lease: Lease,
    pub(super) pulse: Pulse,
    pub(super) clock: Arc<Clock>,
    pub(super) reach: Arc<Reachability>,
    pub(super) url: String,
    pub(super) orders: watch::Receiver<Orders>,
    pub(super) state: watch::Sender<State>,
}

impl Stream {
    /// Carries one connection to its end.
    pub(super) async fn carry(&mut self, stream: WorkStream) -> Ended {
        let WorkStream {
            outgoing,
            mut incoming,
        } = stream;
        let welcome = match self.greet(&outgoing, &mut incoming).await {
            ControlFlow::Continue(welcome) => welcome,
            ControlFlow::Break(ended) => return ended,
        };
        let mut connection = Connection {
            beat: welcome.heartbeat.max(Duration::from_millis(1)),
            granted: welcome.granted,
            farewell: None,
        };
        self.exchange(&mut connection, outgoing, incoming).await
    }

    /// Says who we are and waits to be welcomed.
    async fn greet(
        &mut self,
        outgoing: &mpsc::Sender<Vec<FromWorker>>,
        incoming: &mut mpsc::Receiver<Answer<Vec<ToWorker>>>,
    ) -> ControlFlow<Ended, Greeted> {
        let sent = Instant::now();
        let hello = self.serving.hello(&self.about, self.worker.slots().free());
        let granted = hello.granted;
        if outgoing.send(vec![FromWorker::Hello(hello)]).await.is_err() {
            return ControlFlow::Break(Ended::Lost("the stream could not be opened".to_owned()));
        }
        let latest = sent + limits::REPLY;
        let until = self.lease.ends_at().map_or(latest, |end| end.min(latest));
        let Ok(first) = timeout_at(until, self.first(incoming)).await else {
            let lost = || Ended::Lost("the server did not answer the hello".to_owned());
            return ControlFlow::Break(if self.lease.is_over(Instant::now()) {
                Ended::LeaseOver
            } else {
                lost()
            });
        };
        let mut items = match first? {
            Some(Ok(items)) => items.into_iter(),
            Some(Err(error)) => return ControlFlow::Break(broken(error)),
            None => {
                return ControlFlow::Break(Ended::Lost("the server ended the stream".to_owned()));
            }
        };
        let welcome = match items.next() {
            Some(ToWorker::Welcome(welcome)) => welcome,
            Some(ToWorker::Refused { kind, message }) => {
                return ControlFlow::Break(Ended::Refused { kind, message });
            }
            first => {
                return ControlFlow::Break(Ended::Lost(format!("the server began with {first:?}")));
            }
        };
        let heartbeat = self.welcomed(welcome, sent);
        for item in items {
            self.handle(item)?;
        }
        ControlFlow::Continue(Greeted { heartbeat, granted })
    }

    /// The first items, unless the worker must have left before.
    async fn first(
        &self,
        incoming: &mut mpsc::Receiver<Answer<Vec<ToWorker>>>,
    ) -> ControlFlow<Ended, Option<Answer<Vec<ToWorker>>>> {
        let mut orders = self.orders.clone();
        loop {
            let deadline = match *orders.borrow_and_update() {
                Orders::Serve => None,
                Orders::Leave { until } => Some(until),
            };
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return ControlFlow::Break(Ended::Left);
            }
            tokio::select! {
                biased;
                received = incoming.recv() => return ControlFlow::Continue(received),
                () = sleep_until(deadline.unwrap_or(now)), if deadline.is_some() => {}
                changed = orders.changed() => if changed.is_err() {
                    return ControlFlow::Break(Ended::Left);
                },
            }
        }
    }

    fn welcomed(&mut self, welcome: Welcome, sent: Instant) -> Duration {
        self.lease.welcomed(sent, welcome.lease);
        // What the server said was under way for so long at most, and three times were cut to milliseconds. Rather ahead
        // of its time than behind it: a call that is to start later starts no earlier than it was told.
        let at_most = sent.elapsed() + Duration::from_millis(3);
        self.clock.correct(welcome.now.after(at_most));
        let settings = self.worker.settings();
        settings.codecs.limit(welcome.payload_bytes_max);
        settings.urls.are_made_with(welcome.capabilities);
        self.about.timeline = Some(welcome.timeline);
        self.serving.let_go(welcome.let_go);
        self.reach.worked(&self.url);
        self.state.send_replace(State::Serving);
        welcome.heartbeat
    }

    async fn exchange(
        &mut self,
        connection: &mut Connection,
        outgoing: mpsc::Sender<Vec<FromWorker>>,
        mut incoming: mpsc::Receiver<Answer<Vec<ToWorker>>>,
    ) -> Ended {
        let mut beat = interval_at(Instant::now() + connection.beat, connection.beat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut backlog = None;
        let mut to_send = true;
        let mut orders = self.orders.clone();
        loop {
            let now = Instant::now();
            if self.lease.is_over(now) {
                return Ended::LeaseOver;
            }
            let deadline = self.obey(connection, *orders.borrow_and_update());
            if deadline.is_some_and(|deadline| self.is_drained(now, deadline, connection)) {
                return self.leave(outgoing, incoming).await;
            }
            let end = self
                .lease
                .ends_at()
                .into_iter()
                .chain(deadline)
                .chain(backlog)
                .min();
            // What is rare comes first. What goes out comes before what comes in: it is bounded, since an execution has one
            // turn under way, while a server may always have more.
            tokio::select! {
                biased;
                _ = beat.tick() => self.beat(),
                changed = orders.changed() => if changed.is_err() {
                    return Ended::Left;
                },
                permit = outgoing.reserve(), if to_send => {
                    let Ok(permit) = permit else { return Ended::Lost("the stream broke".to_owned()) };
                    let batch = self.batch(connection);
                    to_send = !batch.is_empty();
                    if to_send {
                        permit.send(batch);
                    }
                }
                received = incoming.recv() => match self.take_in(received) {
                    ControlFlow::Continue(()) => {}
                    ControlFlow::Break(ended) => return ended,
                },
                () = self.serving.outbox.filled(), if !to_send => to_send = true,
                () = self.serving.left.notified(), if deadline.is_some() => {}
                () = sleep_until(end.unwrap_or(now)), if end.is_some() => {}
            }
            backlog = (!self.serving.table().flush()).then(|| Instant::now() + limits::BACKLOG);
        }
    }

    fn take_in(&mut self, received: Option<Answer<Vec<ToWorker>>>) -> ControlFlow<Ended> {
        match received {
            Some(Ok(items)) => items.into_iter().try_for_each(|item| self.handle(item)),
            Some(Err(error)) => ControlFlow::Break(broken(error)),
            None => ControlFlow::Break(Ended::Lost("the server ended the stream".to_owned())),
        }
    }

    fn handle(&mut self, item: ToWorker) -> ControlFlow<Ended> {
        let serving = &self.serving;
        match item {
            ToWorker::Dispatch(dispatch) => {
                let effects = serving.table().dispatch(dispatch, self.worker.slots());
                serving.carry_out(&self.worker, effects);
            }
            ToWorker::TurnAnswer(answer) => {
                if serving
                    .outbox
                    .answered(&answer.task, answer.version, answer.n)
                {
                    self.tell(TurnPoint::Answered, 1);
                    serving.table().turn_answered(answer);
                }
            }
            ToWorker::Settlements {
                task,
                version,
                settled,
            } => serving.table().settled(&task, version, settled),
            ToWorker::Drop { task, version, why } => {
                serving.table().dropped(&task, version, why);
                serving.outbox.forget(&task, version);
                serving.left.notify_waiters();
            }
            ToWorker::HeartbeatAnswer { n } => self.lease.answered(n),
            ToWorker::Refused { kind, message } => {
                return ControlFlow::Break(Ended::Refused { kind, message });
            }
            ToWorker::Welcome(_) => {
                return ControlFlow::Break(Ended::Lost(
                    "the server welcomed this worker twice".to_owned(),
                ));
            }
        }
        ControlFlow::Continue(())
    }

    /// A heartbeat, with those that are stalled; and what is too old in memory leaves it.
    fn beat(&mut self) {
        let now = Instant::now();
        let lease = u64::try_from(self.lease.length().as_millis()).unwrap_or(u64::MAX);
        let mut table = self.serving.table();
        let stalled = table.stalled(self.worker.millis(), lease);
        let mut said = table.evict_older(limits::WARM_AGE, now);
        match self.pulse.verdict(now, self.lease.length()) {
            Verdict::Beats => {}
            Verdict::Silent => said.extend(table.give_back_unbegun()),
            Verdict::Dead { silence } => said.extend(give_up(&mut table, silence)),
        }
        drop(table);
        self.pulse.beat(now, self.worker.runtime());
        for (held, _) in stalled.iter().filter(|(_, said)| !said) {
            say::warn(format_args!(
                "`{}` has not come back from a poll for {lease} ms, so another worker gets it; move what blocks into \
                 `tokio::task::spawn_blocking`",
                held.task
            ));
        }
        let stalled = stalled.into_iter().map(|(held, _)| held).collect();
        self.serving.outbox.send(FromWorker::Heartbeat {
            n: self.lease.beat(now),
            stalled,
        });
        said.into_iter()
            .for_each(|item| self.serving.outbox.send(item));
    }

    /// The next batch: what waits, and more credits if slots became free.
    fn batch(&self, connection: &mut Connection) -> Vec<FromWorker> {
        let mut batch = self.serving.outbox.take(limits::BATCH_ITEMS);
        let turns = batch
            .iter()
            .filter(|item| matches!(item, FromWorker::Turn(_)));
        self.tell(TurnPoint::Unsent, turns.count());
        // What no thread has time for is of use to another worker.
        let free = match self.pulse.verdict(Instant::now(), self.lease.length()) {
            Verdict::Beats => self.worker.slots().free(),
            Verdict::Silent | Verdict::Dead { .. } => 0,
        };
        let granted = self.serving.table().credits(free);
        if connection.granted < granted {
            connection.granted = granted;
            batch.push(FromWorker::Credits { granted });
        }
        batch
    }

    /// Tells a test, if there is one, where so many turns are.
    fn tell(&self, point: TurnPoint, turns: usize) {
        if let Some(on_turn) = self.worker.settings().on_turn {
            (0..turns).for_each(|_| on_turn(point));
        }
    }

    /// Does what it is told once per connection; gives the moment at which it must have left.
    ///
    /// The heartbeat after the order is a question: what the server dispatched before it heard of the order arrives
    /// before the answer.
    fn obey(&mut self, connection: &mut Connection, orders: Orders) -> Option<Instant> {
        let Orders::Leave { until } = orders else {
            return None;
        };
        if connection.farewell.is_none() {
            self.worker.slots().close();
            self.serving.outbox.send(FromWorker::Drain);
            let said = self.serving.table().drain();
            said.into_iter()
                .for_each(|item| self.serving.outbox.send(item));
            let n = self.lease.beat(Instant::now());
            connection.farewell = Some(n);
            let stalled = Vec::new();
            self.serving
                .outbox
                .send(FromWorker::Heartbeat { n, stalled });
        }
        Some(until)
    }

    fn is_drained(&self, now: Instant, deadline: Instant, connection: &Connection) -> bool {
        let is_heard = connection
            .farewell
            .is_some_and(|n| self.lease.is_answered(n));
        let is_done =
            || is_heard && self.serving.table().is_empty() && self.serving.outbox.is_idle();
        deadline <= now || is_done()
    }

    /// Gives back what is left, says so, and waits a moment for the server to have heard it.
    async fn leave(
        &self,
        outgoing: mpsc::Sender<Vec<FromWorker>>,
        mut incoming: mpsc::Receiver<Answer<Vec<ToWorker>>>,
    ) -> Ended {
        let said = self.serving.table().give_back_all("its worker is leaving");
        said.into_iter()
            .for_each(|item| self.serving.outbox.send(item));
        let farewell = async {
            loop {
                let batch = self.serving.outbox.take(limits::BATCH_ITEMS);
                if batch.is_empty() || outgoing.send(batch).await.is_err() {
                    break;
                }
            }
            drop(outgoing);
            while let Some(Ok(_)) = incoming.recv().await {}
        };
        let _in_time = tokio::time::timeout(limits::FAREWELL, farewell)
            .await
            .is_ok();
        Ended::Left
    }
}

/// What is known of one connection.
struct Connection {
    beat: Duration,
    /// The credits that were granted last.
    granted: u64,
    /// The heartbeat that followed the word that the worker is leaving.
    farewell: Option<u64>,
}

struct Greeted {
    heartbeat: Duration,
    granted: u64,
}

/// No thread has come back for too long to wait for one: what would go on here goes on elsewhere.
fn give_up(table: &mut Table, silence: Duration) -> Vec<FromWorker> {
    let seconds = silence.as_secs();
    let said = table.give_back_all(&format!(
        "no thread of its worker came back for {seconds} s"
    ));
    if !said.is_empty() {
        say::warn(format_args!(
            "every thread of this process that runs functions has been blocked for {seconds} s: {} executions go on \
             elsewhere; move what blocks into `tokio::task::spawn_blocking`, and restart this process if it does not come back",
            said.len()
        ));
    }
    said
}

fn broken(error: CallError) -> Ended {
    match error {
        CallError::Unavailable(why) => Ended::Lost(why),
        CallError::Forbidden(message) => Ended::Refused {
            kind: "forbidden".to_owned(),
            message,
        },
        CallError::Refused(refusal) => Ended::Refused {
            kind: "refused".to_owned(),
            message: refusal.to_string(),
        },
    }
}
