//! Code that takes its process down: each time a new worker tries, and after ten that is enough.

use std::collections::BTreeSet;

use resonate::{prelude::*, state};
use serde_json::json;

use super::{Fleet, quick_ids};
use crate::{
    cgroup::Cgroup,
    effects::{Effects, effect, open_gate},
    harness::{figures, scale},
    worker::How,
};

const MENDED: &str = "mended";
const TRIES: usize = 10;
/// Address space of a worker, in KiB: what it starts with, and some.
const ADDRESSES: &str = "ulimit -v 700000; exec \"$@\"";
const WORKER_BYTES: usize = 128 << 20;

fn is_mended() -> bool {
    effect("begins");
    state::<Effects>().is_open(MENDED)
}

#[durable(service = "aborts")]
async fn aborts() -> Result<()> {
    if is_mended() {
        return Ok(());
    }
    std::process::abort()
}

#[durable(service = "overflows")]
async fn overflows() -> Result<u64> {
    if is_mended() {
        return Ok(0);
    }
    Ok(descend(u64::from(std::process::id())))
}

/// A page of stack per call, and no end.
fn descend(depth: u64) -> u64 {
    let page = std::hint::black_box([depth; 512]);
    if depth == 0 {
        return 0;
    }
    descend(std::hint::black_box(depth + 1)) + page[depth as usize % 512]
}

#[durable(service = "eats")]
async fn eats() -> Result<()> {
    if is_mended() {
        return Ok(());
    }
    let mut eaten = Vec::new();
    loop {
        // Not touched: the limit is on addresses.
        eaten.push(std::hint::black_box(vec![0_u8; 16 << 20]));
    }
}

/// The same under a limit of the kernel, which kills without a word.
#[durable(service = "killed")]
async fn killed() -> Result<()> {
    if is_mended() {
        return Ok(());
    }
    let mut eaten = Vec::new();
    loop {
        eaten.push(std::hint::black_box(vec![1_u8; 4 << 20]));
    }
}

#[test]
fn code_that_takes_its_worker_down_is_halted_after_ten_tries_while_other_work_goes_on() {
    // Dropped last: a group goes when nobody is in it.
    let group = Cgroup::limited(WORKER_BYTES);
    let group = group.map_err(|why| println!("no kill by the kernel: {why}"));
    let mut fleet = Fleet::start();
    let addresses = ["sh", "-c", ADDRESSES, "sh"];
    let under = |under| How {
        under,
        ..How::default()
    };
    fleet.supervise(How::default(), "aborts,sound");
    fleet.supervise(How::default(), "overflows,sound");
    fleet.supervise(under(&addresses), "eats,sound");
    let mut kinds = vec!["aborts", "overflows", "eats"];
    if let Ok(group) = &group {
        fleet.supervise(under(&group.under()), "killed,sound");
        kinds.push("killed");
    }
    let mut ids = Vec::new();
    for kind in &kinds {
        for id in quick_ids(kind, scale()) {
            fleet.call(&format!("{kind}/{kind}"), &id, "[]");
            ids.push(id);
        }
    }
    fleet.until_halted(&ids);
    for id in &ids {
        let found = fleet.expect_explained(id, "10 workers in a row were lost while they ran it");
        assert_eq!(found["task"]["losses"], TRIES);
    }
    let mut crashes = 0;
    for id in &ids {
        let begun = fleet.effects("begins", id);
        let processes: BTreeSet<_> = begun.iter().map(|effect| effect.process).collect();
        crashes += processes.len();
        // On a slow machine a thread may be blocked for a lease before it dies, and a process die before it has begun
        // what it was given: each is a loss, too.
        assert!(TRIES / 2 <= processes.len(), "{id} {begun:?}");
    }
    open_gate(fleet.path(), MENDED);
    for id in &ids {
        fleet.expect_mended(id);
    }
    let beside = fleet.expect_work();
    let oom = group.as_ref().map_or(0, Cgroup::killed);
    figures(&json!({
        "kind": "poison_crashes", "kinds": kinds.len(), "tasks": ids.len(), "halted": ids.len(),
        "worker_crashes": crashes, "killed_by_the_kernel": oom, "calls_beside_ended": beside,
    }));
    assert!(group.is_err() || oom >= TRIES as u64 / 2, "only {oom}");
}
