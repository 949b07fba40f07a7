//! A server that is restarted while workers run: nothing runs twice, and no claim is lost.

use std::{collections::BTreeSet, time::Duration};

use resonate::prelude::*;

use crate::{
    checkout::Checkout,
    effects::{self, effect, gate, open_gate},
    harness::{Server, eventually, pause},
    worker,
};

const RESTARTS: usize = 8;

#[test]
fn nothing_runs_twice_when_the_server_is_restarted_within_a_lease() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--lease", "60s"]);
    let checkout = Checkout::new(folder.path(), &server.url, 140);
    let _payments = checkout.start("payments", &["payments"]);
    let _warehouse = checkout.start("warehouse", &["warehouse"]);
    let mut shop = checkout.start("shop", &["shop", "--pace", "40"]);
    for restart in 1..=RESTARTS {
        eventually("orders are under way", || {
            restart * 50 <= checkout.effects().len()
        });
        restart_server(&mut server, restart);
    }
    assert!(
        shop.is_running(),
        "all orders were answered before the last restart"
    );
    checkout.expect_once(&mut shop);
    let mut seen = BTreeSet::new();
    for effect in checkout.effects() {
        let is_new = seen.insert((effect["promise"].to_string(), effect["what"].to_string()));
        assert!(is_new, "it ran twice: {effect}");
        // A claim of which no worker heard is given back, and given again, which is no attempt.
        assert!(
            effect["attempt"] == 1 || effect["what"] == "answer",
            "{effect}"
        );
    }
}

/// By turns killed and asked to leave. Workers that try to come back meanwhile find nobody.
fn restart_server(server: &mut Server, nth: usize) {
    if nth.is_multiple_of(2) {
        server.process.signal("TERM");
        let status = server.process.wait();
        assert!(status.success(), "{}", server.process.output());
    } else {
        server.process.kill();
    }
    pause(Duration::from_millis(100));
    server.process.start_again();
    eventually("the server is there again", || {
        server.cli(&["list"]).status.success()
    });
}

/// Runs while the server is away: here, and below it.
#[durable(service = "vigil")]
async fn vigil() -> Result<u64> {
    let watched = step(|| async {
        effect("step_begins");
        gate("step").await;
        effect("step_ends");
        Ok::<_, Error>(1)
    });
    let watched = watched.label("watch").await?;
    Ok(watched + watch().await?)
}

#[durable(service = "watch")]
async fn watch() -> Result<u64> {
    effect("call_begins");
    gate("call").await;
    effect("call_ends");
    Ok(1)
}

#[test]
fn what_runs_while_the_server_is_away_is_kept_under_its_first_claim() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--lease", "60s"]);
    let _workers = [
        worker::start(folder.path(), "vigil", &server.url, "vigil", None),
        worker::start(folder.path(), "watch", &server.url, "watch", None),
    ];
    let created = server.cli(&["call", "vigil/vigil", "--id", "night", "--no-wait"]);
    assert!(created.status.success(), "{created:?}");
    let done = |count: usize| {
        eventually("the next is under way", || {
            count == effects::read(folder.path()).len()
        });
    };
    for (nth, (under_way, name)) in [(1, "step"), (3, "call")].into_iter().enumerate() {
        done(under_way);
        restart_server(&mut server, 2 * nth);
        restart_server(&mut server, 2 * nth + 1);
        open_gate(folder.path(), name);
    }
    done(4);
    let night = server.json(&["get", "night", "--wait"]);
    assert_eq!(night["value"], 2, "{night}");
    let effects = effects::read(folder.path());
    let ran = effects
        .iter()
        .map(|effect| (effect.what.as_str(), effect.version));
    // The fencing token of a child begins above that of its caller.
    let first_claims = [
        ("step_begins", 1),
        ("step_ends", 1),
        ("call_begins", 2),
        ("call_ends", 2),
    ];
    assert_eq!(ran.collect::<Vec<_>>(), first_claims);
}
