//! A server in a memory cgroup: wide and deep trees, and callers that hurry, do not kill it.

use serde_json::json;
use tokio::runtime::Runtime;

use crate::{
    cgroup::Cgroup,
    harness::{Server, figures, scale, skipped},
    light, worker,
};

const SERVER_BYTES: usize = 256 << 20;
const WIDTH: usize = 5_000;
const DEPTH: usize = 500;
/// Calls of a service that nobody serves, with arguments of a size.
const WAITING: usize = 1_500;
const BYTES: usize = 8 << 10;

/// As `depth_and_width` has them, whose functions are linked into the same worker.
const SERVICES: &str = "deep,wide,leaf";

#[test]
fn a_server_with_256_mib_survives_width_depth_and_callers_that_hurry() {
    let group = match Cgroup::limited(SERVER_BYTES) {
        Ok(group) => group,
        Err(why) => return skipped("memory", &why),
    };
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_under(&group.under(), "127.0.0.1", folder.path(), &[]);
    let _workers = ["one", "other"]
        .map(|name| worker::start(folder.path(), name, &server.url, SERVICES, None));
    let (width, depth, waiting) = (WIDTH * scale(), DEPTH * scale().min(20), WAITING * scale());
    begin(&server, "wide/spread", "wide", &format!("[{width}]"));
    begin(&server, "deep/descend", "deep", &format!("[{depth}, true]"));
    Runtime::new().unwrap().block_on(async {
        let client = light::client(&server.url).await;
        light::call(&client, "nobody", "waiting", waiting, &"x".repeat(BYTES)).await;
    });
    let wide = server.json(&["get", "wide", "--wait"]);
    assert_eq!(wide["value"], width * (width - 1) / 2, "{}", wide["state"]);
    let deep = server.json(&["get", "deep", "--wait"]);
    assert_eq!(deep["value"], depth, "{deep}");
    let (_, most) = server.process.memory_kib();
    figures(&json!({
        "kind": "memory", "limit_kib": SERVER_BYTES >> 10, "width": width, "depth": depth, "waiting": waiting,
        "argument_bytes": BYTES, "server_most_kib": most, "group_most_kib": group.most_bytes() >> 10,
        "killed": group.killed(),
    }));
    assert!(server.process.is_running() && group.killed() == 0);
}

fn begin(server: &Server, function: &str, id: &str, args: &str) {
    let begun = server.cli(&["call", function, "--id", id, "--json", args, "--no-wait"]);
    assert!(begun.status.success(), "{begun:?}");
}
