//! A process of a world, with its worker. It can be killed, and comes back as another one.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use resonate_core::SessionId;
use resonate_runtime::{
    Builder, Resonate, StartError,
    testing::{self, Gate, Stage},
};
use tokio::{runtime::Handle, time::sleep};

use super::transport::Far;

/// How long it is away after it was killed.
const AWAY: Duration = Duration::from_secs(1);
/// How long the server takes to give up a worker: the lease that servers give by default.
const GIVEN_UP: Duration = Duration::from_secs(15);

/// A process with a worker. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Worker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    far: Far,
    stage: Stage,
    setup: fn(Builder) -> Builder,
    life: Mutex<Life>,
}

#[derive(Debug, Default)]
struct Life {
    gate: Gate,
    session: Option<SessionId>,
    is_up: bool,
}

impl Worker {
    pub(super) fn new(name: String, far: Far, stage: Stage, setup: fn(Builder) -> Builder) -> Self {
        let life = Mutex::default();
        Self(Arc::new(Inner {
            name,
            far,
            stage,
            setup,
            life,
        }))
    }

    /// A new life.
    pub(super) fn start(&self) {
        let gate = Gate::new();
        *self.life() = Life {
            gate: gate.clone(),
            session: None,
            is_up: true,
        };
        let worker = self.clone();
        gate.spawn(&Handle::current(), async move {
            let Inner {
                name,
                far,
                stage,
                setup,
                ..
            } = &*worker.0;
            let own = Arc::new(far.of(worker.clone()));
            let builder = setup(testing::process_on(own, stage.clone())).name(name);
            match builder.start().await {
                Ok(resonate) => {
                    std::future::pending::<()>().await;
                    drop(resonate);
                }
                Err(error) => far
                    .server()
                    .fail(format!("a worker does not start: {error}")),
            }
        });
    }

    /// It said hello as this session.
    pub(super) fn is(&self, session: SessionId) {
        self.life().session = Some(session);
    }

    /// SIGKILL. It comes back, and the server gives its leases up.
    pub(super) fn kill(&self) {
        let session = {
            let mut life = self.life();
            if !std::mem::take(&mut life.is_up) {
                return;
            }
            life.gate.close();
            life.session.take()
        };
        let (worker, server) = (self.clone(), self.0.far.server().clone());
        tokio::spawn(async move {
            sleep(AWAY).await;
            worker.start();
        });
        if let Some(session) = session {
            tokio::spawn(async move {
                sleep(GIVEN_UP).await;
                server.is_gone(session);
            });
        }
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.0.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process of the test itself, which only calls.
pub(super) async fn client(
    far: Far,
    stage: Stage,
    setup: fn(Builder) -> Builder,
) -> Result<Resonate, StartError> {
    let builder = setup(testing::process_on(Arc::new(far), stage))
        .name("test")
        .serve([]);
    builder.start().await
}
