//! Streams, inboxes and looks: what goes in and out of a running execution beside its calls.

use expect_test::expect;

use crate::check;

#[test]
fn an_item_is_written_once_however_often_an_attempt_says_it() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 emit 0 1 emit 1 2 progress 1 3 => go
         3 turn a v1 A n1 emit 0 1 emit 1 2 progress 1 3 => go
         4 tail a 0
         5 release a v1 A lost
         6 claim a B
         7 turn a v2 B n1 emit 0 1 emit 1 2 emit 2 3 => fulfill resolved 1
         8 tail a 1
         9 tail a 7
         10 tail nobody 0",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +stream of a 0 [1, 2]
            3 leased []
            4 stream 0 [1, 2]
            5 done | a pending, ready at 5 v1 attempts 1 failures 0 losses 1
            6 claimed cold [] | a pending, leased B v2 attempts 1 failures 0 losses 1
            7 over [] | a resolved 1 8.1 | +stream of a 2 [3]
            8 stream 1 [2, 3], over
            9 stream 7 [], over
            10 refused there is no promise `nobody`
        "#]],
    );
}

#[test]
fn an_item_that_leaves_one_out_halts_its_task() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 emit 1 1 => go
         3 tail a 0",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 halted: `a`: item 1 was emitted, and item 0 is missing before it [] | a pending, halted (`a`: item 1 was emitted, and item 0 is missing before it) v1
            3 stream 0 []
        "#]],
    );
}

#[test]
fn offsets_go_on_when_an_execution_continues_as_another() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 emit 0 1 => continue 2
         3 claim a A
         4 turn a v2 A n1 emit 0 2 => go
         5 tail a 0",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 over [] | a pending, ready at 2 v1 | +stream of a 0 [1]
            3 claimed cold [] | a pending, leased A v2
            4 leased [] | a pending, leased A v2 | +stream of a 1 [2]
            5 stream 0 [1, 2]
        "#]],
    );
}

#[test]
fn a_message_settles_who_waits_for_one_and_else_waits_itself() {
    check(
        "0 create a s/f
         1 send a 1 key=1
         2 send a 1 key=1
         3 claim a A
         4 turn a v1 A n1 +receive a.inbox => suspend
         5 turn a v1 A n2 shown=5.1 +receive a.inbox-1 => suspend
         6 settle a.inbox-1 resolved 4
         7 message a.inbox-1 tell b.x resolved 4
         8 send a 2
         9 send a 3
         10 claim a A
         11 turn a v2 A n1 => fulfill resolved 1
         12 send a 4
         13 send a 1 key=1
         14 send nobody 1
         15 create b
         16 send b 1",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 a pending, ready at 0 v0 | a pending, ready at 0 v0 | +inbox of a 0 [1]
            2 a pending, ready at 0 v0 (as it was)
            3 claimed cold [] | a pending, leased A v1
            4 leased [a.inbox resolved 1 5.1] | a pending, leased A v1 | +a.inbox resolved 1 5.1 | -inbox of a 0 [1]
            5 suspended [] | a pending, suspended v1 | +a.inbox-1 pending
            6 refused `a.inbox-1`: it waits for a message; send one to a
            7 done | send answer b.x failed misused: `a.inbox-1`: it waits for a message; send one to a
            8 a pending, ready at 8 v1 | a pending, ready at 8 v1 | a.inbox-1 resolved 2 9.1
            9 a pending, ready at 8 v1 | a pending, ready at 8 v1 | +inbox of a 2 [3]
            10 claimed warm [a.inbox-1 resolved 2 9.1] | a pending, leased A v2
            11 over [] | a resolved 1 12.1 | -inbox of a 2 [3]
            12 refused the promise `a` is resolved already
            13 a resolved 1 12.1 (as it was)
            14 refused there is no promise `nobody`
            15 b pending | +b pending
            16 refused the promise `b` is no call; it has no task
        "#]],
    );
}

#[test]
fn what_was_not_read_is_read_by_the_next_generation_in_its_order() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +receive a.inbox +receive a.inbox-1 => go
         3 send a 1
         4 send a 2
         5 send a 3
         6 turn a v1 A n2 drop a.inbox-1 drop a.inbox => continue 2
         7 deliver
         8 claim a A
         9 turn a v2 A n1 +receive a.~2.inbox +receive a.~2.inbox-1 +receive a.~2.inbox-2 +receive a.~2.inbox-3 => go
         10 turn a v2 A n2 => fulfill resolved 1",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.inbox pending | +a.inbox-1 pending
            3 a pending, leased A v1 | a pending, leased A v1 | a.inbox resolved 1 4.1 | push A a <- a.inbox 4.1
            4 a pending, leased A v1 | a pending, leased A v1 | a.inbox-1 resolved 2 5.1 | push A a <- a.inbox-1 5.1
            5 a pending, leased A v1 | a pending, leased A v1 | +inbox of a 2 [3]
            6 over [] | a pending, ready at 6 v1 | +inbox of a 0 [1] | +inbox of a 1 [2] | send trim below a
            7 done | -a.inbox | -a.inbox-1
            8 claimed cold [] | a pending, leased A v2
            9 leased [a.~2.inbox resolved 1 10.1, a.~2.inbox-1 resolved 2 10.2, a.~2.inbox-2 resolved 3 10.3] | a pending, leased A v2 | +a.~2.inbox resolved 1 10.1 | +a.~2.inbox-1 resolved 2 10.2 | +a.~2.inbox-2 resolved 3 10.3 | +a.~2.inbox-3 pending | -inbox of a 0 [1] | -inbox of a 1 [2] | -inbox of a 2 [3]
            10 over [] | a resolved 1 11.1 | a.~2.inbox-3 canceled (a returned) 11.2
        "#]],
    );
}

#[test]
fn an_execution_sends_to_another_and_is_told_what_came_of_it() {
    check(
        "0 create a s/f
         1 create b s/f
         2 claim a A
         3 turn a v1 A n1 +send a.send b 1 +send a.send-1 nobody 2 => suspend
         4 deliver
         5 message b send a.send 1",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 b pending, ready at 1 v0 | +b pending, ready at 1 v0
            2 claimed cold [] | a pending, leased A v1
            3 suspended [] | a pending, suspended v1 | +a.send pending | +a.send-1 pending | send send b 1 for a.send | send send nobody 2 for a.send-1
            4 done | b pending, ready at 1 v0 | +inbox of b 0 [1] | send answer a.send resolved null
            4 done | send answer a.send-1 failed not_found: there is no promise `nobody`
            4 done | a pending, ready at 3 v1 | a.send resolved null 4.1
            4 done | a.send-1 failed not_found: there is no promise `nobody` 5.1
            5 done | send answer a.send resolved null
        "#]],
    );
}

#[test]
fn who_looks_again_and_again_sleeps_until_then_or_until_a_child_settles() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 => sleep 10
         3 turn a v1 A n1 => sleep 10
         4 claim a A
         10 claim a A
         11 turn a v2 A n1 +external a.x => sleep 20
         12 settle a.x resolved 1
         13 claim a A
         14 turn a v3 A n1 => sleep 30
         15 turn a v3 A n2 shown=12.1 => sleep 30
         16 cancel a",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 suspended [] | a pending, asleep until 10 v1
            3 suspended []
            4 refused the task of `a` is pending, not ready to be claimed
            10 claimed warm [] | a pending, leased A v2
            11 suspended [] | a pending, asleep until 20 v2 | +a.x pending
            12 a.x resolved 1 8.1 | a pending, ready at 12 v2 | a.x resolved 1 8.1
            13 claimed warm [a.x resolved 1 8.1] | a pending, leased A v3
            14 leased [a.x resolved 1 8.1] | a pending, leased A v3
            15 suspended [] | a pending, asleep until 30 v3
            16 a canceled () 12.1 | a canceled () 12.1 | drop A a v3 (canceled: )
        "#]],
    );
}

#[test]
fn who_begins_anew_reads_again_and_emits_again_in_the_same_stream() {
    check(
        "0 create a s/f
         1 send a 1
         2 send a 2
         3 claim a A
         4 turn a v1 A n1 emit 0 1 +receive a.inbox +receive a.inbox-1 => go
         5 restart a a.inbox-1
         6 deliver
         7 claim a A
         8 turn a v2 A n1 emit 0 1 +receive a.~2.inbox-1 => go
         9 tail a 0",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 a pending, ready at 0 v0 | a pending, ready at 0 v0 | +inbox of a 0 [1]
            2 a pending, ready at 0 v0 | a pending, ready at 0 v0 | +inbox of a 1 [2]
            3 claimed cold [] | a pending, leased A v1
            4 leased [a.inbox resolved 1 5.1, a.inbox-1 resolved 2 5.2] | a pending, leased A v1 | +a.inbox resolved 1 5.1 | +a.inbox-1 resolved 2 5.2 | +stream of a 0 [1] | -inbox of a 0 [1] | -inbox of a 1 [2]
            5 a pending, ready at 5 v1 | a pending, ready at 5 v1 | +a.~2.inbox resolved 1 6.1 | +inbox of a 1 [2] | send trim below a | drop A a v1 (restarted)
            6 done | -a.inbox | -a.inbox-1
            7 claimed cold [a.~2.inbox resolved 1 6.1] | a pending, leased A v2
            8 leased [a.~2.inbox resolved 1 6.1, a.~2.inbox-1 resolved 2 9.1] | a pending, leased A v2 | +a.~2.inbox-1 resolved 2 9.1 | +stream of a 1 [1] | -inbox of a 1 [2]
            9 stream 0 [1, 1]
        "#]],
    );
}
