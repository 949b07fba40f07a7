//! The server as a process: the real engine, driven as its thread drives it, on a simulated disk; it crashes and comes
//! back.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use resonate_core::Request;
use resonate_server::{
    dispatch::stream::StreamId,
    engine::{Engine, EngineError, IdleTrees, Input, Next, Settings, StartError},
    store::CommitError,
};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::sleep,
};

use crate::{disk::Disk, sim::Sim};

/// Where the next crash strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// Committed, and not synced.
    Unsynced,
    /// Durable, and nothing has left.
    Unanswered,
    /// Some of the answers have left.
    HalfAnswered,
}

/// The server. Clones are the same.
#[derive(Clone)]
pub(crate) struct Server(Arc<Inner>);

struct Inner {
    sim: Sim,
    disk: Disk,
    lease: Duration,
    state: Mutex<State>,
    came: Notify,
}

#[derive(Default)]
struct State {
    inputs: VecDeque<Input>,
    /// 0 while it is down; else which start it is.
    incarnation: u64,
    starts: u64,
    streams: u64,
    crash: Option<Crash>,
    /// Nothing more is taken: it is to end when it has answered what waits.
    is_stopping: bool,
    /// The longest that a sync takes, in milliseconds.
    slowest_sync: u64,
    running: Option<JoinHandle<()>>,
}

/// Why it ended.
enum End {
    Crashed,
    Stopped,
    Failed(EngineError),
    NotStarted(StartError),
}

impl Server {
    pub(crate) fn new(sim: Sim, disk: Disk, lease: Duration) -> Self {
        Self(Arc::new(Inner {
            sim,
            disk,
            lease,
            state: Mutex::default(),
            came: Notify::new(),
        }))
    }

    /// Starts it; it comes back by itself whenever it ends.
    pub(crate) fn start(&self) {
        let incarnation = {
            let mut state = self.state();
            state.starts += 1;
            state.incarnation = state.starts;
            state.starts
        };
        let sim = &self.0.sim;
        sim.trace(format_args!(
            "the server starts, for the {incarnation}. time"
        ));
        let now = sim.now().steady;
        sim.model().leases.begins(now, self.0.lease);
        sim.model().times.begins();
        let server = self.clone();
        let running = tokio::spawn(async move {
            let end = server.serve().await;
            server.ended(&end);
            let again = server.clone();
            tokio::spawn(async move { again.come_back().await });
        });
        self.state().running = Some(running);
    }

    /// It is killed now, wherever it is.
    pub(crate) fn kill(&self) {
        let running = self.state().running.take();
        let Some(running) = running.filter(|_| self.is_up()) else {
            return;
        };
        running.abort();
        let server = self.clone();
        tokio::spawn(async move {
            // Its end is what is waited for.
            let _aborted = running.await;
            server.ended(&End::Crashed);
            server.come_back().await;
        });
    }

    async fn come_back(&self) {
        let dice = self.0.sim.dice();
        let down = if dice.per_mille(200) {
            dice.millis(5_000, 60_000)
        } else {
            dice.millis(10, 2_000)
        };
        sleep(down).await;
        self.start();
    }

    /// SIGTERM: it answers what waits, writes it, and ends.
    pub(crate) fn stop(&self) {
        self.state().is_stopping = true;
        self.0.came.notify_one();
    }

    /// The next crash strikes there.
    pub(crate) fn crash_at(&self, crash: Crash) {
        self.state().crash = Some(crash);
    }

    pub(crate) fn set_slowest_sync(&self, millis: u64) {
        self.state().slowest_sync = millis;
    }

    /// No faults from now on.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        (state.crash, state.slowest_sync) = (None, 5);
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state().incarnation != 0
    }

    /// Which start of it answers now, if any.
    pub(crate) fn incarnation(&self) -> Option<u64> {
        Some(self.state().incarnation).filter(|incarnation| *incarnation != 0)
    }

    /// A number for a stream.
    pub(crate) fn stream(&self) -> StreamId {
        let mut state = self.state();
        state.streams += 1;
        StreamId(state.streams)
    }

    /// Hands something to that start of it; false if that is over.
    pub(crate) fn take(&self, incarnation: u64, input: Input) -> bool {
        let mut state = self.state();
        if state.incarnation != incarnation || state.is_stopping {
            return false;
        }
        state.inputs.push_back(input);
        drop(state);
        self.0.came.notify_one();
        true
    }

    /// An operator asks; nobody waits for the answer.
    pub(crate) fn tell(&self, request: Request) {
        let (answer, _unheard) = oneshot::channel();
        if let Some(incarnation) = self.incarnation() {
            self.take(incarnation, Input::Ask { request, answer });
        }
    }

    fn ended(&self, end: &End) {
        let sim = &self.0.sim;
        {
            let mut state = self.state();
            state.incarnation = 0;
            state.inputs.clear();
            (state.crash, state.is_stopping) = (None, false);
        }
        match end {
            End::Crashed => sim.count("fault: the server crashed"),
            End::Stopped => sim.count("fault: the server was told to stop"),
            End::Failed(
                EngineError::Commit(CommitError::Write(_))
                | EngineError::Write(_)
                | EngineError::Read(_),
            ) => sim.count("the server stopped since its disk failed"),
            End::Failed(error) => sim.violation(format!("the engine stopped: {error}")),
            End::NotStarted(error) => {
                sim.trace(format_args!("the server does not start: {error}"));
                sim.count("a start failed");
            }
        }
        sim.trace(format_args!("the server is down"));
        self.0.disk.crash();
    }

    async fn serve(&self) -> End {
        let (sim, disk) = (&self.0.sim, &self.0.disk);
        let settings = Settings {
            idle: IdleTrees::NONE,
            ..Settings::with_lease(self.0.lease)
        };
        let mut engine = match Engine::start(disk.open(), settings, sim.now()) {
            Ok(engine) => engine,
            Err(error) => return End::NotStarted(error),
        };
        let mut spins = (Duration::ZERO, 0);
        loop {
            self.gather(engine.next()).await;
            self.spins(&mut spins);
            let now = sim.now();
            sim.model().leases.round_begins();
            sim.model().times.round_begins(now.wall);
            let mut inputs = std::mem::take(&mut self.state().inputs);
            let is_asked = !inputs.is_empty();
            let releases = match engine.round(now, &mut inputs) {
                Ok(releases) => releases,
                Err(error) => return End::Failed(error),
            };
            sim.count("rounds");
            // By the time of the round: the engine's clock stands still while it waits for the disk.
            let is_paused = disk.refused_lately();
            {
                let mut state = self.state();
                inputs.append(&mut state.inputs);
                state.inputs = inputs;
            }
            let is_writing = disk.has_unsynced();
            if !is_asked && !is_writing && releases.is_empty() {
                sim.count("idle rounds");
            }
            if is_writing {
                if self.crashes_at(Crash::Unsynced) {
                    return End::Crashed;
                }
                self.sync().await;
            }
            if is_writing && !releases.is_empty() && self.crashes_at(Crash::Unanswered) {
                sim.count("a crash took answers that were durable");
                return End::Crashed;
            }
            let half = releases.len() / 2;
            for (n, release) in releases.into_iter().enumerate() {
                if is_writing && n == half && n > 0 && self.crashes_at(Crash::HalfAnswered) {
                    return End::Crashed;
                }
                if let Err(stream) = release.carry_out() {
                    engine.disconnect(stream);
                }
            }
            let is_last = {
                let state = self.state();
                state.is_stopping && state.inputs.is_empty()
            };
            if is_last {
                return engine.close().map_or_else(End::Failed, |()| End::Stopped);
            }
            if let Err(error) = engine.upkeep() {
                return End::Failed(error);
            }
            if !is_paused {
                self.nothing_is_overdue(engine.next());
            }
        }
    }

    /// An engine that would wait has nothing left to do.
    fn nothing_is_overdue(&self, next: Next) {
        if matches!(next, Next::After(wait) if !wait.is_zero()) {
            let right = self.0.sim.model().times.nothing_is_overdue();
            self.0.sim.check(right);
        }
    }

    /// An engine that never waits would stop the clock of the simulation.
    fn spins(&self, (at, rounds): &mut (Duration, u32)) {
        let now = self.0.sim.elapsed();
        *rounds = if *at == now { *rounds + 1 } else { 0 };
        *at = now;
        if *rounds > 20_000 {
            self.0.sim.violation("the engine never waits".to_owned());
        }
    }

    /// Waits for something to do, as the engine says.
    async fn gather(&self, next: Next) {
        let wait = match next {
            Next::Now => return tokio::task::yield_now().await,
            Next::After(wait) => wait,
        };
        let is_empty = self.state().inputs.is_empty();
        if is_empty {
            tokio::select! {
                biased;
                () = self.0.came.notified() => {}
                () = sleep(wait) => {}
            }
        }
    }

    async fn sync(&self) {
        let slowest = self.state().slowest_sync;
        let dice = self.0.sim.dice();
        if slowest > 0 {
            let longest = if dice.per_mille(20) {
                slowest
            } else {
                slowest.min(8)
            };
            let wait = dice.millis(0, longest);
            if wait >= self.0.lease {
                self.0.sim.count("a lease ended during a sync");
            }
            sleep(wait).await;
        }
        self.0.disk.sync();
    }

    fn crashes_at(&self, point: Crash) -> bool {
        let mut state = self.state();
        let is_here = state.crash == Some(point);
        if is_here {
            state.crash = None;
        }
        is_here
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
