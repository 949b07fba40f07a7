//! Panics: a failure of the attempt, in the same process, which lives on.

use std::time::Duration;

use resonate::{prelude::*, state};
use serde_json::json;

use super::Fleet;
use crate::{
    effects::{Effects, effect, open_gate},
    harness::{figures, scale},
    worker::How,
};

const MENDED: &str = "mended";

/// In its own code, in a destructor, in a tokio task of its own, with something that is no text.
#[durable(service = "panics", retry = Retry::fixed(Duration::from_millis(5)), allow = "spawn")]
async fn panics(kind: &str) -> Result<()> {
    effect("begins");
    if state::<Effects>().is_open(MENDED) {
        return Ok(());
    }
    match kind {
        "text" => panic!("the till is jammed"),
        "value" => std::panic::panic_any(42),
        "destructor" => drop(Jammed),
        "task" => tokio::spawn(async { panic!("the till is jammed") })
            .await
            .unwrap(),
        _ => {
            // While something else of it is under way.
            let other = step(std::future::pending::<Result<u64>>);
            let mut other = std::pin::pin!(other.into_future());
            let _pending = futures::poll!(other.as_mut());
            panic!("the till is jammed")
        }
    }
    Ok(())
}

struct Jammed;

impl Drop for Jammed {
    fn drop(&mut self) {
        panic!("the till is jammed")
    }
}

const KINDS: [(&str, &str); 5] = [
    ("text", "the till is jammed"),
    ("value", ""),
    ("destructor", "the till is jammed"),
    ("task", "the till is jammed"),
    ("step", "the till is jammed"),
];

#[test]
fn code_that_panics_is_halted_after_ten_tries_in_a_process_that_lives() {
    let mut fleet = Fleet::start();
    fleet.supervise(How::default(), "panics,sound");
    let mut ids = Vec::new();
    for nth in 0..scale() {
        for (kind, _) in KINDS {
            let id = format!("{kind}-{nth}");
            fleet.call("panics/panics", &id, &format!("[{kind:?}]"));
            ids.push(id);
        }
    }
    fleet.until_halted(&ids);
    for (id, (_, text)) in ids.iter().zip(KINDS.iter().cycle()) {
        let why = "it panicked or lost its worker 10 times in a row";
        let found = fleet.expect_explained(id, why);
        let reason = found["task"]["halted"]["reason"].as_str().unwrap();
        assert!(reason.contains(text), "{reason}");
        // A slow machine may take an attempt back that has just begun, which counts as none.
        let begun = fleet.effects("begins", id).len();
        assert!(
            found["task"]["losses"] == 10 && 10 <= begun,
            "{begun} {found}"
        );
    }
    assert_eq!(fleet.restarts, 0, "a panic has ended its process");
    open_gate(fleet.path(), MENDED);
    for id in &ids {
        fleet.expect_mended(id);
    }
    figures(&json!({
        "kind": "poison_panics", "kinds": KINDS.len(), "tasks": ids.len(), "halted": ids.len(),
        "panics": 10 * ids.len(), "worker_crashes": 0, "calls_beside_ended": fleet.expect_work(),
    }));
}
