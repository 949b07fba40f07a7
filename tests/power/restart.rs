//! How long a server takes to serve again after a kill, whatever the size of its store. Measured, not asserted: machines
//! are shared.

use std::{collections::VecDeque, env, fs};

use resonate_core::{
    Create, NewPromise, PromiseId, Request, Timestamp,
    limits::{LEASE, PARTS},
};
use resonate_server::{
    clock::Clock,
    engine::{Engine, Input, Settings},
    store::SqliteStore,
};
use serde_json::json;
use tokio::{runtime::Runtime, sync::oneshot, time::Instant};

use crate::{client::Client, site::Site};

const KILLS: usize = 5;

/// Promises in the store before the kill, unless `RESONATE_POWER_ROWS` says another number.
const ROWS: usize = 5_000;

fn fill(site: &Site, rows: usize) {
    let store = SqliteStore::open(&site.data(), PARTS).unwrap();
    let clock = Clock::start();
    let mut engine =
        Engine::start(Box::new(store), Settings::with_lease(LEASE), clock.now()).unwrap();
    let mut inputs: VecDeque<_> = (0..rows).map(create).collect();
    while !inputs.is_empty() {
        engine.round(clock.now(), &mut inputs).unwrap();
        engine.upkeep().unwrap();
    }
    engine.close().unwrap();
}

fn create(n: usize) -> Input {
    let promise = NewPromise {
        id: PromiseId::new(format!("row-{n}")).unwrap(),
        call: None,
        timeout_at: Timestamp::NEVER,
        labels: [("nth".to_owned(), n.to_string())].into(),
        tags: [("filling".to_owned(), "x".repeat(300))].into(),
    };
    let (answer, _nobody_waits) = oneshot::channel();
    Input::Ask {
        request: Request::Create(Create {
            promise,
            any: false,
        }),
        answer,
    }
}

#[test]
fn a_killed_server_serves_again() {
    let rows = env::var("RESONATE_POWER_ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(ROWS);
    let mut site = Site::new();
    fill(&site, rows);
    let runtime = Runtime::new().unwrap();
    let (mut took, mut log, mut file) = (Vec::new(), 0, 0);
    for kill in 0..=KILLS {
        let begun = Instant::now();
        let mut server = site.start_unrecorded();
        runtime.block_on(async {
            let mut client = Client::connect(&site.url(), &mut server)
                .await
                .expect("it serves again");
            assert!(client.is_pending("row-0").await.unwrap());
            if kill > 0 {
                took.push(u64::try_from(begun.elapsed().as_millis()).unwrap());
            }
            // A long log: the next start has it to read, to write again and to fold.
            for n in 0..40 {
                let id = format!("p-{kill}-{n}-300000");
                client.create(&site.marks, &id).await.unwrap();
                client.settle(&site.marks, &id).await.unwrap();
            }
        });
        server.kill();
        let length =
            |name: &str| fs::metadata(site.data().join(name)).map_or(0, |found| found.len());
        (log, file) = (log.max(length("resonate.db-wal")), length("resonate.db"));
    }
    let figures = json!({ "test": "power/restart", "rows": rows, "file_bytes": file, "log_bytes_at_most": log,
        "serves_again_after_ms": took });
    println!("{figures}");
    assert_eq!(took.len(), KILLS);
}
