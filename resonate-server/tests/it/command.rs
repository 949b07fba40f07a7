//! The command `resonate` as a process: what it prints and with which code it ends.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

use resonate_core::{Call, ChildKind, End, NewChild, Op, Payload, Timestamp};
use resonate_proto::{rpc::WorkerCaller, stream::Parameter};
use serde_json::Value;
use tonic::transport::Channel;

use crate::worker::{Worker, hello, id};

/// `resonate serve` or `dev` in a process of its own; killed when dropped.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_resonate"))
            .args(arguments)
            .args(["--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self {
            child,
            url: ready["url"].as_str().unwrap().to_owned(),
        }
    }

    fn run(&self, line: &str) -> (i32, String, String) {
        let arguments = line.split(' ').map(|word| word.replace('_', " "));
        let output = Command::new(env!("CARGO_BIN_EXE_resonate"))
            .args(arguments)
            .env("RESONATE_URL", &self.url)
            .output()
            .unwrap();
        text(&output)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn text(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[track_caller]
fn ends(process: &Process, line: &str, code: i32, says: &str) {
    let (found, out, err) = process.run(line);
    assert_eq!(found, code, "{line}\n{out}\n{err}");
    assert!(
        out.contains(says) || err.contains(says),
        "{line} does not say {says:?}\n{out}\n{err}"
    );
}

#[test]
fn every_command_says_how_it_went_by_its_code() {
    let dev = Process::start(&["dev"]);
    ends(
        &dev,
        "call s/f --id a --arg 1 --no-wait",
        0,
        "no worker serves s now",
    );
    ends(
        &dev,
        "call s/f --id a --arg 2 --no-wait",
        4,
        "belongs to s/f@1",
    );
    ends(&dev, "call s/f --id a.b", 2, "`.`");
    ends(&dev, "call s/f --id b --arg hello", 2, "text is written");
    ends(&dev, "call s/f --id b --json 1", 2, "no array");
    ends(&dev, "get a", 0, "ready");
    ends(&dev, "get nothing", 3, "no promise `nothing`");
    ends(
        &dev,
        "get a --wait --wait-for 50ms",
        75,
        "has not settled in 50 ms",
    );
    ends(&dev, "tree a", 0, "s/f@1");
    ends(&dev, "list --state pending --function s/", 0, "a   ready");
    ends(&dev, "list --state odd", 2, "no state");
    ends(&dev, "functions", 0, "nobody serves it");
    ends(&dev, "workers", 0, "NAME");
    ends(&dev, "info", 0, "memory");
    ends(&dev, "continue a", 4, "not halted");
    ends(&dev, "halt a --reason looks_wrong", 0, "looks wrong");
    ends(&dev, "continue a", 0, "ready");
    ends(&dev, "resolve a --json 7", 0, "resolved");
    ends(&dev, "resolve a --json 7", 0, "it was so already");
    ends(&dev, "resolve a --json 8", 4, "resolved already");
    ends(&dev, "get a --wait", 0, "resolved");
    ends(&dev, "call s/f --id a --arg 1", 0, "resolved");
    ends(&dev, "call s/f --id c --no-wait", 0, "ready");
    ends(&dev, "reject c --json {}", 0, "rejected");
    ends(&dev, "get c --wait", 1, "rejected");
    ends(&dev, "call s/f --id d --no-wait", 0, "ready");
    ends(&dev, "cancel d --reason enough", 0, "canceled");
    ends(&dev, "get d --server 127.0.0.1:1", 69, "no server answers");
    ends(&dev, "completions bash", 0, "resonate");
    ends(&dev, "frobnicate", 2, "unrecognized");
}

/// A worker by hand that serves `s/f`, with two parameters, and `s/g`.
async fn serve_by_hand(dev: &Process) -> Worker {
    let mut hello = hello(1, &["s/f", "s/g"]);
    let parameter = |name: &str, ty: &str| Parameter {
        name: name.to_owned(),
        ty: ty.to_owned(),
    };
    hello.functions[0].parameters = vec![parameter("card", "String"), parameter("cents", "u64")];
    let server = Channel::from_shared(dev.url.clone()).unwrap();
    let server = WorkerCaller::new(server.connect().await.unwrap());
    let mut worker = Worker::on(server, hello).await;
    // The welcome: from now on the server knows what is served.
    worker.hear().await.unwrap().unwrap();
    worker
}

#[tokio::test]
async fn a_call_with_too_few_or_too_many_arguments_is_refused_with_both_sides() {
    let dev = Process::start(&["dev"]);
    let _worker = serve_by_hand(&dev).await;
    let takes = "s/f@1 takes 2 arguments, (card: String, cents: u64),";
    for (line, says) in [
        ("call s/f --id a --arg 1", "and got 1: [1];"),
        ("call s/f --id a", "and got 0: [];"),
        ("call s/f --id a --json [1,2,[3]]", "and got 3: [1,2,[3]];"),
        ("call s/g --id a --arg 1", "s/g@1 takes 0 arguments"),
    ] {
        ends(&dev, line, 2, says);
        if line.starts_with("call s/f") {
            ends(&dev, line, 2, takes);
        }
    }
    ends(&dev, "get a", 3, "no promise");
    ends(&dev, "call s/f --id a --json [1,2] --no-wait", 0, "[1,2]");
}

/// The commands block a thread; the worker's stream needs another.
#[tokio::test(flavor = "multi_thread")]
async fn what_holds_a_waiting_promise_up_is_said_with_what_to_do() {
    let dev = Process::start(&["dev"]);
    let mut worker = serve_by_hand(&dev).await;
    ends(&dev, "call s/f --id a --json [1,2] --no-wait", 0, "a  ");
    let top = worker.dispatch().await;
    let call = |at, id: &str, address: &str| Op::Create(child(at, id, address));
    let ops = vec![call(1, "a.g", "s/g"), call(2, "a.h", "other/h")];
    worker
        .turn(&top, 1, ops, End::Suspend { tied: false })
        .await;
    let below = worker.dispatch().await;
    assert_eq!(below.record.promise.id, id("a.g"));
    let ops = vec![call(1, "a.g.h", "other/h")];
    worker
        .turn(&below, 1, ops, End::Suspend { tied: false })
        .await;
    let unserved = |id: &str| {
        format!(
            "held up   {id} waits for other/h@1, which no worker serves; start one, or `resonate cancel {id}`"
        )
    };
    let is_said = || dev.run("get a").1.contains(&unserved("a.g.h"));
    assert!((0..100).any(|_| is_said()), "{:?}", dev.run("get a"));
    ends(&dev, "get a", 0, &unserved("a.h"));
    assert!(
        !dev.run("get a.g").1.contains(&unserved("a.h")),
        "it is not below"
    );
    ends(&dev, "get a.g", 0, &unserved("a.g.h"));
    ends(&dev, "halt a.g --reason odd", 0, "halted");
    ends(
        &dev,
        "get a",
        0,
        "held up   a.g is halted, operator: odd; `resonate continue a.g` lets it go on",
    );
    let (_, out, _) = dev.run("get a --json");
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["held_up"][0]["do"], "resonate continue a.g");
    assert_eq!(found["held_up"].as_array().unwrap().len(), 3);
    ends(&dev, "cancel a", 0, "canceled");
    assert!(!dev.run("get a").1.contains("held up"));
}

fn child(position: u32, id: &str, address: &str) -> NewChild {
    let call = Call {
        address: address.parse().unwrap(),
        signature: 1,
        param: Payload::json("[]"),
        retry: None,
        priority: None,
        start_at: Timestamp::ZERO,
        access: None,
    };
    NewChild {
        id: self::id(id),
        position,
        location: "here".into(),
        called_at: Timestamp::ZERO,
        kind: ChildKind::Call(Arc::new(call)),
        timeout_at: Timestamp::NEVER,
        shielded: false,
        compensation: None,
        labels: BTreeMap::new(),
    }
}

#[test]
fn every_result_can_be_had_as_json() {
    let dev = Process::start(&["dev"]);
    let json = |line: &str| {
        let (_, out, err) = dev.run(line);
        let first = out
            .lines()
            .next()
            .unwrap_or_else(|| panic!("{line}: {err}"));
        serde_json::from_str::<Value>(first).unwrap()
    };
    let called = json(r#"call s/f --id a --json [1,{"b":2}] --json --no-wait"#);
    assert_eq!(called["arguments"], serde_json::json!([1, { "b": 2 }]));
    assert_eq!(json("get a --json")["state"], "pending");
    assert_eq!(json("list --json")["id"], "a");
    assert_eq!(json("tree a --json")["function"], "s/f@1");
    assert_eq!(json("functions --json")["ready"], 1);
    assert_eq!(json("info --json")["store"], "memory");
    assert_eq!(json("resolve a --json 5 --json")["value"], 5);
    assert_eq!(json("get a -o json")["value"], 5);
    let (code, _, err) = dev.run("get none --json");
    let error: Value = serde_json::from_str(&err).unwrap();
    assert_eq!((code, &error["code"]), (3, &serde_json::json!(3)));
}

#[cfg(unix)]
#[test]
fn a_server_that_is_asked_to_stop_ends_with_zero_and_its_data_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let mut serve = Process::start(&["serve", "--data-dir", folder]);
    ends(&serve, "call s/f --id a --no-wait", 0, "ready");
    let second = Command::new(env!("CARGO_BIN_EXE_resonate"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir", folder])
        .output()
        .unwrap();
    let (code, _, err) = text(&second);
    assert_eq!(code, 70);
    assert!(err.contains("in use by another server"), "{err}");
    let kill = Command::new("kill")
        .args(["-TERM", &serve.child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    assert_eq!(serve.child.wait().unwrap().code(), Some(0));
    let again = Process::start(&["serve", "--data-dir", folder]);
    ends(&again, "get a", 0, "ready");
}
