//! A server that gets no more descriptors: who is connected goes on, and when the others leave all is well again.

use std::{fs, time::Duration};

use resonate::prelude::*;
use serde_json::json;
use tokio::{net::TcpStream, task::JoinSet, time::Instant};

use crate::{
    harness::{Process, Server, eventually, figures, scale},
    worker,
};

const FEW: [&str; 4] = ["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"];
const FLOOD: usize = 200;
const CALLS: u64 = 20;
const RECOVERED_WITHIN: Duration = Duration::from_secs(20);

#[durable(service = "patient")]
async fn tick(number: u64) -> Result<u64> {
    Ok(number)
}

/// Processor time of a process so far, in hundredths of a second.
fn ticks(process: &Process) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    [11, 12]
        .iter()
        .map(|at| fields[*at].parse::<u64>().unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_connections_on_sixty_four_descriptors_disturb_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_under(&FEW, "127.0.0.1", folder.path(), &[]);
    let _worker = worker::start(folder.path(), "worker", &server.url, "patient", None);
    let client = Resonate::builder().url(&server.url).serve([]).start();
    let client = client.await.unwrap();
    let mut number = 0;
    for _ in 0..scale() {
        assert_eq!(
            client
                .call(tick(number).id(format!("before-{number}")))
                .await
                .unwrap(),
            number
        );
        let address = server.url.trim_start_matches("http://").to_owned();
        let mut flood = JoinSet::new();
        for _ in 0..FLOOD {
            let address = address.clone();
            // Says nothing, and stays; or waits in the line.
            flood.spawn(async move {
                let _connection = TcpStream::connect(address).await;
                std::future::pending::<()>().await;
            });
        }
        let (start, before) = (Instant::now(), ticks(&server.process));
        let last = number + CALLS;
        while number < last {
            assert_eq!(
                client
                    .call(tick(number).id(format!("tick-{number}")))
                    .await
                    .unwrap(),
                number
            );
            number += 1;
        }
        let calls = start.elapsed();
        // Whoever accepts at once what cannot be accepted takes a whole core.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let busy = (ticks(&server.process) - before) as f64 / start.elapsed().as_secs_f64();
        assert!(server.process.is_running());
        flood.shutdown().await;
        let start = Instant::now();
        eventually("a newcomer is served", || {
            server.cli(&["list"]).status.success()
        });
        let recovered = start.elapsed();
        figures(&json!({
            "kind": "descriptors", "descriptors": 64, "connections": FLOOD, "calls_meanwhile": CALLS,
            "calls_ms": calls.as_millis(), "server_cpu_percent": busy.round(), "recovered_after_ms": recovered.as_millis(),
        }));
        assert!(recovered < RECOVERED_WITHIN, "{recovered:?}");
        assert!(busy < 20.0, "the server was busy with {busy} % of a core");
    }
    client.shutdown().await;
}
