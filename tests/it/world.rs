//! A server in memory, workers that join it, and how functions and tests tell each other how far they are.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use resonate::{
    Builder, Call, Found, Search,
    codec::{Bincode, Compressed},
    prelude::*,
};
use tokio::{
    sync::{Barrier, Semaphore},
    task::JoinHandle,
    time::Instant,
};

use crate::{codecs::Backwards, sealed::encrypted};

/// How long anything may take before a test gives up: generous, since the machines are shared.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server in memory with a worker beside it, as one process of a user has it.
pub(crate) struct World {
    pub(crate) resonate: Resonate,
    pub(crate) notes: Arc<Notes>,
}

impl World {
    /// A server and a worker of these services.
    pub(crate) async fn serving(services: &[&str]) -> Self {
        Self::with(services, |builder| builder).await
    }

    /// The same, told more before it starts.
    pub(crate) async fn with(services: &[&str], more: impl FnOnce(Builder) -> Builder) -> Self {
        let notes = Arc::new(Notes::new());
        let builder = process(services, &notes).in_memory();
        let resonate = more(builder).start().await.unwrap();
        Self { resonate, notes }
    }

    /// One more process, which serves these services.
    pub(crate) async fn join(&self, services: &[&str]) -> Resonate {
        self.join_with(services, |builder| builder).await
    }

    /// The same, told more before it starts.
    pub(crate) async fn join_with(
        &self,
        services: &[&str],
        more: impl FnOnce(Builder) -> Builder,
    ) -> Resonate {
        let builder = process(services, &self.notes).url(self.resonate.url());
        more(builder).start().await.unwrap()
    }

    /// A call through this world's first process: tests run side by side, so the one that was started first is anybody's.
    pub(crate) async fn call<R>(&self, call: Call<R>) -> R {
        in_time(self.resonate.call(call)).await
    }

    /// The same, its errors of ours apart.
    pub(crate) async fn result<R: Send + 'static>(&self, call: Call<R>) -> Result<R> {
        in_time(self.resonate.call(call).result()).await
    }

    /// Starts a call that the test goes on beside.
    pub(crate) fn begin<R: Send + 'static>(&self, call: Call<R>) -> JoinHandle<Result<R>> {
        tokio::spawn(in_time(self.resonate.call(call).result()))
    }

    pub(crate) async fn find(&self, id: &str) -> Option<Found> {
        self.resonate.find(id).await.unwrap()
    }

    /// How far a promise is: its task's state while it is pending, else its own; `none` if there is no such promise.
    pub(crate) async fn state(&self, id: &str) -> &'static str {
        self.find(id).await.map_or("none", |found| how_far(&found))
    }

    pub(crate) async fn until_state(&self, id: &str, wanted: &str) {
        let mut last = "";
        let start = Instant::now();
        loop {
            let now = self.state(id).await;
            if now == wanted {
                return;
            }
            last = if now == last { last } else { now };
            assert!(start.elapsed() < PATIENCE, "{id} is {last}, not {wanted}");
            pause().await;
        }
    }

    /// Every promise below `id`, itself included, with its state.
    pub(crate) async fn tree(&self, id: &str) -> Vec<(String, &'static str)> {
        let found = self.resonate.tree(id).await.unwrap();
        found
            .iter()
            .map(|found| (found.id().to_owned(), how_far(found)))
            .collect()
    }

    /// Why the one task that is halted is.
    pub(crate) async fn until_halted(&self, id: &str) -> String {
        self.until_state(id, "halted").await;
        let halted = self
            .resonate
            .search(Search::new().state("halted"))
            .await
            .unwrap();
        assert_eq!(halted.len(), 1, "{halted:?}");
        assert_eq!(halted[0].id(), id);
        halted[0].halted().unwrap().to_owned()
    }
}

/// What a process is before it is told where its server is.
pub(crate) fn process(services: &[&str], notes: &Arc<Notes>) -> Builder {
    // The arguments of a call outside are written by whichever process of this program was started first.
    let builder = Resonate::builder()
        .serve(services.iter().copied())
        .reads(Backwards)
        .reads(Compressed::new())
        .reads(encrypted(&["a"]))
        .provide(Arc::clone(notes));
    if is_bincode() {
        builder.codec(Bincode)
    } else {
        builder
    }
}

/// Everything is written in bincode.
pub(crate) fn is_bincode() -> bool {
    std::env::var("RESONATE_TEST_CODEC").is_ok_and(|codec| codec == "bincode")
}

fn how_far(found: &Found) -> &'static str {
    match (found.state(), found.task_state()) {
        ("pending", Some(task)) => task,
        (settled, _) => settled,
    }
}

/// What must end for the test to go on.
pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    let ended = tokio::time::timeout(PATIENCE, future).await;
    ended.unwrap_or_else(|_| panic!("a call did not end within {PATIENCE:?}"))
}

/// Asks again and again until it is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(
            start.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        pause().await;
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// What functions write down for the test, in order, and a gate where they wait until the test lets them go on.
pub(crate) struct Notes {
    lines: Mutex<Vec<String>>,
    gate: Semaphore,
    meeting: Barrier,
}

impl Notes {
    pub(crate) fn new() -> Self {
        Self {
            lines: Mutex::default(),
            gate: Semaphore::new(0),
            meeting: Barrier::new(2),
        }
    }

    pub(crate) fn add(&self, line: impl fmt::Display) {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.to_string());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|found| *found == line).count()
    }

    pub(crate) async fn until(&self, line: &str) {
        let lines = || format!("{line:?} is noted; there are {:?}", self.lines());
        let start = Instant::now();
        while self.count(line) == 0 {
            assert!(
                start.elapsed() < PATIENCE,
                "not within {PATIENCE:?}: {}",
                lines()
            );
            pause().await;
        }
    }

    /// Lets `n` of those who wait at the gate go on, or come.
    pub(crate) fn open(&self, n: usize) {
        self.gate.add_permits(n);
    }

    /// Waits at the gate.
    pub(crate) async fn pass(&self) {
        self.gate.acquire().await.unwrap().forget();
    }

    /// Waits until two are here.
    pub(crate) async fn meet(&self) {
        self.meeting.wait().await;
    }

    /// Notes when it is dropped.
    pub(crate) fn guard(self: &Arc<Self>, name: impl fmt::Display) -> Guard {
        Guard {
            name: name.to_string(),
            notes: Arc::clone(self),
        }
    }
}

/// The notes, inside of a durable function.
pub(crate) fn notes() -> Arc<Notes> {
    Arc::clone(&state::<Arc<Notes>>())
}

/// Writes something down, inside of a durable function.
pub(crate) fn note(line: impl fmt::Display) {
    notes().add(line);
}

pub(crate) struct Guard {
    name: String,
    notes: Arc<Notes>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.notes.add(format_args!("{} dropped", self.name));
    }
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
