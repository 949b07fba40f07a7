//! What a test holds of its world.

use std::{sync::Arc, time::Duration};

use resonate_core::Address;
use resonate_runtime::{Builder, Call, Resonate, StartError, Timestamp, testing::Stage};
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use super::{
    clock,
    crashes::Crashes,
    process::{self, Worker},
    server::Server,
    transport::Far,
};

/// The server and the workers of one test. Clones are the same.
///
/// Calls that the test makes go to them. So do those of what it joins or selects, but not those of tasks it spawns: give
/// these a clone of [`World::resonate`].
#[derive(Clone, Debug)]
pub struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    server: Server,
    workers: Vec<Worker>,
    stage: Stage,
    resonate: Resonate,
}

impl World {
    /// Starts a server and so many workers, in the gate of the test.
    pub(super) async fn start(
        server: Server,
        crashes: Arc<Crashes>,
        workers: usize,
        setup: fn(Builder) -> Builder,
    ) -> Result<Self, StartError> {
        let (far, stage) = (Far::new(server.clone(), crashes), Stage::default());
        server.start();
        let worker = |n| Worker::new(format!("worker-{n}"), far.clone(), stage.clone(), setup);
        let workers: Vec<_> = (1..=workers).map(worker).collect();
        workers.iter().for_each(Worker::start);
        let resonate = process::client(far, stage.clone(), setup).await?;
        Ok(Self(Arc::new(Inner {
            server,
            workers,
            stage,
            resonate,
        })))
    }

    /// The process of the test, which serves nothing: to settle promises, look at executions, or call from spawned tasks.
    pub fn resonate(&self) -> &Resonate {
        &self.0.resonate
    }

    /// From now on `body` runs instead of the function that `call` calls, on every worker.
    ///
    /// `call` only names the function; its arguments do not matter, and it is not made. `body` takes the owned parameters as a tuple, `()` if there are
    /// none, and returns what the function returns, which the compiler checks. Types of parameters that do not fit fail the call.
    /// A function that is only declared in this program has no other body than its mock.
    ///
    /// # Panics
    /// The call was polled.
    pub fn mock<A, R, Fut>(&self, call: &Call<R>, body: impl Fn(A) -> Fut + Send + Sync + 'static)
    where
        A: DeserializeOwned + 'static,
        R: 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        self.0.stage.mock(call, body);
    }

    /// How often a function of this address, such as `payments/charge`, or its mock began to run: again for each attempt
    /// and for each replay.
    ///
    /// # Panics
    /// The text is no address.
    #[must_use]
    pub fn runs(&self, function: &str) -> u64 {
        let address = function.parse::<Address>();
        self.0
            .stage
            .runs(&address.unwrap_or_else(|bad| panic!("{bad}")))
    }

    /// Lets this much time pass. While a test awaits anything else time passes by itself.
    pub async fn advance(&self, time: Duration) {
        sleep(time).await;
    }

    /// How much time has passed since the test began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        clock::elapsed()
    }

    /// The time of day, by the server's clock too. Every test begins on 1 January 2026, at midnight UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(clock::wall())
    }

    /// Kills all workers. They come back a second later, and what they held is tried again after 15 seconds.
    pub fn kill_workers(&self) {
        self.0.workers.iter().for_each(Worker::kill);
    }

    /// Crashes the server. It comes back a second later, with what it had written.
    pub fn crash_server(&self) {
        self.0.server.crash();
    }
}
