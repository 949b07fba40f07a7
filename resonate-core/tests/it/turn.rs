//! Turns.

use expect_test::expect;

use crate::check;

#[test]
fn a_repeated_turn_changes_nothing_and_gets_its_answer_again() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +record a.one resolved 1 => go
         3 turn a v1 A n1 +record a.one resolved 1 => go
         4 turn a v1 A n3 => go
         5 turn a v1 A n2 => fulfill resolved 2
         6 turn a v1 A n2 => fulfill resolved 2
         7 turn a v1 B n2 => fulfill resolved 2",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [a.one as recorded 3.1] | a pending, leased A v1 | +a.one resolved 1 3.1
            3 leased [a.one resolved 1 3.1]
            4 refused turn 3 of `a` came after turn 1; send them in order
            5 over [] | a resolved 2 6.1
            6 over []
            7 over []
        "#]],
    );
}

#[test]
fn a_suspend_that_meets_a_settled_child_does_not_take_effect() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +external a.x => go
         3 settle a.x resolved 1
         4 turn a v1 A n2 => suspend
         5 turn a v1 A n3 shown=4.1 => suspend",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.x pending
            3 a.x resolved 1 4.1 | a.x resolved 1 4.1 | push A a <- a.x 4.1
            4 leased [a.x resolved 1 4.1] | a pending, leased A v1
            5 halted: it waits for nothing; a worker may suspend a task only while a call of it is pending [] | a pending, halted (it waits for nothing; a worker may suspend a task only while a call of it is pending) v1
        "#]],
    );
}

#[test]
fn a_turn_of_another_session_is_refused_though_it_knows_the_token() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 B n1 => fulfill resolved 1
         3 get a",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 refused the claim on `a` under version 1 is over (it is leased under version 1)
            3 a pending, leased A v1 (as it was)
        "#]],
    );
}

#[test]
fn results_reach_a_running_caller_in_log_order() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +external a.x +external a.y => go
         3 settle a.y resolved 2
         4 settle a.x resolved 1
         5 turn a v1 A n2 +record a.z resolved 3 => go",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.x pending | +a.y pending
            3 a.y resolved 2 4.1 | a.y resolved 2 4.1 | push A a <- a.y 4.1
            4 a.x resolved 1 5.1 | a.x resolved 1 5.1 | push A a <- a.x 5.1
            5 leased [a.y resolved 2 4.1, a.x resolved 1 5.1, a.z as recorded 6.1] | a pending, leased A v1 | +a.z resolved 3 6.1
        "#]],
    );
}

#[test]
fn a_failed_attempt_is_tried_again_until_the_policy_ends() {
    check(
        "0 create a s/f attempts=2
         1 claim a A
         2 turn a v1 A n1 => fail broken
         3 claim a B
         4 turn a v2 B n1 => fail broken
         5 create b s/f
         6 claim b A
         7 turn b v1 A n1 => end final
         8 create c s/f attempts=1
         9 claim c A
         9 turn c v1 A n1 => refuse 42",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 over [] | a pending, ready at 2 v1 attempts 1 failures 1 losses 0
            3 claimed cold [] | a pending, leased B v2 attempts 1 failures 1 losses 0
            4 over [] | a failed failed: broken 5.1
            5 b pending, ready at 5 v0 | +b pending, ready at 5 v0
            6 claimed cold [] | b pending, leased A v1
            7 over [] | b failed failed: final 3.1
            8 c pending, ready at 8 v0 | +c pending, ready at 8 v0
            9 claimed cold [] | c pending, leased A v1
            9 over [] | c rejected 42 3.1
        "#]],
    );
}

#[test]
fn ten_panics_without_progress_halt() {
    let mut script = "0 create a s/f\n".to_owned();
    for n in 1..=10 {
        script += &format!("{n} claim a A\n{n} turn a v{n} A n1 => panic boom\n");
    }
    check(
        &script,
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            1 over [] | a pending, ready at 1 v1 attempts 1 failures 1 losses 1
            2 claimed cold [] | a pending, leased A v2 attempts 1 failures 1 losses 1
            2 over [] | a pending, ready at 2 v2 attempts 2 failures 2 losses 2
            3 claimed cold [] | a pending, leased A v3 attempts 2 failures 2 losses 2
            3 over [] | a pending, ready at 3 v3 attempts 3 failures 3 losses 3
            4 claimed cold [] | a pending, leased A v4 attempts 3 failures 3 losses 3
            4 over [] | a pending, ready at 4 v4 attempts 4 failures 4 losses 4
            5 claimed cold [] | a pending, leased A v5 attempts 4 failures 4 losses 4
            5 over [] | a pending, ready at 5 v5 attempts 5 failures 5 losses 5
            6 claimed cold [] | a pending, leased A v6 attempts 5 failures 5 losses 5
            6 over [] | a pending, ready at 6 v6 attempts 6 failures 6 losses 6
            7 claimed cold [] | a pending, leased A v7 attempts 6 failures 6 losses 6
            7 over [] | a pending, ready at 7 v7 attempts 7 failures 7 losses 7
            8 claimed cold [] | a pending, leased A v8 attempts 7 failures 7 losses 7
            8 over [] | a pending, ready at 8 v8 attempts 8 failures 8 losses 8
            9 claimed cold [] | a pending, leased A v9 attempts 8 failures 8 losses 8
            9 over [] | a pending, ready at 9 v9 attempts 9 failures 9 losses 9
            10 claimed cold [] | a pending, leased A v10 attempts 9 failures 9 losses 9
            10 halted: it panicked or lost its worker 10 times in a row, last: boom; mend it, then `resonate continue a` [] | a pending, halted (it panicked or lost its worker 10 times in a row, last: boom; mend it, then `resonate continue a`) v10 attempts 10 failures 10 losses 10
        "#]],
    );
}

#[test]
fn an_attempt_is_counted_once_however_it_ends_and_never_forgotten_but_with_its_history() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 => panic boom
         3 claim a A
         4 turn a v2 A n1 => fail broken
         5 claim a A
         6 release a v3 A lost
         500 claim a A
         500 release a v4 A back
         500 claim a A
         500 turn a v5 A n1 +record a.one resolved 1 => panic boom
         900 claim a A
         900 halt a enough
         900 continue a
         900 claim a A
         900 turn a v7 A n1 => continue 2
         900 claim a A
         900 turn a v8 A n1 => panic boom",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 over [] | a pending, ready at 2 v1 attempts 1 failures 1 losses 1
            3 claimed cold [] | a pending, leased A v2 attempts 1 failures 1 losses 1
            4 over [] | a pending, ready at 4 v2 attempts 2 failures 2 losses 1
            5 claimed cold [] | a pending, leased A v3 attempts 2 failures 2 losses 1
            6 done | a pending, ready at 106 v3 attempts 3 failures 2 losses 2
            500 claimed cold [] | a pending, leased A v4 attempts 3 failures 2 losses 2
            500 done | a pending, ready at 500 v4 attempts 3 failures 2 losses 2
            500 claimed cold [] | a pending, leased A v5 attempts 3 failures 2 losses 2
            500 over [] | a pending, ready at 500 v5 attempts 4 failures 3 losses 1 | +a.one resolved 1 11.1
            900 claimed cold [a.one resolved 1 11.1] | a pending, leased A v6 attempts 4 failures 3 losses 1
            900 a pending, halted (enough) v6 attempts 4 failures 3 losses 1 | a pending, halted (enough) v6 attempts 4 failures 3 losses 1 | drop A a v6 (halted: enough)
            900 a pending, ready at 900 v6 attempts 4 failures 3 losses 0 | a pending, ready at 900 v6 attempts 4 failures 3 losses 0
            900 claimed cold [a.one resolved 1 11.1] | a pending, leased A v7 attempts 4 failures 3 losses 0
            900 over [] | a pending, ready at 900 v7 | send trim below a
            900 claimed cold [] | a pending, leased A v8
            900 over [] | a pending, ready at 900 v8 attempts 1 failures 1 losses 1
        "#]],
    );
}

#[test]
fn a_leaf_that_ended_after_its_time_has_timed_out() {
    check(
        "0 create a s/f
         1 claim a A
         5 turn a v1 A n1 +leaf a.x s/g timeout=3 resolved 1 +leaf a.y s/g timeout=9 resolved 2 => go",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            5 leased [a.x timedout 3.1, a.y as recorded 3.2] | a pending, leased A v1 | +a.x timedout 3.1 | +a.y resolved 2 3.2
        "#]],
    );
}

#[test]
fn a_child_never_outlives_the_timeout_of_its_caller() {
    check(
        "0 create a s/f timeout=100
         1 claim a A
         2 turn a v1 A n1 +call a.x s/g timeout=500 +timer a.t 100 +timer a.u 50 +call a.y s/g timeout=20 => suspend
         20 expire
         21 claim a A
         21 turn a v2 A n1 shown=99.9 => go
         50 expire
         100 expire",
        expect![[r#"
            0 a pending until 100, ready at 0 v0 | +a pending until 100, ready at 0 v0
            1 claimed cold [] | a pending until 100, leased A v1
            2 suspended [] | a pending until 100, suspended v1 | +a.t pending | +a.u pending until 50 | +a.x pending until 100, ready at 2 v1 | +a.y pending until 20, ready at 2 v1
            20 done | a pending until 100, ready at 20 v1 | a.y timedout 4.1
            21 claimed warm [a.y timedout 4.1] | a pending until 100, leased A v2
            21 leased [] | a pending until 100, leased A v2
            50 done | a.u resolved null 7.1 | push A a <- a.u 7.1
            100 done | a timedout 8.1 | a.t canceled (a timed out) 8.2 | a.x canceled (a timed out) 8.3 | drop A a v2 (its timeout passed)
            100 done
        "#]],
    );
}

#[test]
fn an_op_that_can_never_succeed_halts_the_task_and_writes_nothing() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +record a.ok resolved 1 +external b.x => go
         3 continue a
         4 claim a A
         5 turn a v2 A n1 drop a.nothing => go
         6 continue a
         7 claim a A
         8 turn a v3 A n1 => suspend",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 halted: `b.x`: a child of a has an id below it [] | a pending, halted (`b.x`: a child of a has an id below it) v1
            3 a pending, ready at 3 v1 | a pending, ready at 3 v1
            4 claimed cold [] | a pending, leased A v2
            5 halted: there is no promise `a.nothing` [] | a pending, halted (there is no promise `a.nothing`) v2
            6 a pending, ready at 6 v2 | a pending, ready at 6 v2
            7 claimed cold [] | a pending, leased A v3
            8 halted: it waits for nothing; a worker may suspend a task only while a call of it is pending [] | a pending, halted (it waits for nothing; a worker may suspend a task only while a call of it is pending) v3
        "#]],
    );
}

#[test]
fn a_timer_resolves_when_its_time_comes_and_can_be_moved() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +timer a.t 50 +timer a.u 60 => go
         3 turn a v1 A n2 move a.t 70 move a.u 4 => suspend
         4 expire
         5 claim a A
         5 turn a v2 A n1 shown=7.1 => suspend
         70 expire",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.t pending until 50 | +a.u pending until 60
            3 suspended [] | a pending, suspended v1 | a.t pending until 70 | a.u pending until 4
            4 done | a pending, ready at 4 v1 | a.u resolved null 5.1
            5 claimed warm [a.u resolved null 5.1] | a pending, leased A v2
            5 suspended [] | a pending, suspended v2
            70 done | a pending, ready at 70 v2 | a.t resolved null 8.1
        "#]],
    );
}

#[test]
fn a_local_call_is_created_claimed_under_the_token_after_its_callers() {
    check(
        "0 create a s/f
         1 claim a A
         2 release a v1 A back
         3 claim a A
         4 turn a v2 A n1 +claimed a.sub s/g => suspend
         5 turn a.sub v3 A n1 +record a.sub.one resolved 1 => go
         6 turn a.sub v3 A n2 => fulfill resolved 2
         7 claim a A",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 done | a pending, ready at 2 v1
            3 claimed cold [] | a pending, leased A v2
            4 suspended [] | a pending, suspended v2 | +a.sub pending, leased A v3
            5 leased [a.sub.one as recorded 6.1] | a.sub pending, leased A v3 | +a.sub.one resolved 1 6.1
            6 over [] | a pending, ready at 6 v2 | a.sub resolved 2 7.1
            7 claimed warm [a.sub resolved 2 7.1] | a pending, leased A v3
        "#]],
    );
}

#[test]
fn an_execution_continues_as_another_with_an_empty_history() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +record a.one resolved 1 +timer a.t 50 => continue [2]
         3 claim a A
         4 turn a v2 A n1 shown=4.1 => fulfill resolved 3",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 over [] | a pending, ready at 2 v1 | +a.one resolved 1 3.1 | +a.t canceled (a began anew) 3.2 | send trim below a
            3 claimed cold [] | a pending, leased A v2
            4 over [] | a resolved 3 5.1
        "#]],
    );
}

#[test]
fn labels_are_written_with_the_turn() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 label customer 42 => go",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1
        "#]],
    );
}

#[test]
fn a_worker_that_claims_to_hold_the_end_of_the_log_gets_nothing_and_breaks_nothing() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +external a.x => go
         3 settle a.x resolved 1
         4 hold a v1 A shown=281474976710655.65535",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.x pending
            3 a.x resolved 1 4.1 | a.x resolved 1 4.1 | push A a <- a.x 4.1
            4 held []
        "#]],
    );
}
