//! A server in a memory cgroup: a wide tree, a deep one, very many timers, and very many tasks that nobody serves do not
//! kill it.
//!
//! `RESONATE_SCALE=20` has the sizes that are promised, within 512 MiB.

use std::{collections::BTreeSet, time::Duration};

use resonate_server::clock::Clock;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::spawn_blocking};

use crate::{
    cgroup::Cgroup,
    harness::{Server, cli, eventually, figures, scale, skipped},
    light::{self, Light},
    worker,
};

/// At full size, and below.
const FULL: usize = 20;
const SERVER_BYTES: [usize; 2] = [512 << 20, 256 << 20];
const WIDTH: usize = 5_000;
const DEPTH: usize = 500;
const TIMERS: usize = 50_000;
/// So many are created before the first is due.
const TIMERS_A_SECOND: u64 = 5_000;
/// Calls of a service that nobody serves, with arguments of a size.
const WAITING: usize = 5_000;
const BYTES: usize = 1 << 10;
/// Of those, what a worker takes that comes at last.
const TAKEN: usize = 1_000;

/// As `depth_and_width` has them, whose functions are linked into the same worker.
const SERVICES: &str = "deep,wide,leaf";

/// A server that is killed if it takes more memory than it may.
struct Confined {
    server: Server,
    folder: TempDir,
    // Removed after its process has ended.
    group: Cgroup,
    bytes: usize,
    /// The most that it took before it was restarted.
    most_kib: u64,
}

impl Confined {
    /// Nothing where the machine has no such groups.
    fn start(kind: &str) -> Option<Self> {
        let bytes = SERVER_BYTES[usize::from(scale() < FULL)];
        let group = match Cgroup::limited(bytes) {
            Ok(group) => group,
            Err(why) => {
                skipped(kind, &why);
                return None;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start_under(&group.under(), "127.0.0.1", folder.path(), &[]);
        Some(Self {
            server,
            folder,
            group,
            bytes,
            most_kib: 0,
        })
    }

    fn begin(&self, function: &str, id: &str, args: &str) {
        let call = ["call", function, "--id", id, "--json", args, "--no-wait"];
        let begun = self.server.cli(&call);
        assert!(begun.status.success(), "{begun:?}");
    }

    /// Calls it, with two workers that serve it; gives its result.
    fn run(&self, function: &str, args: &str) -> Value {
        let (folder, url) = (self.folder.path(), &self.server.url);
        let _workers =
            ["one", "other"].map(|name| worker::start(folder, name, url, SERVICES, None));
        self.begin(function, "call", args);
        let record = self.server.json(&["get", "call", "--wait"]);
        assert_eq!(record["state"], "resolved", "{record}");
        record["value"].clone()
    }

    fn restart(&mut self) {
        (_, self.most_kib) = self.server.process.memory_kib();
        self.server.process.kill_and_restart();
        self.server.is_ready();
    }

    /// It has lived, and how much it took.
    fn has_lived(mut self, kind: &str, size: usize) {
        let (now, most) = self.server.process.memory_kib();
        let most = most.max(self.most_kib);
        figures(&json!({
            "kind": kind, "size": size, "limit_kib": self.bytes >> 10, "server_kib": now, "server_most_kib": most,
            "group_most_kib": self.group.most_bytes() >> 10, "killed": self.group.killed(),
        }));
        assert!(self.server.process.is_running() && self.group.killed() == 0);
    }
}

#[test]
fn a_small_server_survives_a_wide_tree() {
    let Some(confined) = Confined::start("memory_wide") else {
        return;
    };
    let width = WIDTH * scale();
    let sum = confined.run("wide/spread", &format!("[{width}]"));
    assert_eq!(sum, width * (width - 1) / 2);
    confined.has_lived("memory_wide", width);
}

#[test]
fn a_small_server_survives_a_deep_tree() {
    let Some(confined) = Confined::start("memory_deep") else {
        return;
    };
    let depth = DEPTH * scale().min(FULL);
    let reached = confined.run("deep/descend", &format!("[{depth}, true]"));
    assert_eq!(reached, depth);
    confined.has_lived("memory_deep", depth);
}

#[test]
fn a_small_server_survives_very_many_timers_at_once_and_answers_others_meanwhile() {
    let Some(confined) = Confined::start("memory_timers") else {
        return;
    };
    let count = TIMERS * scale();
    let url = confined.server.url.clone();
    let creating = Duration::from_secs(2 + count as u64 / TIMERS_A_SECOND);
    let due = Clock::start().now().wall.after(creating);
    let (server, mut asked) = (&confined.server, 0);
    Runtime::new().unwrap().block_on(async {
        let client = light::client(&url).await;
        light::timers(&client, "timer", count, due).await;
        // What is due first is settled first: it comes after all others.
        light::timers(&client, "last", 1, due.after(Duration::from_millis(1))).await;
        let last = spawn_blocking(move || cli(&url, &["get", "last-0", "--wait"]));
        while !last.is_finished() {
            light::call(&client, "nobody", &format!("meanwhile-{asked}"), 1, "").await;
            asked += 1;
        }
    });
    assert!(asked > 0);
    let timers = (0..count).step_by(count / 20);
    let timers = timers.map(|nth| format!("timer-{nth}"));
    for id in timers.chain(["last-0".to_owned()]) {
        let timer = server.json(&["get", &id]);
        assert_eq!(timer["state"], "timedout", "{timer}");
    }
    confined.has_lived("memory_timers", count);
}

#[test]
fn a_small_server_survives_very_many_tasks_that_nobody_serves() {
    let Some(mut confined) = Confined::start("memory_waiting") else {
        return;
    };
    let (count, argument) = (WAITING * scale(), "x".repeat(BYTES));
    let url = confined.server.url.clone();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let client = light::client(&url).await;
        light::call(&client, "nobody", "waiting", count, &argument).await;
    });
    assert_eq!(confined.server.json(&["functions"])["ready"], count);
    confined.restart();
    eventually("all tasks are in line again", || {
        confined.server.json(&["functions"])["ready"] == count
    });
    runtime.block_on(async {
        let hello = light::hello(1, "nobody", TAKEN as u64);
        let mut worker = Light::connect(&url, &hello).await;
        let mut taken = BTreeSet::new();
        while taken.len() < TAKEN {
            let record = worker.dispatch().await.unwrap().record;
            let param = &record.promise.call().unwrap().param;
            assert_eq!(param.bytes(), BYTES + 4, "{}", record.promise.id);
            assert!(taken.insert(record.promise.id.clone()));
        }
    });
    let left = count - TAKEN;
    assert_eq!(confined.server.json(&["functions"])["ready"], left);
    confined.has_lived("memory_waiting", count);
}
