//! A trace through real processes: one over all of them, and the same after `kill -9`.

use std::collections::BTreeSet;

use resonate::{prelude::*, trace_context};

use crate::{
    effects::{self, effect},
    harness::{Process, Server, eventually},
    worker,
};

fn here() -> String {
    trace_context().unwrap().to_string()
}

#[durable(service = "traces")]
async fn caller() -> Result<()> {
    effect(format_args!("caller_{}", here()));
    callee().await?;
    promise::<bool>("go").await?;
    Ok(())
}

#[durable(service = "traces_far")]
async fn callee() -> Result<()> {
    effect(format_args!("callee_{}", here()));
    Ok(())
}

#[test]
fn a_trace_is_the_same_in_every_process_and_after_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let mut workers = ["traces", "traces_far"]
        .map(|service| worker::start(folder.path(), service, &server.url, service, None));
    server.json(&["call", "traces/caller", "--id", "o", "--no-wait"]);
    eventually("it waits", || server.cli(&["get", "o.go"]).status.success());
    workers.iter_mut().for_each(Process::kill);
    server.process.kill_and_restart();
    server.is_ready();
    workers.iter_mut().for_each(Process::start_again);
    assert!(
        server
            .cli(&["resolve", "o.go", "--json", "true"])
            .status
            .success()
    );
    eventually("it ends", || {
        server.json(&["get", "o"])["state"] == "resolved"
    });

    let effects = effects::read(folder.path());
    let (mut traces, mut spans) = (BTreeSet::new(), BTreeSet::new());
    for effect in &effects {
        let parts: Vec<_> = effect.what.split(['_', '-']).collect();
        traces.insert(parts[2].to_owned());
        spans.insert((parts[0].to_owned(), parts[3].to_owned()));
    }
    let by_caller = effects
        .iter()
        .filter(|effect| effect.what.starts_with("caller"));
    assert!(by_caller.count() >= 2, "it was replayed: {effects:?}");
    assert_eq!((traces.len(), spans.len()), (1, 2), "{effects:?}");
}
