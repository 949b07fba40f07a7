//! Claims, leases, releases, holds, halts.

use expect_test::expect;

use crate::check;

#[test]
fn a_claim_raises_the_fencing_token_by_one_and_brings_the_history() {
    check(
        "0 create a s/f
         1 claim a A
         2 claim a B
         3 turn a v1 A n1 +record a.one resolved 1 +call a.two s/g => go
         4 release a v1 A back
         5 claim a B
         6 turn a v1 A n2 => go",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 refused the task of `a` is leased, not ready to be claimed
            3 leased [a.one as recorded 4.1] | a pending, leased A v1 | +a.one resolved 1 4.1 | +a.two pending, ready at 3 v1
            4 done | a pending, ready at 4 v1
            5 claimed cold [a.one resolved 1 4.1, a.two pending, ready at 3 v1] | a pending, leased B v2
            6 refused the claim on `a` under version 1 is over (it is leased under version 2)
        "#]],
    );
}

#[test]
fn a_lost_worker_counts_and_ten_in_a_row_halt() {
    let mut script = "0 create a s/f\n".to_owned();
    for n in 1..=10 {
        let at = n * 100_000;
        script += &format!("{at} claim a A\n{at} release a v{n} A lost\n");
    }
    script += "2000000 claim a A\n2000001 continue a\n2000002 claim a A\n2000003 continue a";
    check(
        &script,
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            100000 claimed cold [] | a pending, leased A v1
            100000 done | a pending, ready at 100000 v1 attempts 1 failures 0 losses 1
            200000 claimed cold [] | a pending, leased A v2 attempts 1 failures 0 losses 1
            200000 done | a pending, ready at 200100 v2 attempts 2 failures 0 losses 2
            300000 claimed cold [] | a pending, leased A v3 attempts 2 failures 0 losses 2
            300000 done | a pending, ready at 300030 v3 attempts 3 failures 0 losses 3
            400000 claimed cold [] | a pending, leased A v4 attempts 3 failures 0 losses 3
            400000 done | a pending, ready at 400237 v4 attempts 4 failures 0 losses 4
            500000 claimed cold [] | a pending, leased A v5 attempts 4 failures 0 losses 4
            500000 done | a pending, ready at 500416 v5 attempts 5 failures 0 losses 5
            600000 claimed cold [] | a pending, leased A v6 attempts 5 failures 0 losses 5
            600000 done | a pending, ready at 600145 v6 attempts 6 failures 0 losses 6
            700000 claimed cold [] | a pending, leased A v7 attempts 6 failures 0 losses 6
            700000 done | a pending, ready at 701897 v7 attempts 7 failures 0 losses 7
            800000 claimed cold [] | a pending, leased A v8 attempts 7 failures 0 losses 7
            800000 done | a pending, ready at 801457 v8 attempts 8 failures 0 losses 8
            900000 claimed cold [] | a pending, leased A v9 attempts 8 failures 0 losses 8
            900000 done | a pending, ready at 911405 v9 attempts 9 failures 0 losses 9
            1000000 claimed cold [] | a pending, leased A v10 attempts 9 failures 0 losses 9
            1000000 done | a pending, halted (10 workers in a row were lost while they ran it; find out why, then `resonate continue a`) v10 attempts 10 failures 0 losses 10
            2000000 refused the task of `a` is halted, not ready to be claimed
            2000001 a pending, ready at 2000001 v10 attempts 10 failures 0 losses 0 | a pending, ready at 2000001 v10 attempts 10 failures 0 losses 0
            2000002 claimed cold [] | a pending, leased A v11 attempts 10 failures 0 losses 0
            2000003 refused the task of `a` is leased, not halted
        "#]],
    );
}

#[test]
fn a_body_that_stalls_is_told_apart_from_a_lost_worker() {
    let last = |ends: &[&str]| {
        let mut script = "0 create a s/f\n".to_owned();
        for (n, end) in (1..).zip(ends) {
            let at = n * 100_000;
            script += &format!("{at} claim a A\n");
            script += &match *end {
                "panic" => format!("{at} turn a v{n} A n1 => panic boom\n"),
                end => format!("{at} release a v{n} A {end}\n"),
            };
        }
        let told = resonate_core::testing::script::run(&script);
        told.lines().next_back().unwrap_or_default().to_owned()
    };
    expect!["200000 done | a pending, ready at 200100 v2 attempts 2 failures 0 losses 2 stalls 1"]
        .assert_eq(&last(&["lost", "stalled"]));
    expect!["1000000 done | a pending, halted (it blocked its thread for a whole lease 10 times in a row; move what blocks into `spawn_blocking`, then `resonate continue a`) v10 attempts 10 failures 0 losses 10 stalls 10"]
    .assert_eq(&last(&["stalled"; 10]));
    let mut mixed = ["stalled"; 10];
    (mixed[0], mixed[9]) = ("lost", "panic");
    expect!["1000000 halted: it panicked, lost its worker or blocked its thread 10 times in a row, 8 of them its thread for a whole lease, last: boom; move what blocks into `spawn_blocking`, then `resonate continue a` [] | a pending, halted (it panicked, lost its worker or blocked its thread 10 times in a row, 8 of them its thread for a whole lease, last: boom; move what blocks into `spawn_blocking`, then `resonate continue a`) v10 attempts 10 failures 1 losses 10 stalls 8"]
    .assert_eq(&last(&mixed));
    (mixed[0], mixed[9]) = ("panic", "lost");
    expect!["1000000 done | a pending, halted (it panicked, lost its worker or blocked its thread 10 times in a row, 8 of them its thread for a whole lease; move what blocks into `spawn_blocking`, then `resonate continue a`) v10 attempts 10 failures 1 losses 10 stalls 8"]
    .assert_eq(&last(&mixed));
}

#[test]
fn a_release_under_an_earlier_token_or_of_another_session_ends_no_claim() {
    check(
        "0 create a s/f
         1 claim a A
         2 release a v1 A back
         3 claim a A
         4 release a v1 A lost
         5 release a v2 B lost
         6 get a",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 done | a pending, ready at 2 v1
            3 claimed cold [] | a pending, leased A v2
            4 refused the claim on `a` under version 1 is over (it is leased under version 2)
            5 refused the claim on `a` under version 2 is over (it is leased under version 2)
            6 a pending, leased A v2 (as it was)
        "#]],
    );
}

#[test]
fn progress_forgives_earlier_losses() {
    check(
        "0 create a s/f
         1 claim a A
         2 release a v1 A lost
         9 claim a B
         9 turn a v2 B n1 +record a.one resolved 1 => go
         9 release a v2 B lost",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 done | a pending, ready at 2 v1 attempts 1 failures 0 losses 1
            9 claimed cold [] | a pending, leased B v2 attempts 1 failures 0 losses 1
            9 leased [a.one as recorded 5.1] | a pending, leased B v2 attempts 1 failures 0 losses 0 | +a.one resolved 1 5.1
            9 done | a pending, ready at 9 v2 attempts 2 failures 0 losses 1
        "#]],
    );
}

#[test]
fn a_worker_names_what_it_holds_and_gets_what_settled_since() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +external a.x +external a.y => go
         3 settle a.x resolved 1
         4 settle a.y resolved 2
         5 hold a v1 A shown=4.1
         6 hold a v1 A shown=0
         7 hold a v1 B shown=0
         8 hold a v2 A shown=0
         9 hold b v2 A shown=0",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.x pending | +a.y pending
            3 a.x resolved 1 4.1 | a.x resolved 1 4.1 | push A a <- a.x 4.1
            4 a.y resolved 2 5.1 | a.y resolved 2 5.1 | push A a <- a.y 5.1
            5 held [a.y resolved 2 5.1]
            6 held [a.x resolved 1 4.1, a.y resolved 2 5.1]
            7 refused the claim on `a` under version 1 is over (it is leased under version 1)
            8 refused the claim on `a` under version 2 is over (it is leased under version 1)
            9 refused there is no promise `b`
        "#]],
    );
}

#[test]
fn a_warm_worker_gets_only_what_is_new_and_only_if_nobody_claimed_between() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +external a.x +external a.y => suspend
         3 settle a.x resolved 1
         4 claim a A
         5 turn a v2 A n1 shown=4.1 => suspend
         6 settle a.y resolved 2
         7 claim a B
         8 turn a v3 B n1 shown=7.1 => fulfill resolved 3",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 suspended [] | a pending, suspended v1 | +a.x pending | +a.y pending
            3 a.x resolved 1 4.1 | a pending, ready at 3 v1 | a.x resolved 1 4.1
            4 claimed warm [a.x resolved 1 4.1] | a pending, leased A v2
            5 suspended [] | a pending, suspended v2
            6 a.y resolved 2 7.1 | a pending, ready at 6 v2 | a.y resolved 2 7.1
            7 claimed cold [a.x resolved 1 4.1, a.y resolved 2 7.1] | a pending, leased B v3
            8 over [] | a resolved 3 9.1
        "#]],
    );
}

#[test]
fn a_tied_task_is_claimed_again_by_its_session_and_ready_when_the_session_ends() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +external a.x => tie
         3 claim a B
         4 claim a B v1
         5 claim a A v1
         6 turn a v2 A n1 => tie
         7 hold a v2 A shown=0
         8 release a v2 A lost
         9 claim a B",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 suspended [] | a pending, tied to A v1 | +a.x pending
            3 refused the task of `a` is suspended, not ready to be claimed
            4 refused the claim on `a` under version 1 is over (it is suspended under version 1)
            5 claimed warm [] | a pending, leased A v2
            6 suspended [] | a pending, tied to A v2
            7 held []
            8 done | a pending, ready at 8 v2
            9 claimed cold [a.x pending] | a pending, leased B v3
        "#]],
    );
}

#[test]
fn a_halt_and_a_continue_repeated_under_their_keys_are_answered_again_and_change_nothing() {
    check(
        "0 create a s/f
         1 halt a key=1 odd
         2 halt a key=1 odd
         3 halt a key=2 odd
         4 continue a key=3
         5 continue a key=3
         6 continue a key=4
         7 halt a key=1 odd
         8 claim a A
         9 halt a key=5 still odd
         10 continue a key=3
         11 continue a key=6
         12 continue a
         13 claim a A
         14 turn a v2 A n1 => fulfill resolved 1
         15 halt a key=5 still odd
         16 continue a key=6
         17 continue a key=7",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 a pending, halted (odd) v0 | a pending, halted (odd) v0
            2 a pending, halted (odd) v0
            3 a pending, halted (odd) v0 (as it was)
            4 a pending, ready at 4 v0 | a pending, ready at 4 v0
            5 a pending, ready at 4 v0
            6 refused the task of `a` is pending, not halted
            7 a pending, ready at 4 v0
            8 claimed cold [] | a pending, leased A v1
            9 a pending, halted (still odd) v1 | a pending, halted (still odd) v1 | drop A a v1 (halted: still odd)
            10 a pending, halted (still odd) v1
            11 a pending, ready at 11 v1 | a pending, ready at 11 v1
            12 refused the task of `a` is pending, not halted
            13 claimed cold [] | a pending, leased A v2
            14 over [] | a resolved 1 15.1
            15 a resolved 1 15.1
            16 a resolved 1 15.1
            17 refused the promise `a` is resolved already
        "#]],
    );
}

#[test]
fn a_halted_task_stays_until_somebody_continues_it() {
    check(
        "0 create a s/f
         1 claim a A
         2 halt a look at it
         3 turn a v1 A n1 => go
         4 claim a B
         5 halt a again
         6 continue a
         7 claim a B
         8 continue a
         9 turn a v2 B n1 => halt call 1 was charge, is ship
         10 create b
         11 halt b no
         12 turn a v2 B n1 => halt call 1 was charge, is ship",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 a pending, halted (look at it) v1 | a pending, halted (look at it) v1 | drop A a v1 (halted: look at it)
            3 refused the claim on `a` under version 1 is over (it is halted under version 1)
            4 refused the task of `a` is halted, not ready to be claimed
            5 a pending, halted (look at it) v1 (as it was)
            6 a pending, ready at 6 v1 | a pending, ready at 6 v1
            7 claimed cold [] | a pending, leased B v2
            8 refused the task of `a` is leased, not halted
            9 halted: call 1 was charge, is ship [] | a pending, halted (call 1 was charge, is ship) v2
            10 b pending | +b pending
            11 refused the promise `b` is no call; it has no task
            12 halted: call 1 was charge, is ship []
        "#]],
    );
}

#[test]
fn a_begun_step_of_a_lost_worker_is_not_run_again() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +step a.pay => go
         3 release a v1 A lost
         4 claim a B",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.pay pending
            3 done | a pending, ready at 3 v1 attempts 1 failures 0 losses 1
            4 claimed cold [a.pay failed outcome_unknown: the step was begun and its worker was lost; it runs at most once, so it is not tried again 5.1] | a pending, leased B v2 attempts 1 failures 0 losses 1 | a.pay failed outcome_unknown: the step was begun and its worker was lost; it runs at most once, so it is not tried again 5.1
        "#]],
    );
}

#[test]
fn a_worker_that_lost_a_warm_body_gets_the_whole_history_and_its_begun_steps_are_over() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +record a.one resolved 1 +step a.pay +external a.x => go
         3 turn a v1 A n2 shown=3.1 => tie
         4 settle a.x resolved 2
         5 claim a A
         6 recall a v1 A
         7 recall a v2 A
         8 recall a v2 A",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [a.one as recorded 3.1] | a pending, leased A v1 | +a.one resolved 1 3.1 | +a.pay pending | +a.x pending
            3 suspended [] | a pending, tied to A v1
            4 a.x resolved 2 5.1 | a pending, ready at 4 v1 | a.x resolved 2 5.1
            5 claimed warm [a.x resolved 2 5.1] | a pending, leased A v2
            6 refused the claim on `a` under version 1 is over (it is leased under version 2)
            7 claimed cold [a.one resolved 1 3.1, a.x resolved 2 5.1, a.pay failed outcome_unknown: the step was begun and its worker was lost; it runs at most once, so it is not tried again 8.1] | a.pay failed outcome_unknown: the step was begun and its worker was lost; it runs at most once, so it is not tried again 8.1
            8 claimed cold [a.one resolved 1 3.1, a.x resolved 2 5.1, a.pay failed outcome_unknown: the step was begun and its worker was lost; it runs at most once, so it is not tried again 8.1]
        "#]],
    );
}

#[test]
fn a_call_without_a_policy_keeps_that_of_its_first_claimer() {
    check(
        "0 create a s/f unsaid
         1 claim a A announced=2
         2 turn a v1 A n1 => fail once
         3 claim a B announced=9
         4 turn a v2 B n1 => fail twice
         5 create b s/f attempts=1
         6 claim b A announced=9
         7 turn b v1 A n1 => fail once",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 over [] | a pending, ready at 2 v1 attempts 1 failures 1 losses 0
            3 claimed cold [] | a pending, leased B v2 attempts 1 failures 1 losses 0
            4 over [] | a failed failed: twice 5.1
            5 b pending, ready at 5 v0 | +b pending, ready at 5 v0
            6 claimed cold [] | b pending, leased A v1
            7 over [] | b failed failed: once 3.1
        "#]],
    );
}

#[test]
fn a_body_that_left_the_history_is_remembered_until_somebody_lets_it_go_on() {
    check(
        "0 create a s/f
         1 claim a A body=7
         2 turn a v1 A n1 => halt another call
         3 resume a
         4 claim a B body=8
         5 turn a v2 B n1 => halt another one
         6 resume a
         7 halt a stop
         8 continue a
         9 resume a",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 halted: another call [] | a pending, halted (another call) v1
            3 a pending, ready at 3 v1 | a pending, ready at 3 v1
            4 claimed cold [] | a pending, leased B v2
            5 halted: another one [] | a pending, halted (another one) v2
            6 a pending, ready at 6 v2 | a pending, ready at 6 v2
            7 a pending, halted (stop) v2 | a pending, halted (stop) v2
            8 a pending, ready at 8 v2 | a pending, ready at 8 v2
            9 refused `a`: no code was found not to fit its history since it was let go on
        "#]],
    );
}

#[test]
fn an_operator_who_halts_is_not_overruled() {
    check(
        "0 create a s/f
         1 claim a A body=7
         2 halt a stop
         3 resume a",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 a pending, halted (stop) v1 | a pending, halted (stop) v1 | drop A a v1 (halted: stop)
            3 refused `a`: no code was found not to fit its history since it was let go on
        "#]],
    );
}
