//! Deep recursion and wide fan-out end, and the server needs little memory for them.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use resonate::prelude::*;
use serde_json::Value;

use crate::{
    effects::{self, effect},
    harness::Server,
    worker,
};

const DEPTH: u64 = 1_000;
const WIDTH: u64 = 10_000;
const SERVER_MEMORY_KIB: u64 = 256 << 10;

/// Each call in the process of its caller, or each through the server.
#[durable(service = "deep")]
async fn descend(depth: u64, is_remote: bool) -> Result<u64> {
    let Some(below) = depth.checked_sub(1) else {
        return Ok(0);
    };
    let call = descend(below, is_remote);
    let call = if is_remote { call.remote() } else { call };
    Ok(call.await? + 1)
}

#[durable(service = "wide")]
async fn spread(width: u64) -> Result<u64> {
    let leaves = try_join_all((0..width).map(leaf)).await?;
    Ok(leaves.into_iter().sum())
}

#[durable(service = "leaf")]
async fn leaf(number: u64) -> Result<u64> {
    effect(number);
    Ok(number)
}

/// Calls it, and gives its result.
fn call(server: &Server, function: &str, id: &str, args: &str) -> Value {
    let begun = server.cli(&["call", function, "--id", id, "--json", args, "--no-wait"]);
    assert!(begun.status.success(), "{begun:?}");
    server.json(&["get", id, "--wait"])["value"].clone()
}

#[track_caller]
fn check_memory(server: &Server) {
    let (now, most) = server.process.memory_kib();
    println!(
        "the server has {} MiB, and had {} MiB at most",
        now >> 10,
        most >> 10
    );
    assert!(0 < most && most < SERVER_MEMORY_KIB, "it had {most} KiB");
}

#[test]
fn recursion_to_a_depth_of_a_thousand_ends() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let worker = |name| worker::start(folder.path(), name, &server.url, "deep", None);
    let _workers = [worker("one"), worker("other")];
    for is_remote in [false, true] {
        let (id, args) = (
            format!("remote-{is_remote}"),
            format!("[{DEPTH}, {is_remote}]"),
        );
        assert_eq!(call(&server, "deep/descend", &id, &args), DEPTH);
    }
    check_memory(&server);
}

#[test]
fn ten_thousand_calls_of_another_process_end_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let worker = |name| worker::start(folder.path(), name, &server.url, name, None);
    let _workers = [worker("wide"), worker("leaf")];
    let sum = call(&server, "wide/spread", "all", &format!("[{WIDTH}]"));
    assert_eq!(sum, WIDTH * (WIDTH - 1) / 2);
    let effects = effects::read(folder.path());
    let ran: BTreeSet<_> = effects.iter().map(|effect| &effect.promise).collect();
    assert_eq!((ran.len(), effects.len()), (10_000, 10_000));
    check_memory(&server);
}
