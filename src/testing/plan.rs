//! How a test is run: once, or with a crash at every turn.

use std::{
    env, fmt,
    process::{ExitCode, Termination},
    sync::Arc,
    time::Duration,
};

use resonate_proto::client::Search;
use resonate_runtime::{Builder, testing::Gate};
use tokio::{
    runtime::{self, Handle},
    time::sleep,
};

use super::{
    World, clock,
    crashes::{Crashes, Side, Where},
    server::Server,
};

/// Sets the seed of a test that draws its crashes.
const SEED: &str = "RESONATE_TEST_SEED";

/// How a test is run; what `#[resonate::test(..)]` says.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    name: &'static str,
    crashes: Crash,
    seed: u64,
    workers: usize,
    give_up_after: Duration,
    setup: fn(Builder) -> Builder,
}

#[derive(Clone, Copy, Debug)]
enum Crash {
    Never,
    Everywhere,
    Randomly { runs: u64 },
}

/// How one run ended.
struct Ran {
    how: How,
    crashes: Arc<Crashes>,
}

enum How {
    Passed,
    Failed,
    Panicked(Box<dyn std::any::Any + Send>),
}

impl Plan {
    /// Once, without a crash, with two workers, and for two years of its time at most.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            crashes: Crash::Never,
            seed: 0,
            workers: 2,
            give_up_after: Duration::from_secs(2 * 366 * 24 * 60 * 60),
            setup: |builder| builder,
        }
    }

    /// Once for each turn and each side of it.
    #[must_use]
    pub fn crash_everywhere(mut self) -> Self {
        self.crashes = Crash::Everywhere;
        self
    }

    /// So many times, with crashes by chance.
    #[must_use]
    pub fn crash_randomly(mut self, runs: u64) -> Self {
        self.crashes = Crash::Randomly { runs };
        self
    }

    /// Where chance begins.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many workers there are.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// How much of its time may pass.
    #[must_use]
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.give_up_after = time;
        self
    }

    /// What every process of it is told before it starts.
    #[must_use]
    pub fn setup(mut self, setup: fn(Builder) -> Builder) -> Self {
        self.setup = setup;
        self
    }

    /// Runs the test.
    ///
    /// # Panics
    /// It fails in one of its runs.
    pub fn run<F, Fut>(self, test: F)
    where
        F: Fn(World) -> Fut,
        Fut: Future<Output: Termination> + Send + 'static,
    {
        match self.crashes {
            Crash::Never => {
                self.passes(&test, self.seed, Where::Nowhere, "");
            }
            Crash::Everywhere => self.everywhere(&test),
            Crash::Randomly { runs } => self.randomly(&test, runs),
        }
    }

    fn everywhere<F, Fut>(&self, test: &F)
    where
        F: Fn(World) -> Fut,
        Fut: Future<Output: Termination> + Send + 'static,
    {
        let turns = self
            .passes(test, self.seed, Where::Nowhere, "")
            .crashes
            .turns();
        assert!(
            turns > 0,
            "{}: no durable function ran, so nothing can crash",
            self.name
        );
        for n in 1..=turns {
            for side in [Side::Before, Side::After] {
                let what = format!(" in the run where a worker crashes {side} turn {n} of {turns}");
                let ran = self.passes(test, self.seed, Where::At(n, side), &what);
                assert!(
                    !ran.crashes.struck().is_empty(),
                    "{}: there was no turn {n}, though the same test without a crash had {turns}; does it read a clock, or \
                     draw numbers that are not resonate's?",
                    self.name
                );
            }
        }
    }

    fn randomly<F, Fut>(&self, test: &F, runs: u64)
    where
        F: Fn(World) -> Fut,
        Fut: Future<Output: Termination> + Send + 'static,
    {
        let only = env::var(SEED).ok().map(|seed| {
            seed.parse()
                .unwrap_or_else(|_| panic!("{SEED} is no number: {seed:?}"))
        });
        let seeds = match only {
            Some(seed) => seed..=seed,
            None => self.seed..=self.seed.saturating_add(runs.max(1) - 1),
        };
        for seed in seeds {
            let chance = fastrand::Rng::with_seed(seed);
            let what = format!(" in the run that is seen again with {SEED}={seed}");
            self.passes(test, seed, Where::Anywhere(chance), &what);
        }
    }

    /// Runs it once; tells which run it was if it fails.
    fn passes<F, Fut>(&self, test: &F, seed: u64, place: Where, which: &str) -> Ran
    where
        F: Fn(World) -> Fut,
        Fut: Future<Output: Termination> + Send + 'static,
    {
        let ran = self.once(test, seed, place);
        if matches!(ran.how, How::Passed) {
            return ran;
        }
        let struck = ran.crashes.struck();
        let crashed = if struck.is_empty() {
            String::new()
        } else {
            format!("; workers crashed {}", struck.join("; "))
        };
        let message = format!("{} failed{which}{crashed}", self.name);
        match ran.how {
            How::Panicked(panic) if which.is_empty() => std::panic::resume_unwind(panic),
            How::Passed | How::Failed | How::Panicked(_) => panic!("{message}"),
        }
    }

    fn once<F, Fut>(&self, test: &F, seed: u64, place: Where) -> Ran
    where
        F: Fn(World) -> Fut,
        Fut: Future<Output: Termination> + Send + 'static,
    {
        fastrand::seed(seed);
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap_or_else(|error| panic!("the runtime of a test does not start: {error}"));
        let crashes = Arc::new(Crashes::new(place));
        let how = runtime.block_on(async {
            clock::begin();
            self.live(test, &crashes).await
        });
        // What is left of it ends now, still in its time.
        drop(runtime);
        clock::end();
        Ran { how, crashes }
    }

    async fn live<F, Fut>(&self, test: &F, crashes: &Arc<Crashes>) -> How
    where
        F: Fn(World) -> Fut,
        Fut: Future<Output: Termination> + Send + 'static,
    {
        let (gate, server) = (Gate::new(), Server::default());
        let start = World::start(
            server.clone(),
            Arc::clone(crashes),
            self.workers,
            self.setup,
        );
        let world = match gate.spawn(&Handle::current(), start).await {
            Ok(Ok(world)) => world,
            Ok(Err(error)) => panic!("the world of {} does not start: {error}", self.name),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let body = test(world.clone());
        let testing = gate.spawn(&Handle::current(), async move {
            body.await.report() == ExitCode::SUCCESS
        });
        let how = tokio::select! {
            biased;
            ended = testing => match ended {
                Ok(true) => How::Passed,
                Ok(false) => How::Failed,
                Err(error) => How::Panicked(error.into_panic()),
            },
            error = server.broken() => panic!("the server of {} stopped: {error}", self.name),
            () = sleep(self.give_up_after) => {
                let days = self.give_up_after.as_secs() / (24 * 60 * 60);
                panic!("{} did not end within {days} days of its time; pending: {}", self.name, Pending(&server))
            }
        };
        gate.close();
        how
    }
}

/// What nobody has settled, for people.
struct Pending<'a>(&'a Server);

impl fmt::Display for Pending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reader = self.0.reader();
        let page = match resonate_server::testing::search(&mut reader, &Search::default()) {
            Ok(page) => page,
            Err(error) => return f.write_str(&error),
        };
        let pending = page
            .records
            .iter()
            .filter(|record| record.promise.is_pending());
        let lines: Vec<_> = pending
            .map(|record| {
                let task = record
                    .task
                    .as_ref()
                    .map_or("waits", |task| task.state_name());
                format!("{} ({task})", record.promise.id)
            })
            .collect();
        if lines.is_empty() {
            return f.write_str("nothing durable");
        }
        f.write_str(&lines.join(", "))
    }
}
