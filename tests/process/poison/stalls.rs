//! Code that does not give its thread back: for longer than the lease, or ever.

use std::time::Duration;

use resonate::prelude::*;
use serde_json::json;

use super::Fleet;
use crate::{
    effects::{effect, gate, open_gate},
    harness::{eventually, figures, pause, scale},
    worker::{self, How},
};

const ONE_THREAD: How<'_> = How {
    codec: "json",
    crash: None,
    has_one_thread: true,
    under: &[],
};
/// Several leases.
const BLOCKED: Duration = Duration::from_secs(5);
const BESIDE: usize = 4;

/// Blocks its thread under the first claim.
#[durable(service = "stalls")]
async fn blocks() -> Result<u32> {
    effect("begins");
    if resonate::execution().version() == 1 {
        pause(BLOCKED);
    }
    effect("ends");
    Ok(std::process::id())
}

/// Waits, without a word, for a thread that is blocked.
#[durable(service = "stalls", allow = "env")]
async fn waits() -> Result<u32> {
    effect("begins");
    gate("go").await;
    Ok(std::process::id())
}

/// Never gives its thread back.
#[durable(service = "loops")]
async fn loops() -> Result<()> {
    effect("begins");
    loop {
        pause(Duration::from_millis(1));
    }
}

#[test]
fn a_blocked_thread_loses_the_task_that_blocks_it_and_no_other() {
    for round in 0..scale() {
        let fleet = Fleet::start();
        let (path, url) = (fleet.path(), &fleet.server.url);
        let start = |name| worker::start_as(ONE_THREAD, path, name, url, "stalls");
        let stalled = start("stalled");
        let waiting: Vec<_> = (0..BESIDE).map(|nth| format!("waits-{nth}")).collect();
        for id in &waiting {
            fleet.call("stalls/waits", id, "[]");
        }
        let begun = |id: &str| fleet.effects("begins", id).len() == 1;
        eventually("they wait", || waiting.iter().all(|id| begun(id)));
        fleet.call("stalls/blocks", "blocks", "[]");
        eventually("it blocks", || begun("blocks"));
        let other = start("other");
        let ended = || fleet.effects("ends", "blocks");
        eventually("it has moved", || !ended().is_empty());
        let found = fleet.server.json(&["get", "blocks", "--wait"]);
        assert_eq!(found["value"], other.id(), "{found}");
        assert_eq!(found["task"]["stalls"], 1, "{found}");
        assert_eq!(ended()[0].process, other.id());
        // What it still has to say comes late, and is refused.
        eventually("it is not blocked any more", || ended().len() == 2);
        open_gate(path, "go");
        for id in &waiting {
            let found = fleet.server.json(&["get", id, "--wait"]);
            assert_eq!(found["value"], stalled.id(), "{found}");
            assert_eq!(fleet.effects("begins", id).len(), 1, "{id} has moved");
        }
        let late = fleet.server.json(&["get", "blocks"]);
        assert_eq!(late, found);
        assert!(stalled.output().contains("spawn_blocking"));
        figures(&json!({
            "kind": "poison_stall", "round": round, "blocked_ms": BLOCKED.as_millis(), "moved": 1,
            "kept_their_lease": waiting.len(), "late_results_refused": 1,
        }));
    }
}

#[test]
fn a_thread_that_never_comes_back_takes_no_other_work_with_it() {
    let mut fleet = Fleet::start();
    let black_hole = fleet.supervise(ONE_THREAD, "loops,sound");
    fleet.call("loops/loops", "loops", "[]");
    let calls = 20 * scale();
    fleet.until("other work begins beside it", |fleet| {
        !fleet.effects("begins", "loops").is_empty() && fleet.begun >= calls
    });
    let ended = fleet.expect_work();
    // Nobody else serves it, and a worker that polls nothing gets nothing: it waits for a better one.
    fleet.supervised[black_hole].kill_and_restart();
    fleet.until("it is tried again", |fleet| {
        fleet.effects("begins", "loops").len() == 2
    });
    let losses = fleet.server.json(&["get", "loops"])["task"]["losses"].clone();
    figures(&json!({ "kind": "poison_loop", "calls_beside_ended": ended, "losses": losses }));
    assert!(losses.as_u64() >= Some(1));
}
