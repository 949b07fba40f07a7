//! What one started `Resonate` is made of, and how it ends.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::embedded::EmbeddedServer;
use crate::{
    Error, ErrorKind, Result, ambient,
    client::{Client, IoThread},
    clock::Clock,
    settings::Settings,
    worker::{Orders, State, WorkerHandle},
};

/// A started `Resonate`: the client, the worker, the thread they live on, and the server if it is inside.
pub(crate) struct Process {
    client: Client,
    settings: Arc<Settings>,
    clock: Arc<Clock>,
    url: String,
    grace: Duration,
    worker: Option<WorkerHandle>,
    embedded: Mutex<Option<EmbeddedServer>>,
    ended: watch::Sender<bool>,
    /// Dropping it ends everything that is still under way.
    io: Mutex<Option<IoThread>>,
}

/// What a process is made of.
pub(super) struct Parts {
    pub(super) client: Client,
    pub(super) settings: Arc<Settings>,
    pub(super) clock: Arc<Clock>,
    pub(super) url: String,
    pub(super) grace: Duration,
    pub(super) worker: Option<WorkerHandle>,
    pub(super) embedded: Option<EmbeddedServer>,
    pub(super) io: IoThread,
}

impl Process {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts {
            client,
            settings,
            clock,
            url,
            grace,
            worker,
            embedded,
            io,
        } = parts;
        Self {
            client,
            settings,
            clock,
            url,
            grace,
            worker,
            embedded: Mutex::new(embedded),
            ended: watch::Sender::new(false),
            io: Mutex::new(Some(io)),
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Tells the worker to leave within the grace, or at once.
    pub(super) fn order_to_leave(&self, at_once: bool) {
        let grace = if at_once { Duration::ZERO } else { self.grace };
        let now = Instant::now();
        let until = now
            .checked_add(grace)
            .unwrap_or_else(|| now + crate::limits::GRACE_MAX);
        if let Some(worker) = &self.worker {
            worker.orders.send_replace(Orders::Leave { until });
        }
    }

    /// Waits until there is no worker any more, or it was shut down.
    ///
    /// # Errors
    /// The server refused it.
    pub(super) async fn left(&self) -> Result<()> {
        let Some(worker) = &self.worker else {
            self.ended().await;
            return Ok(());
        };
        let mut state = worker.state.clone();
        let ended = state
            .wait_for(|state| matches!(state, State::Left | State::Refused { .. }))
            .await;
        match ended.map(|state| state.clone()) {
            Ok(State::Refused { kind, message }) => {
                let message = format!(
                    "the server at {} refuses this worker ({kind}): {message}",
                    self.url
                );
                Err(Error::of(ErrorKind::Unavailable, message).into_terminal())
            }
            Ok(State::Connecting | State::Unreachable | State::Serving | State::Left) | Err(_) => {
                Ok(())
            }
        }
    }

    /// True if it serves functions.
    pub(super) fn has_worker(&self) -> bool {
        self.worker.is_some()
    }

    /// Ends everything that is still under way: who waits for it is told so.
    pub(super) fn end(&self) {
        let io = self
            .io
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(io);
        self.ended.send_replace(true);
    }

    /// Waits until it was shut down.
    pub(super) async fn ended(&self) {
        // The sender is ours, so it cannot be gone.
        let _ended = self
            .ended
            .subscribe()
            .wait_for(|ended| *ended)
            .await
            .is_ok();
    }

    /// Stops the server inside, if there is one, and waits for its end.
    pub(super) async fn stop_server(&self) {
        let embedded = self
            .embedded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(embedded) = embedded {
            (embedded.stop)().await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        ambient::stopped(self);
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("client", &self.client)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}
