//! Servers and workers are killed around firings: each fire time has its effect once, and a downtime is caught up.

use std::{collections::BTreeMap, time::Duration};

use resonate::prelude::*;

use crate::{
    effects::{self, effect},
    harness::{Server, eventually, pause},
    worker,
};

#[durable(service = "firings")]
async fn beat() -> Result<u32> {
    step(|| async {
        effect("beat");
        Ok::<_, Error>(1)
    })
    .label("beat")
    .await
}

/// How often each firing has begun.
fn beats(folder: &std::path::Path) -> BTreeMap<String, usize> {
    let mut beats = BTreeMap::new();
    for effect in effects::read(folder) {
        *beats.entry(effect.promise).or_default() += 1;
    }
    beats
}

#[test]
fn every_second_fires_once_though_server_and_worker_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--lease", "2s"]);
    let mut worker = worker::start(folder.path(), "firings", &server.url, "firings", None);
    let created = server.json(&[
        "schedule",
        "create",
        "pulse",
        "--cron",
        "* * * * * *",
        "firings/beat",
        "--overlap",
        "allow",
    ]);
    assert_eq!(created["state"], "active", "{created}");
    for kill in 1..=6 {
        eventually("more has fired", || 2 * kill <= beats(folder.path()).len());
        if kill % 2 == 0 {
            worker.kill_and_restart();
        } else {
            server.process.kill();
            pause(Duration::from_millis(1_500));
            server.process.start_again();
            server.is_ready();
        }
    }
    let paused = server.json(&["schedule", "pause", "pulse"]);
    assert_eq!(paused["next"], serde_json::json!([]), "{paused}");
    eventually("all firings have ended", || {
        let shown = server.json(&["schedule", "get", "pulse", "--limit", "1000"]);
        let firings = shown["firings"].as_array().unwrap();
        firings.iter().all(|firing| firing["state"] == "resolved")
    });
    let shown = server.json(&["schedule", "get", "pulse", "--limit", "1000"]);
    let firings = shown["firings"].as_array().unwrap();
    assert_eq!(shown["missed"], 0, "{shown}");
    assert_eq!(shown["fired"], firings.len(), "{shown}");
    // Every second from the first to the last, those of the downtimes too.
    let times: Vec<_> = firings
        .iter()
        .rev()
        .map(|firing| firing["id"].to_string())
        .collect();
    let again: std::collections::BTreeSet<_> = times.iter().cloned().collect();
    assert_eq!(times.len(), again.len());
    let first = &firings.last().unwrap()["fire_time"];
    let last = &firings[0]["fire_time"];
    let seconds = |time: &serde_json::Value| {
        let text = time.as_str().unwrap();
        let clock: Vec<u64> = text[11..19]
            .split(':')
            .map(|part| part.parse().unwrap())
            .collect();
        clock[0] * 3_600 + clock[1] * 60 + clock[2]
    };
    let spanned = (seconds(last) + 86_400 - seconds(first)) % 86_400 + 1;
    assert_eq!(spanned, times.len() as u64, "{shown}");
    // A step that was cut off runs again under the same promise; no firing is two promises.
    assert!(
        beats(folder.path()).len() >= times.len(),
        "{:?}",
        beats(folder.path())
    );
}

#[test]
fn after_a_downtime_the_window_decides_what_is_caught_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let create = |server: &Server, id: &str, overlap: &str| {
        server.json(&[
            "schedule",
            "create",
            id,
            "--cron",
            "* * * * * *",
            "firings/beat",
            "--overlap",
            overlap,
            "--catch-up",
            "10s",
        ])
    };
    create(&server, "allowed", "allow");
    create(&server, "skipped", "skip");
    server.process.kill();
    pause(Duration::from_secs(14));
    server.process.start_again();
    server.is_ready();
    let allowed = server.json(&["schedule", "get", "allowed"]);
    let late = &allowed["latest_missed"][0];
    assert_eq!(late["why"], "late", "{allowed}");
    assert!(
        (2..=6).contains(&late["count"].as_u64().unwrap()),
        "{allowed}"
    );
    assert!(allowed["fired"].as_u64().unwrap() >= 10, "{allowed}");
    // Nobody serves the function, so the first that fired is under way and all others are missed.
    let skipped = server.json(&["schedule", "get", "skipped"]);
    assert_eq!(skipped["fired"], 1, "{skipped}");
}

#[test]
fn the_command_line_does_all_that_a_schedule_can() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let _worker = worker::start(folder.path(), "firings", &server.url, "firings", None);
    let refused = |args: &[&str], what: &str| {
        let output = server.cli(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(what),
            "{args:?}: {said}"
        );
    };
    refused(
        &[
            "schedule",
            "create",
            "n",
            "--cron",
            "0 3 * *",
            "firings/beat",
        ],
        "has 4 fields",
    );
    refused(
        &[
            "schedule",
            "create",
            "n",
            "--cron",
            "0 3 * * *",
            "firings/beat",
            "--timezone",
            "Mars",
        ],
        "no time zone `Mars`",
    );
    refused(&["schedule", "trigger", "n"], "no promise `n`");
    let create = [
        "schedule",
        "create",
        "n",
        "--cron",
        "0 3 * * *",
        "firings/beat",
        "--timezone",
        "Europe/Berlin",
    ];
    assert_eq!(server.json(&create)["next"].as_array().unwrap().len(), 1);
    assert_eq!(server.json(&["schedule", "list"])["id"], "n");
    assert_eq!(
        server.json(&["schedule", "pause", "n", "--reason", "holidays"])["reason"],
        "holidays"
    );
    let firing = server.json(&["schedule", "trigger", "n"])["firing"].clone();
    let firing = firing.as_str().unwrap();
    assert_eq!(server.json(&["get", firing, "--wait"])["value"], 1);
    let resumed = server.json(&["schedule", "resume", "n"]);
    assert_eq!(resumed["state"], "active", "{resumed}");
    let args = [
        "schedule",
        "backfill",
        "n",
        "--from",
        "2026-03-28T00:00:00Z",
        "--to",
        "2026-03-31T00:00:00Z",
    ];
    let backfilled = server.json(&args);
    assert_eq!(
        backfilled["waiting"].as_array().unwrap().len(),
        2,
        "{backfilled}"
    );
    eventually("all of it has fired", || {
        let shown = server.json(&["schedule", "get", "n"]);
        let firings = shown["firings"].as_array().unwrap();
        firings.len() == 4 && firings.iter().all(|firing| firing["state"] == "resolved")
    });
    // 3 o'clock is 02:00 in winter time and 01:00 in summer time.
    for id in [
        "n/20260328T020000Z",
        "n/20260329T010000Z",
        "n/20260330T010000Z",
    ] {
        assert_eq!(server.json(&["get", id])["value"], 1);
    }
    let text = server.cli(&["schedule", "get", "n"]);
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(
        text.contains("2026-03-29 03:00:00+02:00") && text.contains("0 3 * * * in Europe/Berlin"),
        "{text}"
    );
    server.json(&["schedule", "delete", "n"]);
    let listed = server.cli(&["schedule", "list", "--json"]);
    assert!(listed.stdout.is_empty(), "{listed:?}");
    refused(&["schedule", "resume", "n"], "was deleted");
}
