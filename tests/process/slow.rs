//! A worker that does not read: the server keeps little for it, and nobody else waits for that.

use std::time::Duration;

use resonate_proto::stream::{FromWorker, ToWorker};
use serde_json::json;
use tokio::{runtime::Runtime, time::Instant};

use crate::{
    harness::{Server, eventually, figures, scale},
    light::{self, Light},
};

const TASKS: usize = 5_000;
/// Of each task's arguments.
const BYTES: usize = 4 << 10;
const OTHERS: usize = 200;
/// Of whoever reads: what a worker takes that is not tuned.
const AT_ONCE: u64 = 256;
/// What a server needs that has so many calls waiting, whoever reads or does not.
const SERVER_KIB: u64 = 96 << 10;
const TASK_KIB: u64 = 24;
/// Generous, since the machines are shared; what it took is printed.
const OTHERS_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn a_worker_that_stops_reading_delays_nobody_and_costs_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--lease", "3s"]);
    let (tasks, runtime) = (TASKS * scale(), Runtime::new().unwrap());
    let url = server.url.clone();
    let (took, served) = runtime.block_on(async {
        let stuck = Light::connect(&url, &light::hello(0, "stuck", tasks as u64)).await;
        let mut other = Light::connect(&url, &light::hello(1, "other", u64::MAX)).await;
        let alive = beat(&stuck);
        let argument = "x".repeat(BYTES);
        let client = light::client(&url).await;
        let flood = light::call(&client, "stuck", "stuck", tasks, &argument);
        let others = others(&url, &mut other);
        let beside = async { tokio::join!(flood, others).1 };
        let took = tokio::select! {
            took = beside => took,
            () = alive => unreachable!("it goes on for ever"),
        };
        // It goes, and whoever reads gets everything.
        drop(stuck);
        (took, serve_all(&url, tasks).await)
    });
    let (_, most) = server.process.memory_kib();
    let p = |percent: usize| took[(took.len() - 1) * percent / 100].as_micros();
    figures(&json!({
        "kind": "stuck_worker", "tasks": tasks, "argument_bytes": BYTES, "server_most_kib": most, "others": took.len(),
        "others_p50_us": p(50), "others_p99_us": p(99), "served_afterwards": served,
    }));
    let bound = SERVER_KIB + TASK_KIB * tasks as u64;
    assert!(most < bound, "the server had {most} of {bound} KiB");
    assert!(took[took.len() * 99 / 100] < OTHERS_WITHIN, "others waited");
    let left = format!("stuck-{}", tasks - 1);
    eventually("the last is done", || {
        server.json(&["get", &left])["state"] == "resolved"
    });
}

/// It does not read, but it lives.
async fn beat(stuck: &Light) {
    for n in 1.. {
        let stalled = Vec::new();
        stuck.say(FromWorker::Heartbeat { n, stalled }).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Calls of another service, one after the other: how long each took from its creation to its end, in order.
async fn others(url: &str, worker: &mut Light) -> Vec<Duration> {
    let (client, mut took) = (light::client(url).await, Vec::new());
    for nth in 0..OTHERS {
        let alive = FromWorker::Heartbeat {
            n: nth as u64 + 1,
            stalled: Vec::new(),
        };
        worker.say(alive).await;
        let start = Instant::now();
        light::call(&client, "other", &format!("other-{nth}"), 1, "").await;
        let task = light::held(&worker.dispatch().await.unwrap());
        assert!(worker.fulfill(task).await && worker.is_done().await);
        took.push(start.elapsed());
    }
    took.sort();
    took
}

/// Serves so many tasks of the stuck one, as fast as they come.
async fn serve_all(url: &str, tasks: usize) -> usize {
    let mut worker = Light::connect(url, &light::hello(2, "stuck", AT_ONCE)).await;
    let (mut served, mut n) = (0, 0);
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    while served < tasks {
        let heard = tokio::select! {
            heard = worker.hear() => heard.expect("the server is there"),
            _ = beat.tick() => {
                n += 1;
                let stalled = Vec::new();
                worker.say(FromWorker::Heartbeat { n, stalled }).await;
                continue;
            }
        };
        if let ToWorker::Dispatch(dispatch) = heard {
            assert!(worker.fulfill(light::held(&dispatch)).await);
        } else if let ToWorker::TurnAnswer(answer) = heard {
            served += usize::from(answer.answer.is_ok());
            let granted = AT_ONCE + served as u64;
            worker.say(FromWorker::Credits { granted }).await;
        }
    }
    served
}
