//! A cancellation reaches every process that runs a part of the tree, and needs none that lives.

use std::{path::Path, sync::Arc};

use resonate::{prelude::*, state};

use crate::{
    effects::{self, Effects, gate},
    harness::{Server, eventually},
    worker,
};

#[durable(service = "upper")]
async fn upper() -> Result<()> {
    let _witness = Witness::here();
    middle().await
}

#[durable(service = "lower")]
async fn middle() -> Result<()> {
    let _witness = Witness::here();
    lowest().remote().await
}

#[durable(service = "lowest")]
async fn lowest() -> Result<()> {
    let _witness = Witness::here();
    effects::effect("begins");
    gate("never").await;
    effects::effect("ends");
    Ok(())
}

/// Says so when its execution is dropped.
struct Witness {
    effects: Arc<Effects>,
    run: resonate::Execution,
}

impl Witness {
    fn here() -> Self {
        Self {
            effects: state(),
            run: resonate::execution(),
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let (id, version) = (self.run.id(), self.run.version());
        self.effects.append("dropped", id, version);
    }
}

fn has(folder: &Path, what: &str, promise: &str) -> Option<u32> {
    let effects = effects::read(folder);
    let found = effects
        .iter()
        .find(|effect| effect.what == what && effect.promise == promise);
    found.map(|effect| effect.process)
}

/// Everything below is canceled, and says what that began with.
fn is_canceled(server: &Server) {
    for id in ["order.middle", "order.middle.lowest"] {
        let found = server.json(&["get", id]);
        assert_eq!(
            (&found["state"], &found["reason"], &found["because_of"]),
            (
                &"canceled".into(),
                &"order was canceled: sold out".into(),
                &"order".into()
            ),
            "{found}"
        );
    }
    let tree = String::from_utf8(server.cli(&["tree", "order"]).stdout).unwrap();
    assert!(tree.contains("order was canceled: sold out"), "{tree}");
}

fn begin(server: &Server, folder: &Path) {
    let begun = server.cli(&["call", "upper/upper", "--id", "order", "--no-wait"]);
    assert!(begun.status.success(), "{begun:?}");
    eventually("the lowest runs", || {
        has(folder, "begins", "order.middle.lowest").is_some()
    });
}

#[test]
fn bodies_on_other_machines_are_dropped_and_their_destructors_run() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let worker = |service: &str| worker::start(folder.path(), service, &server.url, service, None);
    let workers = ["upper", "lower", "lowest"].map(worker);
    begin(&server, folder.path());
    let canceled = server.cli(&["cancel", "order", "--reason", "sold out"]);
    assert!(canceled.status.success(), "{canceled:?}");
    is_canceled(&server);
    let ids = ["order", "order.middle", "order.middle.lowest"];
    for (id, worker) in ids.into_iter().zip(&workers) {
        let mut process = None;
        eventually(&format!("{id} is dropped"), || {
            process = has(folder.path(), "dropped", id);
            process.is_some()
        });
        assert_eq!(process, Some(worker.id()), "{id}");
    }
}

#[test]
fn what_ran_on_a_machine_that_is_gone_is_canceled_at_once_and_never_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody else would be given its work before the test is over.
    let server = Server::start(folder.path(), &["--lease", "300s"]);
    let worker = |service: &str| worker::start(folder.path(), service, &server.url, service, None);
    let mut workers = ["upper", "lower", "lowest"].map(worker);
    begin(&server, folder.path());
    workers.iter_mut().for_each(|worker| worker.kill());
    let canceled = server.cli(&["cancel", "order", "--reason", "sold out"]);
    assert!(canceled.status.success(), "{canceled:?}");
    is_canceled(&server);
    workers.iter_mut().for_each(|worker| worker.start_again());
    // Who comes back is given what is new, and nothing of what was canceled.
    let begun = server.cli(&["call", "lowest/lowest", "--id", "later", "--no-wait"]);
    assert!(begun.status.success(), "{begun:?}");
    eventually("it has work", || {
        has(folder.path(), "begins", "later").is_some()
    });
    let effects = effects::read(folder.path());
    let begins = |effect: &&effects::Effect| effect.what == "begins" && effect.promise != "later";
    assert_eq!(effects.iter().filter(begins).count(), 1, "{effects:?}");
}
