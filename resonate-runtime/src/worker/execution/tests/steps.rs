//! Steps: in place, retried in place, recorded once.

use std::time::Duration;

use expect_test::expect;

use super::{functions::*, run, server::Server, settle};

#[tokio::test(start_paused = true)]
async fn steps_run_in_place_one_write_each() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    assert_eq!(run(&server, &STEPS).await.as_deref(), Some("3"));
    assert_eq!(hooks.seen(), "one, two");
    expect![[r#"
        claim order
        turn order 1: record order.step go on
        turn order 2: record order.step-1 go on
        turn order 3: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_is_tried_again_in_place() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &RETRIES);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.outcome("order").as_deref(), Some("4"));
    expect![[r#"
        claim order
        turn order 1: record order.step go on
        turn order 2: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_recorded_step_never_runs_again() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.stop_after(1);
    server.create("order", &STEPS);
    settle().await;
    assert_eq!(hooks.seen(), "one, two");
    server.lose_worker();
    settle().await;
    assert_eq!(hooks.seen(), "two");
    assert_eq!(server.outcome("order").as_deref(), Some("3"));
}

#[tokio::test(start_paused = true)]
async fn a_step_at_most_once_whose_worker_was_lost_has_an_unknown_outcome() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &BEGINS);
    settle().await;
    assert_eq!(server.record("order.step").promise.state_name(), "pending");
    server.lose_worker();
    settle().await;
    assert_eq!(hooks.seen(), "begun, Err(OutcomeUnknown)");
}

#[tokio::test(start_paused = true)]
async fn a_running_step_keeps_the_execution_claimed() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &SLOW_STEP);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(server.task("order"), "leased");
    hooks.bell("go").notify_one();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
    expect![[r#"
        claim order
        turn order 1: record order.step go on
        turn order 2: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_around_something_foreign_is_recorded_nowhere() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &BOUNDED);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.outcome("order").as_deref(), Some("7"));
    assert_eq!(hooks.seen(), "timeout");
    expect![[r#"
        claim order
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}
