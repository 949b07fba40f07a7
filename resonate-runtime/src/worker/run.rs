//! A worker from its start to its end: one connection after the other, and what outlives them.

use std::sync::Arc;

use resonate_proto::stream::ANOTHER_TIMELINE;
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{
    lease::Lease,
    link::{Parts, Worker},
    outbox::Outbox,
    pulse::Pulse,
    serving::{About, Begin, Serving},
    slots::Slots,
    stream::{Ended, Stream},
};
use crate::{
    client::{Backoff, Reachability, SharedServer},
    clock::Clock,
    function::Definition,
    limits,
    registry::Registry,
    say,
    settings::Settings,
    testing::gate,
};

/// What a worker is told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Orders {
    /// Serve.
    Serve,
    /// Take nothing more, let executions run until they wait, give the rest back at this moment at the latest.
    Leave { until: Instant },
}

/// Where a worker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The first connection is being tried.
    Connecting,
    /// No server is there; it is tried again.
    Unreachable,
    /// It is registered.
    Serving,
    /// The server will not have it.
    Refused { kind: String, message: String },
    /// It has left.
    Left,
}

/// A worker that runs. Dropping it ends the worker without a word.
#[derive(Debug)]
pub(crate) struct WorkerHandle {
    pub(crate) orders: watch::Sender<Orders>,
    pub(crate) state: watch::Receiver<State>,
}

/// What a worker is started with.
pub(crate) struct Start {
    pub(crate) server: SharedServer,
    pub(crate) reach: Arc<Reachability>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) about: About,
    pub(crate) registry: Registry,
    /// Where bodies run.
    pub(crate) runtime: Handle,
    /// How executions begin.
    pub(crate) begin: Begin,
}

/// Starts a worker whose stream lives on `io`.
pub(crate) fn start(start: Start, io: &Handle) -> WorkerHandle {
    let (orders, obeyed) = watch::channel(Orders::Serve);
    let (state, shown) = watch::channel(State::Connecting);
    let server = Arc::clone(&start.server);
    let stream = assemble(start, obeyed, state);
    gate::spawn(io, run(server, stream));
    WorkerHandle {
        orders,
        state: shown,
    }
}

fn assemble(start: Start, orders: watch::Receiver<Orders>, state: watch::Sender<State>) -> Stream {
    let Start {
        server,
        reach,
        clock,
        settings,
        about,
        registry,
        runtime,
        begin,
    } = start;
    let (outbox, slots) = outbox(&about);
    let serving = Arc::new(Serving::new(outbox, begin));
    let is_served = |definition: &&'static Definition| {
        definition.run.is_some()
            && about
                .services
                .iter()
                .any(|service| service == definition.service)
    };
    let served = registry
        .iter()
        .filter(is_served)
        .map(|definition| (definition.address(), definition))
        .collect();
    let parts = Parts {
        session: about.session,
        slots,
        settings,
        runtime,
        served,
    };
    let worker = Worker::new(Arc::clone(&serving) as _, parts);
    let url = server.url().to_owned();
    Stream {
        worker,
        serving,
        about,
        lease: Lease::new(),
        pulse: Pulse::default(),
        clock,
        reach,
        url,
        orders,
        state,
    }
}

/// An empty way out, and slots that wake it when they become free.
fn outbox(about: &About) -> (Arc<Outbox>, Slots) {
    let outbox = Arc::new(Outbox::default());
    let slots = Slots::new(about.capacity, {
        let outbox = Arc::clone(&outbox);
        move || outbox.wake()
    });
    (outbox, slots)
}

async fn run(server: SharedServer, mut stream: Stream) {
    let started = Instant::now();
    let mut backoff = Backoff::new();
    loop {
        let ended = stream.carry(server.work()).await;
        match ended {
            Ended::Lost(why) => {
                if stream.is_welcome() {
                    backoff.reset();
                }
                stream.state.send_replace(State::Unreachable);
                stream.reach.failed(server.url(), &why);
                if stream.wait(backoff.next()).await.is_break() {
                    break;
                }
            }
            Ended::LeaseOver => stream.lose_lease(),
            // Who names no timeline is never refused for it, so this ends.
            Ended::Refused { kind, .. }
                if kind == ANOTHER_TIMELINE && stream.about.timeline.is_some() =>
            {
                stream.begin_anew();
            }
            Ended::Refused { kind, message } => {
                stream.serving.lose_all("the server refused its worker");
                // While the start still waits for the first word, it is the start's to say.
                let is_first = *stream.state.borrow() == State::Connecting;
                if !is_first || limits::FIRST_LOOK <= started.elapsed() {
                    say::warn(format_args!(
                        "the server at {} refuses this worker: {message}",
                        server.url()
                    ));
                }
                stream.state.send_replace(State::Refused { kind, message });
                return;
            }
            Ended::Left => break,
        }
    }
    stream.serving.lose_all("its worker has left");
    stream.state.send_replace(State::Left);
}

impl Stream {
    /// True if the connection that ended had begun well.
    fn is_welcome(&self) -> bool {
        *self.state.borrow() == State::Serving
    }

    /// Waits before the next connection. A lease that ends meanwhile is lost; the order to leave ends the worker once
    /// there is nothing it could still say.
    async fn wait(&mut self, wait: std::time::Duration) -> std::ops::ControlFlow<()> {
        let until = Instant::now() + wait;
        loop {
            let leaving = match *self.orders.borrow_and_update() {
                Orders::Serve => None,
                Orders::Leave { until } => Some(until),
            };
            if leaving.is_some() {
                // What is given back by that is not named in the next hello, which says it.
                self.worker.slots().close();
                let _said = self.serving.table().drain();
            }
            let now = Instant::now();
            if leaving.is_some_and(|leaving| leaving <= now || self.serving.table().is_empty()) {
                return std::ops::ControlFlow::Break(());
            }
            if self.lease.is_over(now) {
                self.lose_lease();
            }
            if until <= now {
                return std::ops::ControlFlow::Continue(());
            }
            let next = self
                .lease
                .ends_at()
                .into_iter()
                .chain(leaving)
                .chain([until])
                .min()
                .unwrap_or(until);
            tokio::select! {
                biased;
                changed = self.orders.changed() => if changed.is_err() {
                    return std::ops::ControlFlow::Break(());
                },
                () = self.serving.left.notified(), if leaving.is_some() => {}
                () = sleep_until(next) => {}
            }
        }
    }

    /// The server's store goes on from a backup or a copy. Tokens and numbers of turns that were given out before are given
    /// again there, so nothing that runs here may be heard any more, however late it speaks: it keeps a link that leads
    /// nowhere, and the worker gets another one.
    fn begin_anew(&mut self) {
        let lost = self.serving.table().len();
        say::warn(format_args!(
            "the server at {} goes on from a backup or a copy of its data: {lost} executions are dropped here and go on from \
             what it knows of them",
            self.url
        ));
        self.lease.lose();
        self.serving
            .lose_all("the server's store was restored or copied");
        self.about.timeline = None;
        let (outbox, slots) = outbox(&self.about);
        let anew = Arc::new(self.serving.anew(outbox));
        let former = std::mem::replace(&mut self.serving, anew);
        tokio::spawn(async move {
            // Some have no room for it yet.
            while !former.table().flush() {
                sleep(limits::BACKLOG).await;
            }
        });
        self.worker = self.worker.anew(Arc::clone(&self.serving) as _, slots);
    }

    /// Believes that everything is lost, and begins anew.
    fn lose_lease(&mut self) {
        let lost = self.serving.table().len();
        say::warn(format_args!(
            "no heartbeat was answered by {} for {} s: {lost} executions are dropped here and go on elsewhere",
            self.url,
            self.lease.length().as_secs()
        ));
        self.lease.lose();
        self.serving.lose_all("its worker's lease ended");
    }
}
