//! The server of a world: the real engine on a disk in memory, driven on virtual time. It can crash and come back.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use resonate_core::{Capabilities, PromiseId, SessionId, Timestamp};
use resonate_server::{
    clock::Moment,
    dispatch::stream::StreamId,
    engine::{Engine, Input, Next, Settings},
    store::{MemoryDisk, MemoryStore, Store as _},
};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::clock;

/// So long that it costs nothing to sleep for months. Workers that a test ends are given up sooner.
const LEASE: Duration = Duration::from_secs(24 * 60 * 60);
/// The engine looks every few hours, if nothing is due before.
const LONGEST_WAIT: Duration = Duration::from_secs(8 * 60 * 60);
/// What the URLs of promises begin with. Nobody answers there: a test settles what it asked for by id.
const PUBLIC_URL: &str = "http://resonate.test";
/// How long it is away after a crash.
const AWAY: Duration = Duration::from_secs(1);

/// The server. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Server(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    disk: MemoryDisk,
    state: Mutex<State>,
    came: Notify,
    broke: Notify,
}

#[derive(Debug, Default)]
struct State {
    inputs: VecDeque<Input>,
    gone: Vec<SessionId>,
    /// Which start of it answers; 0 while it is away.
    incarnation: u64,
    starts: u64,
    streams: u64,
    broken: Option<String>,
    running: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(&self) {
        let mut state = self.state();
        state.starts += 1;
        state.incarnation = state.starts;
        let server = self.clone();
        state.running = Some(tokio::spawn(async move {
            if let Err(error) = server.serve().await {
                server.fail(error);
            }
        }));
    }

    /// It crashes, with whatever it had not written, and comes back a moment later.
    pub(super) fn crash(&self) {
        {
            let mut state = self.state();
            if let Some(running) = state.running.take() {
                running.abort();
            }
            state.incarnation = 0;
            state.inputs.clear();
        }
        let server = self.clone();
        tokio::spawn(async move {
            sleep(AWAY).await;
            server.start();
        });
    }

    /// Which start of it answers now, if any.
    pub(super) fn incarnation(&self) -> Option<u64> {
        Some(self.state().incarnation).filter(|incarnation| *incarnation != 0)
    }

    pub(super) fn stream(&self) -> StreamId {
        let mut state = self.state();
        state.streams += 1;
        StreamId(state.streams)
    }

    /// Hands something to that start of it; false if that is over.
    pub(super) fn take(&self, incarnation: u64, input: Input) -> bool {
        let mut state = self.state();
        if state.incarnation != incarnation {
            return false;
        }
        state.inputs.push_back(input);
        drop(state);
        self.0.came.notify_one();
        true
    }

    /// A worker is given up: what it held is an attempt that was lost.
    pub(super) fn is_gone(&self, session: SessionId) {
        self.state().gone.push(session);
        self.0.came.notify_one();
    }

    /// What it has kept.
    pub(super) fn reader(&self) -> MemoryStore {
        self.0.disk.open()
    }

    /// The URL of a promise, which leads nowhere.
    pub(super) fn url_of(&self, id: &PromiseId) -> String {
        let key = self.reader().capability_key();
        let public_url = PUBLIC_URL.into();
        Capabilities { key, public_url }.url(id)
    }

    /// The test cannot go on.
    pub(super) fn fail(&self, why: String) {
        self.state().broken = Some(why);
        self.0.broke.notify_one();
    }

    /// Waits until it fails, which would be a bug of ours.
    pub(super) async fn broken(&self) -> String {
        self.0.broke.notified().await;
        self.state().broken.take().unwrap_or_default()
    }

    async fn serve(&self) -> Result<(), String> {
        let settings = Settings {
            longest_wait: LONGEST_WAIT,
            ..Settings::with_lease(LEASE)
        };
        let store = Box::new(self.0.disk.open());
        let mut engine =
            Engine::start(store, settings, now()).map_err(|error| error.to_string())?;
        engine.serve_urls(PUBLIC_URL.into());
        loop {
            self.gather(engine.next()).await;
            let (mut inputs, gone) = {
                let mut state = self.state();
                (
                    std::mem::take(&mut state.inputs),
                    std::mem::take(&mut state.gone),
                )
            };
            for session in gone {
                engine.is_gone(session);
            }
            let releases = engine
                .round(now(), &mut inputs)
                .map_err(|error| error.to_string())?;
            {
                let mut state = self.state();
                inputs.append(&mut state.inputs);
                state.inputs = inputs;
            }
            for release in releases {
                if let Err(stream) = release.carry_out() {
                    engine.disconnect(stream);
                }
            }
            engine.upkeep().map_err(|error| error.to_string())?;
        }
    }

    /// Waits for something to do, as the engine says.
    async fn gather(&self, next: Next) {
        let wait = match next {
            Next::Now => return tokio::task::yield_now().await,
            Next::After(wait) => wait,
        };
        let is_idle = {
            let state = self.state();
            state.inputs.is_empty() && state.gone.is_empty()
        };
        if is_idle {
            tokio::select! {
                biased;
                () = self.0.came.notified() => {}
                () = sleep(wait) => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both clocks, which run together here.
fn now() -> Moment {
    Moment {
        wall: Timestamp::from_millis(clock::wall()),
        steady: Timestamp::ZERO.after(Instant::now().duration_since(clock::started())),
    }
}
