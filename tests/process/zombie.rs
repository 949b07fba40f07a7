//! A worker that is away for longer than its lease, and does not know: whatever it still does changes nothing.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use resonate::{prelude::*, state};

use crate::{
    effects::{self, Effect, Effects, open_gate},
    harness::{Process, Server, eventually, figures, scale},
    proxy::Proxy,
    worker,
};

const ROUNDS: usize = 3;

/// Two cuts, each as long as its gate is closed; the fencing tokens under which they were made.
#[durable(service = "ward")]
async fn operation() -> Result<Vec<u64>> {
    let mut witness = Witness::here();
    let cuts = vec![cut("first").await?, cut("second").await?];
    witness.is_done = true;
    Ok(cuts)
}

/// Blocks a thread, so that nothing stops it from making the cut: only the fence of where the cut is made does.
#[durable(service = "ward")]
async fn cut(which: &str) -> Result<u64> {
    let mut witness = Witness::here();
    effects::effect(format_args!("begins_{which}"));
    let (run, which) = (resonate::execution(), which.to_owned());
    let effects = state::<Effects>();
    let version = run.version();
    let cutting = tokio::task::spawn_blocking(move || {
        let root = run.id().split('.').next().unwrap_or_default();
        eventually("the gate is open", || {
            effects.is_open(&format!("{which}-{root}"))
        });
        effects.append_fenced(format_args!("cut_{which}"), run.id(), run.version());
    });
    cutting.await?;
    witness.is_done = true;
    Ok(version)
}

/// Says so when it is dropped before its execution has come to its end.
struct Witness {
    effects: Arc<Effects>,
    run: resonate::Execution,
    is_done: bool,
}

impl Witness {
    fn here() -> Self {
        Self {
            effects: state(),
            run: resonate::execution(),
            is_done: false,
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if !self.is_done {
            let (id, version) = (self.run.id(), self.run.version());
            self.effects.append("dropped", id, version);
        }
    }
}

/// An operation as its test sees it.
pub(crate) struct Operation<'a> {
    folder: &'a Path,
    id: String,
}

impl<'a> Operation<'a> {
    pub(crate) fn begin(folder: &'a Path, server: &Server, id: &str) -> Self {
        let begun = server.cli(&["call", "ward/operation", "--id", id, "--no-wait"]);
        assert!(begun.status.success(), "{begun:?}");
        Self {
            folder,
            id: id.to_owned(),
        }
    }

    pub(crate) fn open(&self, which: &str) {
        open_gate(self.folder, &format!("{which}-{}", self.id));
    }

    fn effects(&self) -> Vec<Effect> {
        let mut effects = effects::read(self.folder);
        effects.retain(|effect| effect.promise.split('.').next() == Some(&self.id));
        effects
    }

    /// Waits until another process than these has done this; which one it was.
    pub(crate) fn wait_for(&self, what: &str, not: &[u32]) -> u32 {
        let mut found = None;
        eventually(&format!("{what} in {}", self.id), || {
            let effects = self.effects();
            let is_it = |effect: &&Effect| effect.what == what && !not.contains(&effect.process);
            found = effects.iter().find(is_it).map(|effect| effect.process);
            found.is_some()
        });
        found.unwrap()
    }

    /// True if this process has done this.
    pub(crate) fn has(&self, what: &str, process: u32) -> bool {
        let is_it = |effect: &Effect| effect.what == what && effect.process == process;
        self.effects().iter().any(is_it)
    }

    /// The result is that of the cuts that were not refused, and they are under the highest tokens.
    pub(crate) fn check(&self, server: &Server) {
        let done = server.json(&["get", &self.id, "--wait"]);
        let effects = self.effects();
        let cuts: BTreeMap<_, _> = effects
            .iter()
            .filter(|effect| effect.what.starts_with("cut_"))
            .map(|effect| (&effect.what, effect.version))
            .collect();
        let cuts: Vec<_> = cuts.into_values().collect();
        assert_eq!(done["value"], serde_json::json!(cuts), "{done} {effects:?}");
    }
}

#[test]
fn what_a_stopped_worker_does_when_it_goes_on_is_refused_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--lease", "1s"]);
    let worker = |name: &str| worker::start(folder.path(), name, &server.url, "ward", None);
    let mut workers = [worker("one"), worker("other")];
    let rounds = ROUNDS * scale();
    for round in 0..rounds {
        let operation = Operation::begin(folder.path(), &server, &format!("operation-{round}"));
        let zombie = operation.wait_for("begins_first", &[]);
        signal(&workers, zombie, "STOP");
        // Its lease ends, and the other makes the first cut anew.
        let heir = operation.wait_for("begins_first", &[zombie]);
        operation.open("first");
        operation.wait_for("begins_second", &[zombie]);
        signal(&workers, zombie, "CONT");
        operation.wait_for("refused_cut_first", &[heir]);
        // The operation waited for its cut. That may have ended just now, and then nobody hears of it.
        operation.wait_for("dropped", &[heir]);
        let effects = operation.effects();
        let is_dropped =
            |effect: &Effect| effect.what == "dropped" && effect.promise == operation.id;
        assert!(effects.iter().any(is_dropped), "{effects:?}");
        operation.open("second");
        operation.check(&server);
        every_token_is_of_one_process(&operation, zombie);
    }
    the_zombie_is_useful_again(&folder, &server, &mut workers, rounds);
    let effects = effects::read(folder.path());
    let count = |what| effects.iter().filter(|effect| effect.what == what).count();
    figures(&serde_json::json!({
        "kind": "zombies", "stopped_and_continued": rounds, "late_writes_refused": count("refused_cut_first"),
        "executions_dropped": count("dropped"), "stale_results_accepted": 0,
    }));
}

/// The zombie's tokens are lower than the heir's, in the log of effects too.
fn every_token_is_of_one_process(operation: &Operation<'_>, zombie: u32) {
    let mut owners = BTreeMap::new();
    let mut highest = 0;
    for effect in operation.effects() {
        let run = (effect.promise.clone(), effect.version);
        let owner = *owners.entry(run).or_insert(effect.process);
        assert_eq!(
            owner, effect.process,
            "two workers had one token: {effect:?}"
        );
        if effect.promise == format!("{}.cut", operation.id) && effect.process != zombie {
            highest = effect.version;
        }
        let is_stale = effect.what == "refused_cut_first";
        assert!(!is_stale || effect.version < highest, "{effect:?}");
    }
}

/// With the heir of the last round away for good, everything is done by who was a zombie.
fn the_zombie_is_useful_again(
    folder: &tempfile::TempDir,
    server: &Server,
    workers: &mut [Process],
    rounds: usize,
) {
    let last = format!("operation-{}", rounds - 1);
    let effects = effects::read(folder.path());
    let stopped = effects
        .iter()
        .find(|effect| effect.promise.starts_with(&last));
    let zombie = stopped.unwrap().process;
    let heir = workers.iter_mut().find(|worker| worker.id() != zombie);
    heir.unwrap().kill();
    let operation = Operation::begin(folder.path(), server, "new-work");
    operation.open("first");
    operation.open("second");
    operation.check(server);
    let ran = operation.effects();
    assert!(ran.iter().all(|effect| effect.process == zombie), "{ran:?}");
}

fn signal(workers: &[Process], process: u32, signal: &str) {
    let worker = workers.iter().find(|worker| worker.id() == process);
    worker.expect("it is one of them").signal(signal);
}

#[test]
fn a_write_that_is_held_up_for_longer_than_the_lease_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--lease", "1s"]);
    let proxy = Proxy::start(&server.url, 0);
    let worker = |name: &str, url: &str| worker::start(folder.path(), name, url, "ward", None);
    let far = worker("far", &proxy.url);
    let operation = Operation::begin(folder.path(), &server, "held-up");
    operation.wait_for("begins_first", &[]);
    proxy.hold(true);
    operation.open("first");
    // It was still asked for nothing, so this is the turn with its first cut.
    eventually("it is on its way", || far.output().contains("Unsent 1"));
    let near = worker("near", &server.url);
    operation.wait_for("begins_second", &[far.id()]);
    proxy.hold(false);
    operation.wait_for("dropped", &[near.id()]);
    eventually("the far one is back", || {
        let workers = server.cli(&["workers", "--json"]).stdout;
        String::from_utf8_lossy(&workers).lines().count() == 2
    });
    operation.open("second");
    operation.check(&server);
    let effects = operation.effects();
    let firsts = effects.iter().filter(|effect| effect.what == "cut_first");
    let firsts: Vec<_> = firsts
        .map(|effect| (effect.process, effect.version))
        .collect();
    let is_in_order =
        matches!(firsts[..], [(one, 2), (other, 3)] if (one, other) == (far.id(), near.id()));
    assert!(is_in_order, "{effects:?}");
}
