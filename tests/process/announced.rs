//! What a function says of its calls counts for callers that do not know it: the command line, and declarations.

use std::{path::Path, time::Duration};

use resonate::prelude::*;
use serde_json::{Value, json};

use crate::{
    harness::{Process, Server, eventually},
    worker,
};

/// Never succeeds, and says how often that is tried.
#[durable(
    service = "announced",
    retry = Retry::fixed(Duration::from_millis(1)).max_attempts(3),
    timeout = Duration::from_secs(3_600),
    priority = 7
)]
async fn fails() -> Result<u64> {
    Err(Error::from(std::io::Error::other("there is no bank")))
}

/// `fails`, as programs have it that do not serve it.
mod declared {
    use super::*;

    #[durable(service = "announced")]
    pub(super) async fn fails() -> Result<u64>;
}

/// The same, and it says something else.
mod declared_otherwise {
    use super::*;

    #[durable(service = "announced", retry = Retry::never(), timeout = Duration::from_secs(60), priority = 0)]
    pub(super) async fn fails() -> Result<u64>;
}

#[durable(service = "announced_to")]
async fn relies() -> Result<String> {
    let said = declared::fails().await.unwrap_err();
    let otherwise = declared_otherwise::fails().await.unwrap_err();
    Ok(format!("{said} / {otherwise}"))
}

/// A worker of the function; the command line and this process only call it.
fn live(folder: &Path) -> (Server, Process) {
    let server = Server::start(folder, &[]);
    let worker = worker::start(folder, "worker", &server.url, "announced", None);
    eventually("the worker is there", || {
        let listed = server.cli(&["workers", "--json"]);
        !listed.stdout.is_empty()
    });
    (server, worker)
}

/// Attempts that failed, the whole milliseconds it may take, and its priority.
fn seen(server: &Server, id: &str) -> (Value, i64, Value) {
    let seen = server.json(&["get", id]);
    let at = |name: &str| seen[name].as_i64().unwrap();
    (
        seen["task"]["failures"].clone(),
        at("timeout_at_ms") - at("created_at_ms"),
        seen["priority"].clone(),
    )
}

#[test]
fn a_call_from_the_command_line_is_as_its_function_says() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _worker) = live(folder.path());
    let called = server.cli(&["call", "announced/fails", "--id", "plain"]);
    assert_eq!(called.status.code(), Some(1));
    assert_eq!(seen(&server, "plain"), (json!(3), 3_600_000, json!(7)));
    let listed = server.cli(&["functions"]).stdout;
    let listed = String::from_utf8_lossy(&listed);
    assert!(
        listed.contains("3 attempts, timeout 1 h 0 min, priority 7"),
        "{listed}"
    );
}

#[test]
fn what_the_command_line_says_itself_stands() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _worker) = live(folder.path());
    let args = ["--attempts", "1", "--priority", "0", "--json"];
    let called = server.cli(&[&["call", "announced/fails", "--id", "own"][..], &args].concat());
    assert_eq!(called.status.code(), Some(1));
    assert_eq!(seen(&server, "own"), (json!(1), 3_600_000, json!(0)));
}

#[test]
fn a_call_that_waits_for_its_first_worker_is_tried_as_that_worker_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    server.json(&["call", "announced/fails", "--id", "early", "--no-wait"]);
    let _worker = worker::start(folder.path(), "worker", &server.url, "announced", None);
    server.cli(&["get", "early", "--wait"]);
    let seen = server.json(&["get", "early"]);
    assert_eq!(
        (&seen["task"]["failures"], &seen["timeout_at_ms"]),
        (&json!(3), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declaration_says_only_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _worker) = live(folder.path());
    let builder = Resonate::builder().url(&server.url).name("here");
    let here = builder.serve(["announced_to"]).start().await.unwrap();
    here.call(relies().id("order")).await.unwrap();
    assert_eq!(
        seen(&server, "order.fails"),
        (json!(3), 3_600_000, json!(7))
    );
    let (failures, takes, priority) = seen(&server, "order.fails-1");
    assert_eq!((failures, priority), (json!(1), json!(0)));
    assert!((50_000..=60_000).contains(&takes), "{takes}");
    here.shutdown().await;
}
