//! The worker is lost at every turn, before it is written and after: the answer is the same.

use std::{collections::BTreeMap, time::Duration};

use super::{functions::*, server::Server, settle};

/// What became of the run, and whether the loss came before its end.
struct Ran {
    outcome: Option<String>,
    seen: BTreeMap<String, usize>,
    was_lost: bool,
}

async fn ran(lose: impl FnOnce(&Server)) -> Ran {
    let hooks = Hooks::default();
    let server = Server::with(3, ALL, hooks.settings());
    server.serve_elsewhere();
    lose(&server);
    server.create("order", &MIXED);
    let mut was_lost = false;
    for _ in 0..300 {
        settle().await;
        if server.is_stopped() {
            server.lose_worker();
            was_lost = true;
        }
        if server.outcome("order").is_some() {
            break;
        }
    }
    server.log();
    let seen = hooks.seen();
    let mut counts = BTreeMap::new();
    for what in seen.split(", ") {
        *counts.entry(what.to_owned()).or_default() += 1;
    }
    Ran {
        outcome: server.outcome("order"),
        seen: counts,
        was_lost,
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_lost_at_any_turn_makes_no_difference_to_the_answer() {
    let expected = ran(|_| {}).await;
    assert_eq!(expected.outcome.as_deref(), Some("28"));
    let mut turns = 0;
    loop {
        let unwritten = ran(|server| server.stop_after(turns)).await;
        assert_eq!(
            unwritten.outcome,
            expected.outcome,
            "lost before turn {}",
            turns + 1
        );
        let written = ran(|server| server.lose_answer_after(turns)).await;
        assert_eq!(
            written.outcome,
            expected.outcome,
            "lost after turn {}",
            turns + 1
        );
        for ran in [&unwritten, &written] {
            let seen = |what| ran.seen.get(what).copied().unwrap_or(0);
            assert!(
                seen("once") <= 1,
                "at most once, lost at turn {}: {:?}",
                turns + 1,
                ran.seen
            );
            assert!(
                (1..=2).contains(&seen("quote")),
                "lost once, at turn {}: {:?}",
                turns + 1,
                ran.seen
            );
        }
        if !unwritten.was_lost {
            break;
        }
        turns += 1;
    }
    assert!(turns > 12, "{turns}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_evicted_whenever_it_waits_gives_the_same_answer() {
    let hooks = Hooks::default();
    let server = Server::with(3, ALL, hooks.settings());
    server.serve_elsewhere();
    server.create("order", &MIXED);
    for _ in 0..1_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        server.evict();
    }
    assert_eq!(server.outcome("order").as_deref(), Some("28"));
}
