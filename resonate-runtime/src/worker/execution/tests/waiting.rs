//! When an execution waits: suspended at once or tied, warm or cold, and how it goes on.

use std::time::Duration;

use expect_test::expect;

use super::{functions::*, server::Server, settle};

#[tokio::test(start_paused = true)]
async fn who_waits_is_suspended_at_once_and_goes_on_warm() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &REMOTE);
    settle().await;
    assert_eq!(server.task("order"), "suspended");
    server.resolve("order.elsewhere", "3");
    settle().await;
    server.resolve("order.elsewhere-1", "4");
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("7"));
    assert_eq!(hooks.seen(), "begin, there");
    expect![[r#"
        claim order
        turn order 1: create order.elsewhere suspend
        claim order warm
        turn order 1: create order.elsewhere-1 suspend
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn an_evicted_body_is_replayed() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &REMOTE);
    settle().await;
    server.evict();
    settle().await;
    assert!(!server.is_here("order"));
    server.resolve("order.elsewhere", "3");
    settle().await;
    server.resolve("order.elsewhere-1", "4");
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("7"));
    assert_eq!(hooks.seen(), "begin, begin, there");
    expect![[r#"
        claim order
        turn order 1: create order.elsewhere suspend
        claim order
        turn order 1: create order.elsewhere-1 suspend
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_settled_meanwhile_keeps_the_task_leased() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &MANY_SHOWN);
    settle().await;
    server.log();
    server.resolve("order.elsewhere", "1");
    // The turn that suspends again is on its way when the second result comes.
    server.stop_after(0);
    settle().await;
    server.resolve("order.elsewhere-1", "2");
    settle().await;
    server.go();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("3"));
    expect![[r#"
        claim order warm
        turn order 1: suspend
        turn order 2: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn what_something_foreign_may_wake_is_tied_after_half_a_minute_and_claimed_before_it_is_polled()
 {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &FOREIGN);
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(server.task("order"), "leased");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(server.task("order"), "suspended");
    hooks.bell("go").notify_one();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("5"));
    assert_eq!(hooks.seen(), "begin, rung");
    expect![[r#"
        claim order
        turn order 1: create order.approval go on
        turn order 2: suspend tied
        reclaim order
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_tied_body_goes_on_with_its_promise_too() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &FOREIGN);
    tokio::time::sleep(Duration::from_secs(31)).await;
    server.resolve("order.approval", "8");
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("9"));
}

#[tokio::test(start_paused = true)]
async fn a_combinator_with_wakers_of_its_own_counts_as_foreign() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &UNORDERED);
    settle().await;
    assert_eq!(server.task("order"), "leased");
    server.resolve("order.elsewhere-1", "1");
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(server.task("order"), "suspended");
    server.resolve("order.elsewhere", "2");
    server.resolve("order.elsewhere-2", "3");
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("7"));
    assert_eq!(hooks.seen(), "begin");
}

#[tokio::test(start_paused = true)]
async fn a_wide_fan_out_is_a_handful_of_turns() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &WIDE);
    settle().await;
    let log = server.log();
    let turns: Vec<usize> = log
        .lines()
        .filter(|line| line.starts_with("turn"))
        .map(|line| line.matches("create").count())
        .collect();
    assert_eq!(turns, [1_000, 1_000, 500]);
    for n in 0..2_500 {
        let occurrence = if n == 0 {
            String::new()
        } else {
            format!("-{n}")
        };
        server.resolve(&format!("order.elsewhere{occurrence}"), "1");
        if n % 500 == 0 {
            settle().await;
        }
    }
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("2501"));
}

#[tokio::test(start_paused = true)]
async fn what_the_log_shows_next_waits_for_a_body_that_something_foreign_holds_up() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &HELD_UP);
    settle().await;
    hooks.bell("go").notify_one();
    settle().await;
    assert_eq!(server.task("order"), "suspended");
    server.evict();
    // Its first result comes, and then the second, which the new body will not ask for before something foreign happens.
    server.resolve("order.elsewhere", "1");
    server.resolve("order.elsewhere-1", "2");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(
        (server.task("order"), server.outcome("order")),
        ("leased", None)
    );
    hooks.bell("go").notify_one();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("3"));
}

#[tokio::test(start_paused = true)]
async fn randomness_is_the_same_in_every_replay_and_attempt() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.create("order", &DRAWS);
    settle().await;
    let first = hooks.seen();
    server.evict();
    server.resolve("order.elsewhere", "1");
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("1"));
    assert_eq!(hooks.seen(), first);
}

#[tokio::test(start_paused = true)]
async fn a_body_is_not_polled_while_the_turn_that_suspends_it_is_on_its_way() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.stop_after(1);
    server.create("order", &FOREIGN);
    tokio::time::sleep(Duration::from_secs(31)).await;
    hooks.bell("go").notify_one();
    settle().await;
    assert_eq!(hooks.seen(), "begin");
    server.go();
    settle().await;
    assert_eq!(server.outcome("order").as_deref(), Some("5"));
    expect![[r#"
        claim order
        turn order 1: create order.approval go on
        turn order 2: suspend tied
        reclaim order
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}

#[tokio::test(start_paused = true)]
async fn a_claim_stands_for_the_lost_answer_to_the_turn_that_suspended() {
    let hooks = Hooks::default();
    let server = Server::with(4, ALL, hooks.settings());
    server.lose_answer_after(0);
    server.create("order", &ONCE_AND_ELSEWHERE);
    settle().await;
    server.reconnect();
    assert_eq!(hooks.seen(), "");
    server.resolve("order.elsewhere", "4");
    settle().await;
    // The call that was to start with the answer has started all the same.
    assert_eq!(hooks.seen(), "once");
    assert_eq!(server.outcome("order").as_deref(), Some("5"));
    expect![[r#"
        claim order
        turn order 1: create claimed order.once create order.elsewhere suspend
        claim order warm
        turn order 1: suspend
        turn order.once 1: fulfill
        claim order warm
        turn order 1: fulfill
    "#]]
    .assert_eq(&server.log());
}
