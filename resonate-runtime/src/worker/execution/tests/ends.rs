//! How executions end: with answers, failures, panics, divergence; dropped, lost, drained.

use std::time::Duration;

use expect_test::expect;

use super::{functions::*, run, server::Server, settle};

#[tokio::test(start_paused = true)]
async fn a_leaf_is_one_turn() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    assert_eq!(run(&server, &LEAF).await.as_deref(), Some("2"));
    expect![[r#"
        claim order
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
    assert!(!server.is_here("order"));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_and_the_policy_is_the_servers() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &FLAKY);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
    assert_eq!(hooks.seen(), "attempt 1, attempt 2, attempt 3");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_the_attempt() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &PANICS);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
    expect![[r#"
        claim order
        turn order 1: fail panicked, again
        claim order
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
    assert_eq!(hooks.seen(), "panics 1, panics 2");
}

#[tokio::test(start_paused = true)]
async fn code_that_left_its_history_halts() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &CHANGED);
    settle().await;
    server.evict();
    server.log();
    server.resolve("order.elsewhere", "1");
    settle().await;
    assert_eq!(server.task("order"), "halted");
    let log = server.log();
    assert!(
        log.contains("halt: call 1 of changed was `elsewhere` at "),
        "{log}"
    );
    assert!(log.contains(", is now `leaf` at "), "{log}");
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_attempt_started_is_met_by_the_next() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &LEAVES);
    tokio::time::sleep(Duration::from_millis(500)).await;
    hooks.bell("go").notify_one();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
    assert_eq!(hooks.seen(), "attempt 1, attempt 2, waits dropped");
    expect![[r#"
        claim order
        turn order 1: create claimed order.waits fail failed, again
        claim order
        turn order 1: suspend
        turn order.waits 1: fulfill
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn what_runs_here_when_its_caller_panics_ends_and_is_not_run_again() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &PANICS_BESIDE);
    settle().await;
    assert!(server.find("order.waits").is_none(), "it is young");
    hooks.bell("stop").notify_one();
    tokio::time::sleep(Duration::from_millis(500)).await;
    hooks.bell("go").notify_one();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("3"));
    assert_eq!(
        hooks.seen(),
        "first, leaf, again, waits dropped",
        "once each"
    );
    expect![[r#"
        claim order
        turn order 1: record order.leaf go on
        turn order 2: create claimed order.waits fail panicked, again
        claim order
        turn order 1: suspend
        turn order.waits 1: fulfill
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_drops_the_body_and_what_it_runs() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &CALLS_WAITS);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(server.task("order.waits"), "leased");
    server.log();
    server.cancel("order");
    settle().await;
    assert_eq!(hooks.seen(), "waits dropped");
    assert_eq!(server.outcome("order.waits").as_deref(), Some("canceled"));
    assert!(!server.is_here("order.waits"));
    assert_eq!(server.log(), "");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_body_cancels_nothing() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &RACE);
    settle().await;
    server.dispatch_nothing();
    server.log();
    server.lose_worker();
    settle().await;
    assert_eq!(hooks.seen(), "race dropped, waits dropped");
    assert_eq!(server.log(), "");
    server.dispatch_again();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.outcome("order").as_deref(), Some("42"));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_leaves_lets_executions_run_until_they_wait() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &SLOW_STEP);
    server.create("other", &FOREIGN);
    settle().await;
    server.dispatch_nothing();
    server.drain();
    settle().await;
    assert_eq!(
        (server.task("order"), server.task("other")),
        ("leased", "pending")
    );
    hooks.bell("go").notify_one();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
    expect![[r#"
        claim order
        claim other
        turn other 1: create other.approval go on
        turn other 2: release
        turn order 1: record order.step go on
        turn order 2: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_blocks_can_be_seen_to() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    let watcher = std::thread::spawn({
        let (server, hooks) = (std::sync::Arc::downgrade(&server), hooks.clone());
        move || {
            loop {
                let Some(server) = server.upgrade() else {
                    return 0;
                };
                let since = server.polling_since("order");
                if since > 0 {
                    hooks.saw("go on");
                    return since;
                }
                std::thread::yield_now();
            }
        }
    });
    // The handle is in the table only after `start` has returned, and the body is polled after that.
    assert_eq!(run(&server, &BLOCKS).await.as_deref(), Some("1"));
    assert!(watcher.join().unwrap() > 0);
    assert_eq!(server.polling_since("order"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_keeps_waking_itself_lets_others_run() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &SPINS);
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    hooks.bell("go").notify_one();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn an_execution_goes_on_as_a_new_one_with_an_empty_history() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    assert_eq!(run(&server, &COUNTS).await.as_deref(), Some("4"));
    assert_eq!(hooks.seen(), "1, 2, 3");
    expect![[r#"
        claim order
        turn order 1: record order.step go on
        turn order 2: continue as
        claim order
        turn order 1: record order.~2.step go on
        turn order 2: continue as
        claim order
        turn order 1: record order.~3.step go on
        turn order 2: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn an_execution_goes_on_as_no_other_function() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    let outcome = run(&server, &CONTINUES_OTHER).await.unwrap();
    assert!(
        outcome
            .contains("is given a call of shop/leaf@1 and must be one of shop/continues_other@1"),
        "{outcome}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_from_a_tokio_task_that_a_function_spawned_is_refused() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    assert_eq!(run(&server, &SPAWNS_TASK).await.as_deref(), Some("1"));
    assert_eq!(hooks.seen(), "misused");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_being_created_when_its_caller_fails_runs_for_the_next_attempt() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.stop_after(0);
    server.create("order", &GIVES_UP);
    settle().await;
    hooks.bell("stop").notify_one();
    settle().await;
    server.go();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        (server.task("order"), server.task("order.waits")),
        ("suspended", "leased")
    );
    hooks.bell("go").notify_one();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
    expect![[r#"
        claim order
        turn order 1: create claimed order.waits go on
        turn order 2: fail failed, again
        claim order
        turn order 1: suspend
        turn order.waits 1: fulfill
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn an_error_that_was_demanded_stands_also_if_the_body_returned() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    let outcome = run(&server, &LABELS_BADLY).await.unwrap();
    assert!(
        outcome.starts_with("misused: the label \"a b\" is no name"),
        "{outcome}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_takes_more_than_a_message_is_cut_into_turns() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    assert_eq!(run(&server, &LABELS_MUCH).await.as_deref(), Some("251"));
    let log = server.log();
    let turns = log.lines().filter(|line| line.starts_with("turn order "));
    assert!(turns.count() > 2, "{log}");
}

#[tokio::test(start_paused = true)]
async fn what_can_never_fit_a_message_halts_with_its_promise_and_size() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &GIVES_TOO_MUCH);
    settle().await;
    assert_eq!(server.task("order"), "halted");
    let log = server.log();
    let says = "halt: `order.elsewhere-1` takes 5243";
    assert!(log.contains(says), "{log}");
    assert!(
        log.contains("fit a message; store what is large elsewhere"),
        "{log}"
    );
}
