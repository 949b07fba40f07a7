//! The command line on a live run: what people and scripts see of it, and how they take part.

use std::{fs, path::Path, process::Output, time::Duration};

use resonate::prelude::*;
use serde_json::{Value, json};

use crate::{
    harness::{Process, Server, eventually, resonate},
    worker,
};

const SERVICE: &str = "command_line";

#[durable(service = "command_line")]
async fn expense(euros: u32) -> Result<String> {
    label("euros", euros);
    let cents = in_cents(euros).await;
    let approved: bool = promise("approval").await?;
    let verdict = if approved { "approved" } else { "turned down" };
    Ok(format!("{cents} cents are {verdict}"))
}

#[durable(service = "command_line")]
async fn in_cents(euros: u32) -> u32 {
    euros * 100
}

/// Calls what panics until there is this file.
#[durable(service = "command_line")]
async fn relies_on(file: String) -> String {
    needs(file).await
}

/// Panics until there is this file.
#[durable(service = "command_line", retry = Retry::fixed(Duration::from_millis(1)))]
async fn needs(file: String) -> String {
    fs::read_to_string(file).unwrap()
}

fn live(folder: &Path) -> (Server, Process) {
    let server = Server::start(folder, &[]);
    let worker = worker::start(folder, "worker", &server.url, SERVICE, None);
    eventually("the worker is there", || {
        !lines(&server, &["workers"]).is_empty()
    });
    (server, worker)
}

/// The lines of JSON that a command prints.
fn lines(server: &Server, args: &[&str]) -> Vec<Value> {
    let output = server.cli(&[args, &["--json"]].concat());
    let text = text(&output.stdout);
    assert!(output.status.success(), "{args:?}: {text}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a command prints for people; it must succeed.
fn shown(server: &Server, args: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = server.cli(args);
    assert!(
        status.success(),
        "{args:?}: {}{}",
        text(&stdout),
        text(&stderr)
    );
    text(&stdout)
}

/// Calls it and waits until it waits.
fn waiting(server: &Server, id: &str) {
    let called = server.json(&[
        "call",
        "command_line/expense",
        "--id",
        id,
        "--arg",
        "12",
        "--no-wait",
    ]);
    assert_eq!(
        (&called["state"], &called["arguments"]),
        (&json!("pending"), &json!([12]))
    );
    eventually("it waits", || {
        server.json(&["get", id])["task"]["state"] == "suspended"
    });
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one run, looked at command by command"
)]
fn a_live_run_is_seen_and_taken_part_in() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _worker) = live(folder.path());
    for id in ["yes", "no", "never"] {
        waiting(&server, id);
    }
    let tree = shown(&server, &["tree", "yes"]);
    let place = format!("{}:", file!());
    let drawn: Vec<&str> = tree.lines().collect();
    assert_eq!(
        drawn,
        [
            "yes  waiting  command_line/expense@1",
            "├─ yes.in_cents  resolved  command_line/in_cents@1  1200",
            "└─ yes.approval  pending  external",
        ]
    );
    let below = lines(&server, &["tree", "yes"]);
    assert_eq!(below.len(), 3);
    assert!(
        below[1]["location"].as_str().unwrap().starts_with(&place),
        "{}",
        below[1]
    );

    assert_eq!(lines(&server, &["list", "--state", "suspended"]).len(), 3);
    assert_eq!(
        lines(&server, &["list", "--roots", "--prefix", "n"]).len(),
        2
    );
    assert_eq!(
        lines(&server, &["list", "--function", "command_line/in_cents"]).len(),
        3
    );
    let workers = lines(&server, &["workers"]);
    assert_eq!(
        (workers.len(), &workers[0]["services"]),
        (1, &json!([SERVICE]))
    );
    let functions = lines(&server, &["functions"]);
    let expense = functions
        .iter()
        .find(|one| one["function"] == "command_line/expense@1")
        .unwrap();
    assert_eq!(
        (&expense["workers"], &expense["parameters"]),
        (&json!(1), &json!([{ "name": "euros", "type": "u32" }]))
    );

    server.json(&["resolve", "yes.approval", "--json", "true"]);
    assert_eq!(
        server.json(&["get", "yes", "--wait"])["value"],
        "1200 cents are approved"
    );
    server.json(&["reject", "no.approval", "--json", "\"no budget\""]);
    let rejected = server.cli(&["get", "no", "--wait", "--json"]);
    assert_eq!(rejected.status.code(), Some(1));
    let rejected: Value = serde_json::from_slice(&rejected.stdout).unwrap();
    assert_eq!(rejected["failure"]["message"], "it was rejected: no budget");
    assert_eq!(rejected["failure"]["promise"], "no.approval");
    server.json(&["cancel", "never", "--reason", "nobody is left"]);
    eventually("it is canceled with all below", || {
        lines(&server, &["tree", "never"])
            .iter()
            .all(|one| one["state"] != "pending")
    });
    let canceled = server.json(&["get", "never"]);
    assert_eq!(
        (&canceled["state"], &canceled["reason"]),
        (&json!("canceled"), &json!("nobody is left"))
    );
    assert_eq!(
        server.json(&["get", "yes"])["labels"],
        json!({ "euros": "12" })
    );
    let again = server.cli(&["resolve", "yes.approval", "--json", "false"]);
    assert_eq!(again.status.code(), Some(4));
    assert!(text(&again.stderr).contains("the promise `yes.approval` is resolved already"));
}

#[test]
fn what_is_halted_is_found_with_its_reason_and_goes_on_when_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _worker) = live(folder.path());
    let file = folder.path().join("needed");
    let argument = json!([file]).to_string();
    shown(
        &server,
        &[
            "call",
            "command_line/relies_on",
            "--id",
            "broken",
            "--json",
            &argument,
            "--no-wait",
        ],
    );
    eventually("it is halted", || {
        !lines(&server, &["list", "--state", "halted"]).is_empty()
    });
    let halted = lines(&server, &["list", "--state", "halted"]);
    assert_eq!(
        (halted.len(), &halted[0]["id"]),
        (1, &json!("broken.needs"))
    );
    let reason = halted[0]["task"]["halted"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("10 times in a row")
            && reason.ends_with("`resonate continue broken.needs`"),
        "{reason}"
    );
    assert!(
        shown(&server, &["tree", "broken"]).contains("halted"),
        "the tree does not tell"
    );
    fs::write(&file, "found").unwrap();
    shown(&server, &["continue", "broken.needs"]);
    assert_eq!(server.json(&["get", "broken", "--wait"])["value"], "found");
}

#[test]
fn a_call_that_waits_is_told_when_the_server_is_away_and_goes_on_after() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, mut worker) = live(folder.path());
    waiting(&server, "patient");
    let args = ["get", "patient", "--wait", "--server", &server.url];
    let mut waits = Process::start(folder.path(), "waits", resonate(), &args);
    let away = "the server is away; waiting for it";
    eventually("it says that the server is away", || {
        if !waits.is_running() {
            // It came while there was no server: who finds none at first does not wait for one.
            waits.start_again();
        }
        server.process.kill_and_restart();
        eventually("the server is back", || {
            server.cli(&["list"]).status.success()
        });
        waits.output().contains(away)
    });
    server.json(&["resolve", "patient.approval", "--json", "true"]);
    assert!(waits.wait().success(), "{}", waits.output());
    assert!(
        waits.output().contains("1200 cents are approved"),
        "{}",
        waits.output()
    );
    assert!(worker.is_running());
}
