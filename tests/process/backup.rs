//! Backups of a server that works, and what becomes of workers when it goes on from one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
};

use resonate::{prelude::*, state};
use serde_json::{Value, json};

use crate::{
    effects::{self, Effects, effect, gate, open_gate},
    harness::{Server, eventually, resonate},
    worker,
};

const SERVICE: &str = "vault";
const CALLS: usize = 4;

/// Waits at its gate; the fencing token under which it came to its end.
#[durable(service = "vault")]
async fn keep(which: &str) -> u64 {
    let mut witness = Witness {
        effects: state(),
        run: resonate::execution(),
        is_done: false,
    };
    effect("begins");
    gate(which).await;
    effect("ends");
    witness.is_done = true;
    witness.run.version()
}

/// Many small things in a row.
#[durable(service = "vault")]
async fn count(to: u64) -> Result<u64> {
    let mut sum = 0;
    for number in 0..to {
        sum += add(number).await?;
    }
    Ok(sum)
}

#[durable(service = "vault")]
async fn add(number: u64) -> Result<u64> {
    Ok(number)
}

/// Says so when it is dropped before its execution has come to its end.
struct Witness {
    effects: Arc<Effects>,
    run: resonate::Execution,
    is_done: bool,
}

impl Drop for Witness {
    fn drop(&mut self) {
        if !self.is_done {
            let (id, version) = (self.run.id(), self.run.version());
            self.effects.append("dropped", id, version);
        }
    }
}

/// Runs a command that needs no server.
fn run(args: &[&str]) -> Output {
    let mut command = Command::new(resonate());
    command.args(args).stdin(Stdio::null());
    command.output().expect("the command starts")
}

/// The same; it must succeed and print JSON.
fn json_of(args: &[&str]) -> Value {
    let output = run(&[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn begin(server: &Server, function: &str, id: &str, argument: &Value) {
    let begun = server.cli(&[
        "call",
        function,
        "--id",
        id,
        "--arg",
        &argument.to_string(),
        "--no-wait",
    ]);
    assert!(begun.status.success(), "{begun:?}");
}

fn happened(folder: &Path, what: &str, promise: &str, version: u64) -> bool {
    let effects = effects::read(folder);
    effects
        .iter()
        .any(|one| (&*one.what, &*one.promise, one.version) == (what, promise, version))
}

/// Where the data of the test's server lie.
fn data(folder: &Path) -> PathBuf {
    folder.join("server")
}

#[test]
fn the_worker_of_a_restored_server_drops_what_it_held_and_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, backup) = (folder.path(), folder.path().join("backup.db"));
    // Long enough that no lease ends by itself.
    let mut server = Server::start(folder, &["--lease", "120s"]);
    let worker = worker::start(folder, "worker", &server.url, SERVICE, None);
    for id in ["done-meanwhile", "still-waits"] {
        begin(&server, "vault/keep", id, &json!(id));
        eventually("it has begun", || happened(folder, "begins", id, 1));
    }
    let made = json_of(&[
        "backup",
        "--data-dir",
        text(&data(folder)),
        "--to",
        text(&backup),
    ]);
    assert_eq!(
        (&made["server_running"], &made["rows"], &made["problems"]),
        (&json!(true), &json!(2), &json!([]))
    );
    server.process.kill();
    // The worker settles this one, under a token that the backup knows as the valid one, and cannot say so yet.
    open_gate(folder, "done-meanwhile");
    eventually("it has come to its end", || {
        happened(folder, "ends", "done-meanwhile", 1)
    });

    fs::rename(data(folder), folder.join("lost")).unwrap();
    let restored = json_of(&[
        "restore",
        "--from",
        text(&backup),
        "--data-dir",
        text(&data(folder)),
    ]);
    assert_ne!(
        restored["timeline"], made["timeline"],
        "it is the same timeline"
    );
    server.process.start_again();
    eventually("the restored server is ready", || {
        server.cli(&["list"]).status.success()
    });

    // Had it been heard, the value would be the first token's.
    let settled = server.json(&["get", "done-meanwhile", "--wait"]);
    assert_eq!(settled["value"], json!(2), "{}", worker.output());
    eventually("the other one is dropped", || {
        happened(folder, "dropped", "still-waits", 1)
    });
    eventually("and begun again", || {
        happened(folder, "begins", "still-waits", 2)
    });
    let said = "goes on from a backup or a copy of its data: 2 executions are dropped here";
    assert!(worker.output().contains(said), "{}", worker.output());
    open_gate(folder, "still-waits");
    assert_eq!(
        server.json(&["get", "still-waits", "--wait"])["value"],
        json!(2)
    );

    let other = worker::start(folder, "other", &server.url, SERVICE, None);
    begin(&server, "vault/count", "new-work", &json!(3));
    assert_eq!(
        server.json(&["get", "new-work", "--wait"])["value"],
        json!(3)
    );
    drop(other);
}

#[test]
fn work_goes_on_from_a_backup_of_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let worker = worker::start(folder, "worker", &server.url, SERVICE, None);
    for call in 0..CALLS {
        begin(&server, "vault/count", &format!("count-{call}"), &json!(40));
    }
    let backups: Vec<PathBuf> = (0..4)
        .map(|n| folder.join(format!("backup-{n}.db")))
        .collect();
    let mut rows = Vec::new();
    for backup in &backups {
        let made = json_of(&[
            "backup",
            "--data-dir",
            text(&data(folder)),
            "--to",
            text(backup),
        ]);
        rows.push(made["rows"].as_u64().unwrap());
    }
    assert!(rows.is_sorted(), "{rows:?}");
    drop((server, worker));
    for (n, backup) in backups.iter().enumerate() {
        let of_its_own = folder.join(format!("restored-{n}"));
        fs::create_dir(&of_its_own).unwrap();
        json_of(&[
            "restore",
            "--from",
            text(backup),
            "--data-dir",
            text(&data(&of_its_own)),
        ]);
        let server = Server::start(&of_its_own, &[]);
        let _worker = worker::start(&of_its_own, "worker", &server.url, SERVICE, None);
        for call in 0..CALLS {
            let id = format!("count-{call}");
            // What was called after the backup is not in it.
            begin(&server, "vault/count", &id, &json!(40));
            assert_eq!(server.json(&["get", &id, "--wait"])["value"], json!(780));
        }
        let verified = json_of(&["verify", "--data-dir", text(&data(&of_its_own))]);
        assert_eq!(
            (&verified["problems"], &verified["server_running"]),
            (&json!([]), &json!(true))
        );
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_half_done_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, backup) = (folder.path(), folder.path().join("backup.db"));
    let server = Server::start(folder, &[]);
    server.json(&[
        "call",
        "vault/keep",
        "--id",
        "a",
        "--arg",
        "\"a\"",
        "--no-wait",
    ]);
    let (from, to) = (data(folder), text(&backup));
    json_of(&["backup", "--data-dir", text(&from), "--to", to]);
    let before = fs::read(&backup).unwrap();
    let again = run(&["backup", "--data-dir", text(&from), "--to", to]);
    assert_eq!(again.status.code(), Some(70));
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("is there already"),
        "{again:?}"
    );
    assert_eq!(fs::read(&backup).unwrap(), before);
    let into = run(&["restore", "--from", to, "--data-dir", text(&from)]);
    assert_eq!(into.status.code(), Some(70));
    assert!(
        String::from_utf8_lossy(&into.stderr).contains("is not empty"),
        "{into:?}"
    );
    assert!(fs::read_dir(folder).unwrap().all(|entry| {
        let name = entry.unwrap().file_name();
        !name.to_string_lossy().contains("incomplete")
    }));
    // A backup is one file, and reading it leaves nothing beside it.
    json_of(&["verify", "--file", to]);
    let beside = |suffix: &str| PathBuf::from(format!("{to}{suffix}")).exists();
    assert!(!beside("-wal") && !beside("-shm") && !beside("-journal"));
}

#[test]
fn a_data_folder_that_was_copied_by_hand_begins_a_timeline_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(Server::start(folder, &[]));
    let timeline =
        |folder: &Path| json_of(&["verify", "--data-dir", text(folder)])["timeline"].clone();
    let (original, copied) = (timeline(&data(folder)), folder.join("elsewhere"));
    fs::create_dir_all(data(&copied)).unwrap();
    for entry in fs::read_dir(data(folder)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), data(&copied).join(entry.file_name())).unwrap();
    }
    drop(Server::start(&copied, &[]));
    assert_ne!(timeline(&data(&copied)), original);
    drop(Server::start(folder, &[]));
    assert_eq!(timeline(&data(folder)), original, "a restart is no copy");
}
