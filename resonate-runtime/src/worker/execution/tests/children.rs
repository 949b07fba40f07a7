//! Calls that run in this process: recorded by their caller, or on their own.

use std::time::Duration;

use expect_test::expect;

use super::{functions::*, run, server::Server, settle};

#[tokio::test(start_paused = true)]
async fn a_leaf_that_runs_here_is_recorded_in_one_write() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    assert_eq!(run(&server, &ANSWERS).await.as_deref(), Some("13"));
    assert_eq!(hooks.seen(), "begin, leaf, 2, leaf");
    expect![[r#"
        claim order
        turn order 1: record order.leaf go on
        turn order 2: record order.leaf-1 go on
        turn order 3: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_never_block_their_callees() {
    let hooks = Hooks::default();
    let server = Server::with(1, ALL, hooks.settings());
    assert_eq!(run(&server, &NESTED).await.as_deref(), Some("6"));
    assert_eq!(hooks.seen(), "1, 2, 3, 4");
    expect![[r#"
        claim order
        turn order 1: create claimed order.nested suspend
        turn order.nested 1: create claimed order.nested.nested suspend
        turn order.nested.nested 1: record order.nested.nested.nested go on
        turn order.nested.nested 2: fulfill
        claim order.nested warm
        turn order.nested 1: fulfill
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_takes_long_becomes_a_task_of_its_own() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &CALLS_WAITS);
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert!(server.find("order.waits").is_none());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(
        (server.task("order"), server.task("order.waits")),
        ("suspended", "leased")
    );
    hooks.bell("go").notify_one();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("2"));
    expect![[r#"
        claim order
        turn order 1: create claimed order.waits suspend
        turn order.waits 1: fulfill
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_waits_itself_becomes_a_task_of_its_own() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &CALLS_REMOTE);
    settle().await;
    assert_eq!(
        (server.task("order"), server.task("order.remote")),
        ("suspended", "suspended")
    );
    server.resolve("order.remote.elsewhere", "3");
    settle().await;
    server.resolve("order.remote.elsewhere-1", "4");
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("107"));
    assert_eq!(hooks.seen(), "caller, begin, there");
    expect![[r#"
        claim order
        turn order 1: create claimed order.remote suspend
        turn order.remote 1: create order.remote.elsewhere suspend
        claim order.remote warm
        turn order.remote 1: create order.remote.elsewhere-1 suspend
        claim order.remote warm
        turn order.remote 1: fulfill
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_child_whose_attempt_failed_is_handed_over() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &CALLS_FLAKY);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
    assert_eq!(hooks.seen(), "attempt 1, attempt 2, attempt 3");
    expect![[r#"
        claim order
        turn order 1: create claimed order.flaky suspend
        turn order.flaky 1: fail failed, again
        claim order.flaky
        turn order.flaky 1: fail failed, again
        claim order.flaky
        turn order.flaky 1: fulfill
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_panics_takes_nobody_with_it() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &CALLS_PANICS);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
    assert_eq!(hooks.seen(), "panics 1, panics 2");
}

#[tokio::test(start_paused = true)]
async fn what_the_server_must_count_is_created_before_it_starts() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &CALLS_ONCE);
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
    expect![[r#"
        claim order
        turn order 1: create claimed order.once suspend
        turn order.once 1: fulfill
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_call_with_little_time_is_timed_by_the_server() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &CALLS_SOON);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
    assert_eq!(hooks.seen(), "timeout");
    assert!(!server.is_here("order.soon"));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_call_counts_from_the_call_wherever_it_begins() {
    for (caller, callee) in [(&CALLS_BRIEFLY, "waits"), (&CALLS_BRIEF, "brief")] {
        let hooks = Hooks::default();
        let server = Server::with(4, ALL, hooks.settings());
        server.create("order", caller);
        settle().await;
        let child = format!("order.{callee}");
        assert!(server.find(&child).is_none(), "it is unknown at first");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let of = |id: &str| server.record(id).promise;
        let (called_at, timeout_at) = (of("order").created_at, of(&child).timeout_at);
        assert_eq!(
            called_at.until(timeout_at),
            Duration::from_secs(3),
            "{callee}"
        );
        tokio::time::sleep(Duration::from_millis(1_600)).await;
        assert_eq!(server.outcome("order").as_deref(), Some("1"));
        let seen = hooks.seen();
        assert!(seen.ends_with("timeout"), "{seen}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_no_room_here_may_run_anywhere() {
    let hooks = Hooks::default();
    let server = Server::with(2, ALL, hooks.settings());
    server.create("order", &FAN_OUT);
    settle().await;
    // The caller's own slot, the other one, and no more.
    expect![[r#"
        claim order
        turn order 1: create order.waits-2 create order.waits-3 create order.waits-4 go on
    "#]]
    .assert_eq(&server.log());
    for _ in 0..5 {
        hooks.bell("go").notify_waiters();
        settle().await;
    }
    assert_eq!(server.outcome("order").as_deref(), Some("11"));
}

#[tokio::test(start_paused = true)]
async fn a_young_child_that_is_not_wanted_any_more_is_dropped_and_never_was() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &RACE);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.outcome("order").as_deref(), Some("42"));
    assert_eq!(hooks.seen(), "waits dropped, leaf, race dropped");
    assert!(server.find("order.waits").is_none());
    expect![[r#"
        claim order
        turn order 1: create order.sleep go on
        turn order 2: record order.leaf go on
        turn order 3: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn what_still_runs_when_its_caller_returns_ends_with_it() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    assert_eq!(run(&server, &HANDLES).await.as_deref(), Some("2"));
    assert_eq!(hooks.seen(), "leaf, waits dropped");
    assert!(server.find("order.waits").is_none());
}

#[tokio::test(start_paused = true)]
async fn spawned_calls_run_side_by_side() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    assert_eq!(run(&server, &SPAWNS).await.as_deref(), Some("13"));
    expect![[r#"
        claim order
        turn order 1: record order.leaf go on
        turn order 2: record order.leaf-1 go on
        turn order 3: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn local_is_refused_where_it_is_not_served() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    assert_eq!(run(&server, &LOCAL).await.as_deref(), Some("1"));
    assert_eq!(hooks.seen(), "no_such_function");
}

#[tokio::test(start_paused = true)]
async fn a_lost_worker_runs_no_recorded_leaf_again() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.stop_after(1);
    server.create("order", &ANSWERS);
    settle().await;
    assert_eq!(hooks.seen(), "begin, leaf, 2, leaf");
    server.lose_worker();
    settle().await;
    // The first leaf is recorded, the second was not.
    assert_eq!(hooks.seen(), "begin, 2, leaf");
    assert_eq!(server.outcome("order").as_deref(), Some("13"));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_failed_on_the_only_slot_does_not_block_its_caller() {
    let hooks = Hooks::default();
    let server = Server::with(1, ALL, hooks.settings());
    server.create("order", &CALLS_FLAKY);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn local_calls_wait_here_for_room() {
    let hooks = Hooks::default();
    let server = Server::with(1, ALL, hooks.settings());
    assert_eq!(run(&server, &LOCALS).await.as_deref(), Some("9"));
    assert_eq!(hooks.seen(), "leaf, leaf, leaf");
    let log = server.log();
    assert!(!log.contains("create"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_child_that_ends_while_it_is_being_created_ends_by_itself() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &CALLS_WAITS);
    tokio::time::sleep(Duration::from_millis(900)).await;
    server.stop_after(0);
    tokio::time::sleep(Duration::from_millis(200)).await;
    hooks.bell("go").notify_one();
    settle().await;
    server.go();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("2"));
    expect![[r#"
        claim order
        turn order 1: create claimed order.waits suspend
        turn order.waits 1: fulfill
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_deep_recursion_ends_on_few_slots() {
    let hooks = Hooks::default();
    let server = Server::with(2, ALL, hooks.settings());
    server.create("order", &DEEP);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(server.outcome("order").as_deref(), Some("299"));
}

#[tokio::test(start_paused = true)]
async fn a_child_whose_creating_turn_is_refused_is_dropped() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &CALLS_WAITS);
    tokio::time::sleep(Duration::from_millis(900)).await;
    server.stop_after(0);
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.take_back("order");
    assert_eq!(hooks.seen(), "");
    server.dispatch_nothing();
    server.go();
    settle().await;
    assert_eq!(hooks.seen(), "waits dropped");
    assert!(!server.is_here("order") && !server.is_here("order.waits"));
    assert!(server.find("order.waits").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_dropped_while_it_was_being_created_does_not_start() {
    let hooks = Hooks::default();
    let server = Server::with(2, ALL, hooks.settings());
    server.stop_after(0);
    server.create("order", &RACE_ONCE);
    settle().await;
    hooks.bell("stop").notify_one();
    settle().await;
    server.go();
    settle().await;
    server.resolve("order.elsewhere", "7");
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("7"));
    assert_eq!(server.outcome("order.waits").as_deref(), Some("canceled"));
    assert_eq!(hooks.seen(), "");
    expect![[r#"
        claim order
        turn order 1: create claimed order.waits go on
        turn order 2: cancel order.waits create order.elsewhere suspend
        turn order 3: suspend
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_child_becomes_known_in_time_also_while_its_caller_waits_for_a_slot() {
    let hooks = Hooks::default();
    let server = Server::with(1, ALL, hooks.settings());
    server.create("order", &BOTH);
    settle().await;
    server.resolve("order.approval", "5");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(server.task("order.waits"), "leased");
    hooks.bell("go").notify_one();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("6"));
}
