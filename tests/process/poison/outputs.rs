//! Code whose results cannot be kept, and code that no longer fits its history.

use resonate::{prelude::*, state};
use serde_json::json;

use super::Fleet;
use crate::{
    effects::{Effects, open_gate},
    harness::{figures, scale},
    worker::How,
};

const HUGE: usize = 100 << 20;
/// Of what is passed on; a debug build takes seconds to write a hundred.
const LARGE: usize = 10 << 20;
const SERVER_MEMORY_KIB: u64 = 128 << 10;

#[durable(service = "huge")]
async fn returns(bytes: usize) -> Result<String> {
    Ok("x".repeat(bytes))
}

/// As an argument, and as the result of a step.
#[durable(service = "huge")]
async fn passes_on(bytes: usize) -> Result<Vec<String>> {
    let huge = "x".repeat(bytes);
    let argument = takes(&huge).await.map_err(|error| format!("{error:#}"));
    let result = step(|| {
        let huge = huge.clone();
        async move { Ok::<_, Error>(huge) }
    });
    let result = result.await.map_err(|error| format!("{error:#}"));
    let told = [argument.err(), result.err()].into_iter().flatten();
    Ok(told.collect())
}

#[durable(service = "huge")]
async fn takes(text: &str) -> Result<String> {
    Ok(text.len().to_string())
}

#[test]
fn a_hundred_megabytes_are_refused_by_name_and_the_worker_lives() {
    // A debug build takes seconds to write so much, and a thread that is busy for a lease loses it.
    let mut fleet = Fleet::with_lease("60s");
    fleet.supervise(How::default(), "huge,sound");
    for nth in 0..scale() {
        let (result, others) = (format!("result-{nth}"), format!("others-{nth}"));
        fleet.call("huge/returns", &result, &format!("[{HUGE}]"));
        fleet.call("huge/passes_on", &others, &format!("[{LARGE}]"));
        fleet.until("both have ended", |fleet| {
            let is_over = |id: &str| fleet.server.json(&["get", id])["state"] != "pending";
            is_over(&result) && is_over(&others)
        });
        let found = fleet.server.json(&["get", &result]);
        assert_eq!(found["failure"]["kind"], "too_large", "{found}");
        fleet.expect_shown(&result, "the result of huge/returns@1: a payload has more");
        let told = fleet.server.json(&["get", &others])["value"].to_string();
        let names = |name: &str| told.contains(&format!("{others}.{name}"));
        assert!(names("takes") && names("step"), "{told}");
        assert!(
            told.contains("with `text`"),
            "the argument has no name: {told}"
        );
    }
    assert_eq!(fleet.restarts, 0);
    let (_, most) = fleet.server.process.memory_kib();
    assert!(most < SERVER_MEMORY_KIB, "the server had {most} KiB");
    figures(&json!({
        "kind": "poison_huge", "payloads_refused": 3 * scale(), "server_most_kib": most,
        "calls_beside_ended": fleet.expect_work(),
    }));
}

/// A switch that a new build would be.
#[durable(service = "diverges")]
async fn diverges() -> Result<u64> {
    let first = step(|| async { Ok::<_, Error>(1) }).label("first").await?;
    let second = if state::<Effects>().is_open("new-build") {
        refund().remote().await?
    } else {
        charge().remote().await?
    };
    Ok(first + second + promise::<u64>("go").await?)
}

#[durable(service = "diverges")]
async fn charge() -> Result<u64> {
    Ok(10)
}

#[durable(service = "diverges")]
async fn refund() -> Result<u64> {
    Ok(20)
}

#[test]
fn code_that_does_not_fit_its_history_is_halted_with_both_sides_and_goes_on_when_it_fits() {
    let mut fleet = Fleet::start();
    let worker = fleet.supervise(How::default(), "diverges,sound");
    let ids: Vec<_> = (0..scale()).map(|nth| format!("history-{nth}")).collect();
    for id in &ids {
        fleet.call("diverges/diverges", id, "[]");
    }
    fleet.until("they wait", |fleet| {
        let is_there = |id: &String| {
            fleet
                .server
                .cli(&["get", &format!("{id}.go")])
                .status
                .success()
        };
        ids.iter().all(is_there)
    });
    open_gate(fleet.path(), "new-build");
    fleet.supervised[worker].kill_and_restart();
    for id in &ids {
        let given = fleet
            .server
            .cli(&["resolve", &format!("{id}.go"), "--json", "100"]);
        assert!(given.status.success(), "{given:?}");
    }
    fleet.until_halted(&ids);
    for id in &ids {
        let found = fleet.server.json(&["get", id]);
        assert_eq!(
            found["task"]["halted"]["cause"], "non_deterministic",
            "{found}"
        );
        fleet.expect_shown(id, "was `charge` at ");
        fleet.expect_shown(id, ", is now `refund` at ");
    }
    std::fs::remove_file(fleet.path().join("new-build")).unwrap();
    for id in &ids {
        fleet.expect_mended(id);
        assert_eq!(fleet.server.json(&["get", id])["value"], 111);
    }
    figures(&json!({
        "kind": "poison_divergence", "tasks": ids.len(), "halted": ids.len(),
        "calls_beside_ended": fleet.expect_work(),
    }));
}
