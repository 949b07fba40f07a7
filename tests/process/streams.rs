//! What a function emits and is sent while worker and server are killed: a reader sees each item once, in order, and the
//! function each message.

use std::time::Duration;

use resonate::prelude::*;

use crate::{
    harness::{Process, Server, eventually, pause, resonate},
    worker,
};

const ITEMS: u64 = 60;

#[durable(service = "talks")]
async fn talks(items: u64) -> Result<u64> {
    let (mut inbox, mut heard) = (inbox::<u64>(), 0);
    for n in 0..items {
        emit(&n);
        progress(n + 1, items);
        if n % 10 == 0 {
            heard += inbox.recv().await?;
        } else {
            tick().await;
        }
    }
    Ok(heard)
}

/// So that turns come one by one, and there is something to be killed in.
#[durable(service = "talks")]
async fn tick() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[test]
fn a_reader_sees_no_gap_and_no_double_while_worker_and_server_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--lease", "2s"]);
    let mut worker = worker::start(folder.path(), "talks", &server.url, "talks", None);
    let argument = ITEMS.to_string();
    let call = ["call", "talks/talks", "--id", "talk", "--no-wait", "--arg"];
    let created = server.cli(&[&call[..], &[&argument]].concat());
    assert!(created.status.success(), "{created:?}");
    let tail = ["tail", "talk", "--json", "--server", &server.url];
    let mut reader = Process::start(folder.path(), "reader", resonate(), &tail);
    for round in 0..ITEMS / 10 {
        let seen = |server: &Server| {
            let output = server.cli(&["get", "talk", "--json"]);
            let found: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
            found["emitted"].as_u64()
        };
        eventually("it waits for the next message", || {
            seen(&server) == Some(round * 10 + 1)
        });
        match round % 3 {
            0 => worker.kill_and_restart(),
            1 => {
                server.process.kill_and_restart();
                server.is_ready();
            }
            _ => {}
        }
        let (message, key) = ((round + 1).to_string(), format!("message {round}"));
        // What a client does that had no answer.
        for _ in 0..2 {
            let sent = server.cli(&["send", "talk", &message, "--key", &key]);
            assert!(sent.status.success(), "{sent:?}");
        }
        pause(Duration::from_millis(60));
        if round % 2 == 0 {
            worker.kill_and_restart();
        }
    }
    let talk = server.json(&["get", "talk", "--wait"]);
    assert_eq!(talk["value"], (1..=ITEMS / 10).sum::<u64>(), "{talk}");
    let progress = serde_json::json!({ "done": ITEMS, "total": ITEMS });
    assert_eq!(talk["progress"], progress, "{talk}");
    assert!(reader.wait().success(), "{}", reader.output());
    let output = reader.output();
    let lines = output.lines().filter(|line| line.starts_with('{'));
    let items: Vec<serde_json::Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected: Vec<_> = (0..ITEMS)
        .map(|n| serde_json::json!({ "offset": n, "item": n }))
        .collect();
    assert_eq!(items, expected);
    // Whoever comes later sees the same.
    let late = server.cli(&["tail", "talk", "--from", "57", "--no-follow"]);
    assert_eq!(String::from_utf8_lossy(&late.stdout), "57\n58\n59\n");
}
