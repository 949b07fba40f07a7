//! Everybody connects again at once after the server was killed: nothing runs twice, and soon all is as before.

use std::time::Duration;

use resonate_proto::stream::{Held, ToWorker};
use serde_json::json;
use tokio::{runtime::Runtime, task::JoinSet, time::Instant};

use crate::{
    harness::{Server, figures, scale},
    light::{self, Light},
};

const WORKERS: usize = 500;
const LEASE: &str = "120s";
/// Seconds, not minutes; in debug builds on shared machines, too.
const STEADY_WITHIN: Duration = Duration::from_secs(60);

/// What one of the herd went through.
struct Told {
    /// When it was welcomed again.
    welcomed: Instant,
    /// Of its task, the server said that it is another's now.
    has_lost_it: bool,
    /// It was given it, or another, once more.
    given_again: usize,
    is_done: bool,
}

#[test]
fn a_herd_that_comes_back_after_a_restart_keeps_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--lease", LEASE]);
    let (workers, runtime) = (WORKERS * scale(), Runtime::new().unwrap());
    let (url, mut herd) = (server.url.clone(), JoinSet::new());
    let (holding, mut held) = tokio::sync::mpsc::channel(workers);
    let (dead, killed) = tokio::sync::watch::channel(());
    runtime.block_on(async {
        light::call(&light::client(&url).await, "herd", "held", workers, "").await;
        for session in 0..workers {
            herd.spawn(one(url.clone(), session, holding.clone(), killed.clone()));
        }
        for _ in 0..workers {
            held.recv().await.unwrap();
        }
    });
    server.process.kill();
    let start = Instant::now();
    server.process.start_again();
    drop((dead, killed));
    let told = runtime.block_on(herd.join_all());
    let steady = told.iter().map(|told| told.welcomed - start).max().unwrap();
    let count = |is: fn(&Told) -> bool| told.iter().filter(|told| is(told)).count();
    let (lost, done) = (count(|told| told.has_lost_it), count(|told| told.is_done));
    let again: usize = told.iter().map(|told| told.given_again).sum();
    let limit = workers.to_string();
    let resolved = server.cli(&["list", "--state", "resolved", "--limit", &limit, "--json"]);
    let resolved = String::from_utf8_lossy(&resolved.stdout).lines().count();
    let (_, most) = server.process.memory_kib();
    figures(&json!({
        "kind": "herd", "workers": workers, "steady_after_ms": steady.as_millis(), "second_executions": again,
        "claims_lost": lost, "resolved": resolved, "server_most_kib": most,
    }));
    assert_eq!((again, lost, done, resolved), (0, 0, workers, workers));
    assert!(steady < STEADY_WITHIN, "it took {steady:?}");
}

/// Takes one task, holds it while the server is killed, and ends it afterwards.
async fn one(
    url: String,
    session: usize,
    holding: tokio::sync::mpsc::Sender<()>,
    mut killed: tokio::sync::watch::Receiver<()>,
) -> Told {
    let mut hello = light::hello(session, "herd", 1);
    let mut light = Light::connect(&url, &hello).await;
    let task = light::held(&light.dispatch().await.unwrap());
    holding.send(()).await.unwrap();
    // Nothing more comes on this stream; everybody notices in the same moment.
    while light.hear().await.is_some() {}
    let _dropped = killed.changed().await;
    hello.held = vec![task.clone()];
    hello.timeline = light.timeline;
    let mut light = Light::connect(&url, &hello).await;
    let welcome = loop {
        match light.hear().await {
            Some(ToWorker::Welcome(welcome)) => break welcome,
            Some(_) => {}
            None => light = Light::connect(&url, &hello).await,
        }
    };
    let welcomed = Instant::now();
    let given_again = given(&mut light, &task).await;
    let has_lost_it = welcome.let_go.contains(&task.task);
    let is_done = light.fulfill(task).await && light.is_done().await;
    Told {
        welcomed,
        has_lost_it,
        given_again,
        is_done,
    }
}

/// Whether it is given something although it holds what it may have.
async fn given(light: &mut Light, task: &Held) -> usize {
    let beat = resonate_proto::stream::FromWorker::Heartbeat {
        n: 1,
        stalled: Vec::new(),
    };
    light.say(beat).await;
    let mut given = 0;
    loop {
        match light.hear().await {
            Some(ToWorker::Dispatch(dispatch)) => {
                assert_ne!(&light::held(&dispatch), task);
                given += 1;
            }
            Some(ToWorker::HeartbeatAnswer { .. }) | None => return given,
            Some(_) => {}
        }
    }
}
