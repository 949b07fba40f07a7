//! A process of a user: the real `Resonate`, with a worker or without, behind a gate. It is killed, stands still, leaves
//! politely, and comes back as another one.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use resonate::Resonate;
use resonate_runtime::testing::{self, Gate};
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    time::sleep,
};

use crate::{ledger::Ledger, network::Line, wire::Far};

/// A process. Clones are the same.
#[derive(Clone)]
pub(crate) struct Process(Arc<Inner>);

struct Inner {
    name: String,
    far: Far,
    ledger: Arc<Ledger>,
    services: Vec<&'static str>,
    concurrency: usize,
    gate: Mutex<Gate>,
    leaves: Notify,
    is_down: AtomicBool,
    /// The `Resonate` of the life it is in.
    resonate: watch::Sender<Option<Resonate>>,
}

/// How a function takes the process down that it runs in.
pub(crate) struct Doom(Process);

impl Doom {
    /// Nothing comes after it.
    pub(crate) async fn strike(&self) {
        if self.0.kill() {
            self.0
                .0
                .far
                .sim
                .count("fault: a function took its worker down");
        }
        std::future::pending().await
    }
}

impl Process {
    pub(crate) fn new(
        name: String,
        far: Far,
        ledger: Arc<Ledger>,
        services: Vec<&'static str>,
        concurrency: usize,
    ) -> Self {
        Self(Arc::new(Inner {
            name,
            far,
            ledger,
            services,
            concurrency,
            gate: Mutex::default(),
            leaves: Notify::new(),
            is_down: AtomicBool::new(true),
            resonate: watch::Sender::new(None),
        }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn far(&self) -> &Far {
        &self.0.far
    }

    pub(crate) fn line(&self) -> &Line {
        &self.0.far.line
    }

    /// A new life.
    pub(crate) fn start(&self) {
        let gate = Gate::new();
        *self.gate() = gate.clone();
        self.0.is_down.store(false, Ordering::Relaxed);
        self.0.far.sim.trace(format_args!("{} starts", self.0.name));
        let process = self.clone();
        gate.spawn(&Handle::current(), async move { process.live().await });
    }

    async fn live(&self) {
        let Inner { far, services, .. } = &*self.0;
        let builder = testing::process(Arc::new(far.clone()))
            .name(&self.0.name)
            .serve(services.iter().copied())
            .concurrency(self.0.concurrency)
            .provide(Arc::clone(&self.0.ledger))
            .provide(Doom(self.clone()));
        let resonate = match builder.start().await {
            Ok(resonate) => resonate,
            Err(error) => return far.sim.violation(format!("{}: {error}", self.0.name)),
        };
        self.0.resonate.send_replace(Some(resonate.clone()));
        self.0.leaves.notified().await;
        resonate.shutdown().await;
        if self.0.is_down.swap(true, Ordering::Relaxed) {
            return;
        }
        self.0.resonate.send_replace(None);
        far.sim.count("a worker left and had time for it");
        let process = self.clone();
        // Not a part of this life.
        tokio::spawn(async move { process.come_back().await });
        self.gate().close();
    }

    /// Works with the `Resonate` of each life, one after the other, as a part of it.
    pub(crate) async fn in_each_life<W>(self, work: impl Fn(Resonate) -> W)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let mut lives = self.0.resonate.subscribe();
        loop {
            let resonate = lives.borrow_and_update().clone();
            if let Some(resonate) = resonate {
                let gate = self.gate().clone();
                gate.spawn(&Handle::current(), work(resonate));
            }
            if lives.changed().await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn is_down(&self) -> bool {
        self.0.is_down.load(Ordering::Relaxed)
    }

    /// SIGKILL; it comes back. False if it was down.
    pub(crate) fn kill(&self) -> bool {
        if self.0.is_down.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.0
            .far
            .sim
            .trace(format_args!("{} is killed", self.0.name));
        self.gate().close();
        self.0.resonate.send_replace(None);
        let process = self.clone();
        tokio::spawn(async move { process.come_back().await });
        true
    }

    async fn come_back(&self) {
        let dice = self.line().dice();
        let down = if dice.per_mille(100) {
            dice.millis(10_000, 60_000)
        } else {
            dice.millis(10, 3_000)
        };
        sleep(down).await;
        self.start();
    }

    /// SIGTERM: it leaves when it has given back what it holds, and comes back.
    pub(crate) fn leave(&self) {
        self.0
            .far
            .sim
            .trace(format_args!("{} is to leave", self.0.name));
        self.0.leaves.notify_waiters();
    }

    /// SIGSTOP, and SIGCONT after this long.
    pub(crate) async fn pause(&self, pause: Duration) {
        self.0
            .far
            .sim
            .trace(format_args!("{} stands still", self.0.name));
        let gate = self.gate().clone();
        gate.pause();
        sleep(pause).await;
        gate.resume();
        self.0
            .far
            .sim
            .trace(format_args!("{} goes on", self.0.name));
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) {
        self.gate().resume();
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.0.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
