//! Bad code cannot take the system down: it is contained and explained, and other work on the same server goes on.
//!
//! [`Fleet`] is a server with short leases, workers that are started again whenever they end, as a supervisor does, and
//! one that serves sound functions only. Every other file is a kind of bad code.

mod crashes;
mod outputs;
mod panics;
mod stalls;

use std::{path::Path, time::Duration};

use resonate::prelude::*;
use resonate_core::{PromiseId, RetryPolicy, limits};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    effects::{self, Effect},
    harness::{PATIENCE, Process, Server, pause},
    worker::{self, How},
};

const LEASE: &str = "1s";
/// Other work goes on all the time: a call of it begins this often.
const WORK_EVERY: Duration = Duration::from_millis(400);

/// Other work: calls of its own, by whichever worker has room, also by one that is taken down.
#[durable(service = "sound")]
async fn sum(count: u64) -> Result<u64> {
    let calls = (0..count).map(|number| twice(number).remote());
    let twice = futures::future::try_join_all(calls).await?;
    Ok(twice.into_iter().sum())
}

#[durable(service = "sound")]
async fn twice(number: u64) -> Result<u64> {
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(2 * number)
}

/// A server, its workers, and the work beside the bad code.
struct Fleet {
    folder: tempfile::TempDir,
    server: Server,
    supervised: Vec<Process>,
    restarts: usize,
    /// Calls of [`sum`] that were begun.
    begun: usize,
    /// When the last one was.
    last_begun: Option<Instant>,
    _steady: Process,
}

impl Fleet {
    fn start() -> Self {
        Self::with_lease(LEASE)
    }

    fn with_lease(lease: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &["--lease", lease]);
        let steady = worker::start(folder.path(), "steady", &server.url, "sound", None);
        Self {
            folder,
            server,
            supervised: Vec::new(),
            restarts: 0,
            begun: 0,
            last_begun: None,
            _steady: steady,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A worker that is started again whenever it ends. Its number among all of them.
    fn supervise(&mut self, how: How<'_>, services: &str) -> usize {
        let name = format!("supervised-{}", self.supervised.len());
        let worker = worker::start_as(how, self.path(), &name, &self.server.url, services);
        self.supervised.push(worker);
        self.supervised.len() - 1
    }

    fn call(&self, function: &str, id: &str, args: &str) {
        let begun = self
            .server
            .cli(&["call", function, "--id", id, "--json", args, "--no-wait"]);
        assert!(begun.status.success(), "{begun:?}");
    }

    /// Waits until it is so, starts again who has ended, and begins other work meanwhile.
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(
                start.elapsed() < PATIENCE,
                "not within {PATIENCE:?}: {what}"
            );
            for worker in &mut self.supervised {
                if !worker.is_running() {
                    worker.start_again();
                    self.restarts += 1;
                }
            }
            if self
                .last_begun
                .is_none_or(|last| last.elapsed() > WORK_EVERY)
            {
                self.last_begun = Some(Instant::now());
                self.call("sound/sum", &format!("sum-{}", self.begun), "[3]");
                self.begun += 1;
            }
            pause(Duration::from_millis(20));
        }
    }

    fn until_halted(&mut self, ids: &[String]) {
        self.until("all are halted", |fleet| {
            let halted = fleet.server.cli(&["list", "--state", "halted", "--json"]);
            let halted = String::from_utf8_lossy(&halted.stdout).into_owned();
            let is_listed = |id: &String| halted.contains(&format!("{id:?}"));
            ids.iter().all(is_listed)
        });
    }

    /// What was begun beside the bad code has ended well. How many calls it were.
    fn expect_work(&self) -> usize {
        for nth in 0..self.begun {
            let done = self.server.json(&["get", &format!("sum-{nth}"), "--wait"]);
            assert_eq!(done["value"], 6, "{done}");
        }
        self.begun
    }

    /// It is halted as poison; `get` and `tree` say why, to people too.
    fn expect_explained(&self, id: &str, why: &str) -> Value {
        let found = self.server.json(&["get", id]);
        let halted = &found["task"]["halted"];
        let reason = halted["reason"].as_str().unwrap_or_default();
        assert!(
            halted["cause"] == "poison" && reason.contains(why),
            "{found}"
        );
        self.expect_shown(id, why);
        found
    }

    fn expect_shown(&self, id: &str, why: &str) {
        for verb in ["get", "tree"] {
            let shown = self.server.cli(&[verb, id]);
            let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
            assert!(shown.contains(why), "{verb}: {shown}");
        }
    }

    /// A person lets it go on, and it ends.
    fn expect_mended(&mut self, id: &str) {
        let gone_on = self.server.cli(&["continue", id]);
        assert!(gone_on.status.success(), "{gone_on:?}");
        self.until("it goes on and ends", |fleet| {
            fleet.server.json(&["get", id])["state"] == "resolved"
        });
    }

    fn effects(&self, what: &str, promise: &str) -> Vec<Effect> {
        let mut effects = effects::read(self.path());
        effects.retain(|effect| effect.what == what && effect.promise == promise);
        effects
    }
}

/// Ids whose waits between lost workers are short: the jitter is drawn from the id.
fn quick_ids(name: &str, count: usize) -> Vec<String> {
    let waits = |id: &String| -> Duration {
        let id = PromiseId::new(id.as_str()).unwrap();
        let waits = (1..limits::LOSSES - 1).filter_map(|nth| RetryPolicy::DEFAULT.wait(&id, nth));
        waits.sum()
    };
    let mut ids: Vec<_> = (0..20_000).map(|nth| format!("{name}-{nth}")).collect();
    ids.sort_by_cached_key(waits);
    ids.truncate(count);
    ids
}
