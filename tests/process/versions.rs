//! Two builds of one worker: what the command line says of them before they are let at what runs, and that it is so.
//!
//! A build is an environment variable that the functions read: what is compiled is the same.

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use resonate::prelude::*;
use serde_json::{Value, json};

use crate::{
    effects::{self, effect},
    harness::{Process, Server, eventually},
    worker::{self, How},
};

const SERVICE: &str = "versions";
const BUILD: &str = "RESONATE_TEST_BUILD";

fn build() -> String {
    env::var(BUILD).unwrap_or_default()
}

#[durable(service = "versions")]
async fn charge(cents: u64) -> u64 {
    effect("charge");
    cents
}

#[durable(service = "versions")]
async fn refund(cents: u64) -> u64 {
    cents
}

#[durable(service = "versions")]
async fn order(cents: u64) -> Result<u64> {
    let charged = match build().as_str() {
        "broken" => refund(cents).await,
        _ => charge(cents).await,
    };
    promise::<()>("go").await?;
    if build() == "mended" && changed("discount") {
        return Ok(charged - refund(100).await);
    }
    Ok(charged)
}

/// A worker of this build.
fn start(folder: &Path, url: &str, build: &str) -> Process {
    let set = format!("{BUILD}={build}");
    let how = How {
        under: &["env", &set],
        ..How::default()
    };
    worker::start_as(how, folder, build, url, SERVICE)
}

/// The same as a program: what it runs takes its arguments from a script.
fn program(folder: &Path, build: &str) -> PathBuf {
    let path = folder.join(format!("{build}.sh"));
    let this = env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\necho '{{\"not\":\"the answer\"}}'\nRESONATE_TEST_SERVICES={SERVICE} RESONATE_TEST_URL=http://127.0.0.1:1 \
         RESONATE_TEST_CODEC=json RESONATE_TEST_FOLDER={} {BUILD}={build} exec {} worker::entry --exact --nocapture\n",
        folder.display(),
        this.display()
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a command prints as lines of JSON, and the code it ends with.
fn asked(server: &Server, args: &[&str]) -> (Vec<Value>, i32) {
    let output = server.cli(&[args, &["--json"]].concat());
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!lines.is_empty(), "{args:?}: {said}");
    (lines, output.status.code().unwrap())
}

/// A call that waits for `go`, made by the first build.
fn waiting(server: &Server, id: &str) {
    server.json(&[
        "call",
        "versions/order",
        "--id",
        id,
        "--arg",
        "500",
        "--no-wait",
    ]);
    eventually("it waits", || {
        server.json(&["get", id])["task"]["state"] == "suspended"
    });
}

/// How often a root has charged.
fn charges(folder: &Path, root: &str) -> usize {
    let below = format!("{root}.");
    let effects = effects::read(folder).into_iter();
    effects
        .filter(|effect| effect.promise.starts_with(&below))
        .count()
}

#[test]
fn a_history_from_production_tells_which_build_may_follow() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut first = start(folder.path(), &server.url, "first");
    waiting(&server, "runs");
    let exported = server.cli(&["export", "runs"]);
    assert!(exported.status.success());
    let file = folder.path().join("runs.jsonl");
    fs::write(&file, exported.stdout).unwrap();

    let replay = |build: &str| {
        let program = program(folder.path(), build);
        asked(&server, &["replay", text(&file), "--with", text(&program)])
    };
    for build in ["first", "mended"] {
        let (lines, code) = replay(build);
        assert_eq!((&lines[0]["fit"], code), (&json!("same"), 0), "{lines:?}");
    }
    let (lines, code) = replay("broken");
    assert_eq!(
        (&lines[0]["fit"], code),
        (&json!("diverged"), 1),
        "{lines:?}"
    );
    let said = lines[0]["said"].as_str().unwrap();
    assert!(
        said.contains("call 1 of order was `charge` at tests/process/versions.rs:")
            && said.contains(", is now `refund` at tests/process/versions.rs:"),
        "{said}"
    );

    // And it is so: the broken build is halted with the same words, the mended one takes the new way.
    first.kill();
    waiting_is_halted_by_the_broken_build(folder.path(), &server, said);
    let _mended = start(folder.path(), &server.url, "mended");
    server.json(&["continue", "runs"]);
    let ended = server.json(&["get", "runs", "--wait"]);
    assert_eq!(ended["value"], json!(400), "{ended}");
    let tree = asked(&server, &["tree", "runs"]).0;
    let ids: Vec<_> = tree.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"runs.changed~discount"), "{ids:?}");
}

fn waiting_is_halted_by_the_broken_build(folder: &Path, server: &Server, said: &str) {
    let mut broken = start(folder, &server.url, "broken");
    server.json(&["resolve", "runs.go"]);
    eventually("it is halted", || {
        server.json(&["get", "runs"])["task"]["state"] == "halted"
    });
    let halted = server.json(&["get", "runs"]);
    let reason = halted["task"]["halted"]["reason"].as_str().unwrap();
    assert_eq!(said, format!("would be halted: {reason}"));
    broken.kill();
}

#[test]
fn a_program_is_checked_against_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let program = program(folder.path(), "first");
    let of_order = |args: &[&str]| {
        let (lines, code) = asked(&server, args);
        let order = lines
            .into_iter()
            .find(|one| one["function"] == "versions/order@1");
        (order.unwrap_or_default(), code)
    };
    let (order, code) = of_order(&["check", text(&program)]);
    assert_eq!((&order["verdict"], code), (&json!("new"), 0));

    let _first = start(folder.path(), &server.url, "first");
    waiting(&server, "runs");
    let (order, code) = of_order(&["check", text(&program)]);
    assert_eq!(
        (&order["verdict"], &order["running"], code),
        (&json!("same"), &json!(1), 0)
    );

    // Other builds, as they would describe themselves.
    let described = std::process::Command::new(&program)
        .env("RESONATE_DESCRIBE", "1")
        .output()
        .unwrap();
    let described = String::from_utf8(described.stdout).unwrap();
    let described = described
        .lines()
        .find(|line| line.starts_with("{") && line.contains("\"functions\""));
    let described: Value = serde_json::from_str(described.unwrap()).unwrap();
    let file = folder.path().join("other.json");
    let check = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut other = described.clone();
        change(other["functions"].as_array_mut().unwrap());
        fs::write(&file, other.to_string()).unwrap();
        of_order(&["check", text(&file)])
    };
    fn order_of(functions: &mut [Value]) -> &mut Value {
        let found = functions
            .iter_mut()
            .find(|one| one["function"] == "versions/order@1");
        found.unwrap()
    }
    let (order, code) = check(&|functions| order_of(functions)["body"] = json!("0123456789abcdef"));
    assert_eq!((&order["verdict"], code), (&json!("body_changed"), 0));
    let (order, code) =
        check(&|functions| order_of(functions)["parameters"][0]["type"] = json!("u32"));
    assert_eq!(
        (&order["verdict"], &order["said"], code),
        (
            &json!("differs"),
            &json!(
                "parameter 1 was `cents: u64`, is `cents: u32`; give the changed function another version"
            ),
            1
        )
    );
    let (order, code) =
        check(&|functions| functions.retain(|one| one["function"] != "versions/order@1"));
    assert_eq!((&order["verdict"], code), (&json!("gone"), 1));
}

#[test]
fn a_program_that_gives_no_answer_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let refused = server.cli(&["check", "/bin/true"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.starts_with("error: /bin/true ended without an answer (exit status: 0); "),
        "{said}"
    );
}

#[test]
fn what_was_halted_begins_anew_or_another_one_does_from_the_call_that_is_at_fault() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut first = start(folder.path(), &server.url, "first");
    for id in ["one", "two"] {
        waiting(&server, id);
        server.json(&["resolve", &format!("{id}.go")]);
        let ended = server.json(&["get", id, "--wait"]);
        assert_eq!(ended["value"], json!(500), "{ended}");
    }
    waiting(&server, "runs");
    let tree = |id: &str| {
        let lines = asked(&server, &["tree", id]).0;
        let ids = lines
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned());
        ids.collect::<BTreeSet<_>>()
    };

    // What runs goes on behind the charge, whose result it keeps, under the same id.
    let restarted = server.json(&["restart", "runs", "--at", "go"]);
    assert_eq!(restarted["generation"], json!(2), "{restarted}");
    eventually("it waits again", || {
        tree("runs").contains("runs.~2.go")
            && server.json(&["get", "runs"])["task"]["state"] == "suspended"
    });
    assert_eq!(charges(folder.path(), "runs"), 1);
    first.kill();

    // What has ended stays so; another one begins on code that was not there then.
    let refused = server.cli(&["restart", "one"]);
    assert_eq!(refused.status.code(), Some(4));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("`one` is resolved already, and stays so; `resonate fork one`"),
        "{said}"
    );
    let _mended = start(folder.path(), &server.url, "mended");
    let forked = server.json(&["fork", "one", "--at", "one.go"]);
    assert_eq!(forked["id"], "one-fork");
    assert_eq!(forked["labels"]["forked_from"], "one");
    eventually("it waits", || {
        server.json(&["get", "one-fork"])["task"]["state"] == "suspended"
    });
    server.json(&["resolve", "one-fork.go"]);
    let ended = server.json(&["get", "one-fork", "--wait"]);
    assert_eq!(ended["value"], json!(400), "{ended}");
    assert_eq!(charges(folder.path(), "one-fork"), 0);
    // The same fork again is the same execution.
    assert_eq!(
        server.json(&["fork", "one", "--at", "go"])["value"],
        json!(400)
    );

    let refused = server.cli(&["fork", "two", "--at", "nothing", "--to", "three"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("`two.nothing`: it is no call of two as it runs now"),
        "{said}"
    );
}
