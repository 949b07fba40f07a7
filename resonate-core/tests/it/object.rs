//! The calls of an object wait in one line; the state is written with the result of one that writes.

use expect_test::expect;

use crate::check;

#[test]
fn one_writes_at_a_time_and_those_that_read_run_beside_each_other() {
    check(
        "0 create s/O/k.a s/O.add write
         0 create s/O/k.b s/O.add write
         0 create s/O/k.c s/O.get read
         0 create s/O/k.d s/O.get read
         0 create s/O/k.e s/O.add write
         1 claim s/O/k.a A
         1 claim s/O/k.b B
         2 turn s/O/k.a v1 A n1 state 7 => fulfill resolved 1
         3 claim s/O/k.b B
         4 turn s/O/k.b v1 B n1 state 8 => fulfill resolved 2
         5 claim s/O/k.c A
         5 claim s/O/k.d B
         6 turn s/O/k.c v1 A n1 => fulfill resolved 8
         7 turn s/O/k.d v1 B n1 => fulfill resolved 8
         8 claim s/O/k.e A
         9 turn s/O/k.e v1 A n1 state 9 => fulfill resolved 3
         9 get s/O/k",
        expect![[r#"
            0 s/O/k.a pending, ready at 0 v0 | +s/O/k object v0 with nothing until never | +s/O/k.a pending, ready at 0 v0
            0 s/O/k.b pending, ready at never v0 | +s/O/k.b pending, ready at never v0
            0 s/O/k.c pending, ready at never v0 | +s/O/k.c pending, ready at never v0
            0 s/O/k.d pending, ready at never v0 | +s/O/k.d pending, ready at never v0
            0 s/O/k.e pending, ready at never v0 | +s/O/k.e pending, ready at never v0
            1 claimed cold [] | s/O/k.a pending, leased A v1
            1 refused the task of `s/O/k.b` is pending, not ready to be claimed
            2 over [] | s/O/k object v1 with 7 until never | s/O/k.a resolved 1 8.1 | s/O/k.b pending, ready at 2 v0
            3 claimed cold [] state 7 | s/O/k.b pending, leased B v1
            4 over [] | s/O/k object v2 with 8 until never | s/O/k.b resolved 2 10.1 | s/O/k.c pending, ready at 4 v0 | s/O/k.d pending, ready at 4 v0
            5 claimed cold [] state 8 | s/O/k.c pending, leased A v1
            5 claimed cold [] state 8 | s/O/k.d pending, leased B v1
            6 over [] | s/O/k.c resolved 8 13.1
            7 over [] | s/O/k.d resolved 8 14.1 | s/O/k.e pending, ready at 7 v0
            8 claimed cold [] state 8 | s/O/k.e pending, leased A v1
            9 over [] | s/O/k object v3 with 9 until never | s/O/k.e resolved 3 16.1
            9 s/O/k object v3 with 9 until never (as it was)
        "#]],
    );
}

#[test]
fn an_error_a_failure_and_a_panic_change_nothing_and_a_retry_keeps_its_turn() {
    check(
        "0 create s/O/k.a s/O.add write
         0 create s/O/k.b s/O.add write
         1 claim s/O/k.a A
         1 turn s/O/k.a v1 A n1 => panic oh
         2 claim s/O/k.b B
         2 claim s/O/k.a B
         2 release s/O/k.a v2 B lost
         90 claim s/O/k.a B
         91 turn s/O/k.a v3 B n1 => fulfill rejected 5
         92 claim s/O/k.b B",
        expect![[r#"
            0 s/O/k.a pending, ready at 0 v0 | +s/O/k object v0 with nothing until never | +s/O/k.a pending, ready at 0 v0
            0 s/O/k.b pending, ready at never v0 | +s/O/k.b pending, ready at never v0
            1 claimed cold [] | s/O/k.a pending, leased A v1
            1 over [] | s/O/k.a pending, ready at 1 v1 attempts 1 failures 1 losses 1
            2 refused the task of `s/O/k.b` is pending, not ready to be claimed
            2 claimed cold [] | s/O/k.a pending, leased B v2 attempts 1 failures 1 losses 1
            2 done | s/O/k.a pending, ready at 36 v2 attempts 2 failures 1 losses 2
            2 refused the task of `s/O/k.a` is pending, not ready to be claimed
            3 refused the claim on `s/O/k.a` under version 3 is over (it is pending under version 2)
            4 refused the task of `s/O/k.b` is pending, not ready to be claimed
        "#]],
    );
}

#[test]
fn a_state_is_written_only_with_a_value_and_only_by_who_may() {
    check(
        "0 create s/O/k.a s/O.add write
         1 claim s/O/k.a A
         2 turn s/O/k.a v1 A n1 state 7 => go
         3 create s/O/l.a s/O.add write
         3 claim s/O/l.a A
         3 turn s/O/l.a v1 A n1 state 7 => fulfill rejected 1
         4 create s/O/m.a s/O.get read
         4 claim s/O/m.a A
         4 turn s/O/m.a v1 A n1 state 7 => fulfill resolved 1
         5 create f s/f
         5 claim f A
         5 turn f v1 A n1 state 7 => fulfill resolved 1",
        expect![[r#"
            0 s/O/k.a pending, ready at 0 v0 | +s/O/k object v0 with nothing until never | +s/O/k.a pending, ready at 0 v0
            1 claimed cold [] | s/O/k.a pending, leased A v1
            2 halted: `s/O/k.a`: the state of an object is written once, in the turn that gives its call a value [] | s/O/k.a pending, halted (`s/O/k.a`: the state of an object is written once, in the turn that gives its call a value) v1
            3 s/O/l.a pending, ready at 3 v0 | +s/O/l object v0 with nothing until never | +s/O/l.a pending, ready at 3 v0
            3 claimed cold [] | s/O/l.a pending, leased A v1
            3 halted: `s/O/l.a`: the state of an object is written once, in the turn that gives its call a value [] | s/O/l.a pending, halted (`s/O/l.a`: the state of an object is written once, in the turn that gives its call a value) v1
            4 s/O/m.a pending, ready at 4 v0 | +s/O/m object v0 with nothing until never | +s/O/m.a pending, ready at 4 v0
            4 claimed cold [] | s/O/m.a pending, leased A v1
            4 halted: `s/O/m.a`: it may not change the state of an object; only a method with `&mut self` may [] | s/O/m.a pending, halted (`s/O/m.a`: it may not change the state of an object; only a method with `&mut self` may) v1
            5 f pending, ready at 5 v0 | +f pending, ready at 5 v0
            5 claimed cold [] | f pending, leased A v1
            5 halted: `f`: it may not change the state of an object; only a method with `&mut self` may [] | f pending, halted (`f`: it may not change the state of an object; only a method with `&mut self` may) v1
        "#]],
    );
}

#[test]
fn a_call_that_is_canceled_leaves_the_line() {
    check(
        "0 create s/O/k.a s/O.get read
         0 create s/O/k.b s/O.add write
         0 create s/O/k.c s/O.get read
         1 cancel s/O/k.b enough
         2 create s/O/k.d s/O.add write timeout=9
         2 create s/O/k.e s/O.get read
         3 claim s/O/k.a A
         4 cancel s/O/k.a enough
         5 cancel s/O/k.c enough
         6 claim s/O/k.d A
         9 expire s/O/k.d",
        expect![[r#"
            0 s/O/k.a pending, ready at 0 v0 | +s/O/k object v0 with nothing until never | +s/O/k.a pending, ready at 0 v0
            0 s/O/k.b pending, ready at never v0 | +s/O/k.b pending, ready at never v0
            0 s/O/k.c pending, ready at never v0 | +s/O/k.c pending, ready at never v0
            1 s/O/k.b canceled (enough) 4.1 | s/O/k.b canceled (enough) 4.1 | s/O/k.c pending, ready at 1 v0
            2 s/O/k.d pending until 9, ready at never v0 | +s/O/k.d pending until 9, ready at never v0
            2 s/O/k.e pending, ready at never v0 | +s/O/k.e pending, ready at never v0
            3 claimed cold [] | s/O/k.a pending, leased A v1
            4 s/O/k.a canceled (enough) 8.1 | s/O/k.a canceled (enough) 8.1 | drop A s/O/k.a v1 (canceled: enough)
            5 s/O/k.c canceled (enough) 9.1 | s/O/k.c canceled (enough) 9.1 | s/O/k.d pending until 9, ready at 5 v0
            6 claimed cold [] | s/O/k.d pending until 9, leased A v1
            9 done | s/O/k.d timedout 11.1 | s/O/k.e pending, ready at 9 v0 | drop A s/O/k.d v1 (its timeout passed)
        "#]],
    );
}

#[test]
fn who_repeats_a_call_gets_its_result_until_that_is_forgotten() {
    check(
        "0 create s/O/k.a s/O.add arg=1 write
         0 create s/O/k.a s/O.add arg=1 write
         0 create s/O/k.a s/O.add arg=2 write
         1 claim s/O/k.a A
         1 turn s/O/k.a v1 A n1 state 7 => fulfill resolved 1
         2 create s/O/k.a s/O.add arg=1 write
         600002 create s/O/k.b s/O.get read
         600002 claim s/O/k.b A
         600002 turn s/O/k.b v1 A n1 => fulfill resolved 1
         600002 deliver
         600002 get s/O/k.a",
        expect![[r#"
            0 s/O/k.a pending, ready at 0 v0 | +s/O/k object v0 with nothing until never | +s/O/k.a pending, ready at 0 v0
            0 s/O/k.a pending, ready at 0 v0 (as it was)
            0 refused the id `s/O/k.a` belongs to s/O.add@1 with arguments of 3 bytes (digest 9f3aff9906aa4f0c) already, this is s/O.add@1 with arguments of 3 bytes (digest 20c58f1402343fea); choose another id
            1 claimed cold [] | s/O/k.a pending, leased A v1
            1 over [] | s/O/k object v1 with 7 until never | s/O/k.a resolved 1 5.1
            2 s/O/k.a resolved 1 5.1 (as it was)
            600002 s/O/k.b pending, ready at 600002 v0 | +s/O/k.b pending, ready at 600002 v0
            600002 claimed cold [] state 7 | s/O/k.b pending, leased A v1
            600002 over [] | s/O/k.b resolved 1 9.1 | send trim below s/O/k
            600002 done | -s/O/k.a
            600002 refused there is no promise `s/O/k.a`
        "#]],
    );
}

#[test]
fn an_object_that_is_idle_is_forgotten_and_one_that_is_deleted() {
    check(
        "0 create s/O/k.a s/O.add write
         0 claim s/O/k.a A
         1 turn s/O/k.a v1 A n1 state 7 expire=100 => fulfill resolved 1
         50 create s/O/k.b s/O.get read
         120 claim s/O/k.b A
         120 delete s/O/k
         121 turn s/O/k.b v1 A n1 => fulfill resolved 7
         221 expire s/O/k
         222 create s/O/k.c s/O.get read
         222 claim s/O/k.c A
         223 turn s/O/k.c v1 A n1 => fulfill resolved 0
         224 delete s/O/k
         225 create s/O/k.d s/O.add write
         225 claim s/O/k.d A
         225 turn s/O/k.d v1 A n1 state 8 => fulfill resolved 1
         226 delete s/O/k",
        expect![[r#"
            0 s/O/k.a pending, ready at 0 v0 | +s/O/k object v0 with nothing until never | +s/O/k.a pending, ready at 0 v0
            0 claimed cold [] | s/O/k.a pending, leased A v1
            1 over [] | s/O/k object v1 with 7 until 101 | s/O/k.a resolved 1 3.1
            50 s/O/k.b pending, ready at 50 v0 | s/O/k object v1 with 7 until never | +s/O/k.b pending, ready at 50 v0
            120 claimed cold [] state 7 | s/O/k.b pending, leased A v1
            120 refused `s/O/k`: it is in use by s/O/k.b; wait until it has ended, or cancel it, and delete the object then
            121 over [] | s/O/k object v1 with 7 until 221 | s/O/k.b resolved 7 7.1
            221 done | s/O/k object v2 with nothing until never | send trim below s/O/k
            222 s/O/k.c pending, ready at 222 v0 | +s/O/k.c pending, ready at 222 v0
            222 claimed cold [] | s/O/k.c pending, leased A v1
            223 over [] | s/O/k.c resolved 0 11.1
            224 s/O/k object v2 with nothing until never (as it was)
            225 s/O/k.d pending, ready at 225 v0 | +s/O/k.d pending, ready at 225 v0
            225 claimed cold [] | s/O/k.d pending, leased A v1
            225 over [] | s/O/k object v3 with 8 until never | s/O/k.d resolved 1 15.1
            226 s/O/k object v4 with nothing until never | s/O/k object v4 with nothing until never | send trim below s/O/k
        "#]],
    );
}

#[test]
fn a_call_that_its_own_callers_hold_up_is_refused_with_both_ids() {
    check(
        "0 create s/O/k.a s/O.add write
         0 claim s/O/k.a A
         1 turn s/O/k.a v1 A n1 +own s/O/k.a.add s/O/k.x s/O.get read => suspend
         1 deliver
         2 create s/O/l.a s/O.add write
         2 claim s/O/l.a A
         3 turn s/O/l.a v1 A n1 +call s/O/l.a.f s/f => suspend
         3 claim s/O/l.a.f A
         4 turn s/O/l.a.f v2 A n1 +own s/O/l.a.f.add s/O/m.x s/O.add write +detach s/O/l.a.f.add-1 s/O/l.y s/O.add write => suspend
         4 deliver
         5 claim s/O/m.x B
         5 turn s/O/m.x v1 B n1 +own s/O/m.x.add s/O/l.z s/O.add write => suspend
         5 deliver",
        expect![[r#"
            0 s/O/k.a pending, ready at 0 v0 | +s/O/k object v0 with nothing until never | +s/O/k.a pending, ready at 0 v0
            0 claimed cold [] | s/O/k.a pending, leased A v1
            1 suspended [] | s/O/k.a pending, suspended v1 | +s/O/k.a.add pending | send create s/O/k.x for s/O/k.a.add
            1 done | send answer s/O/k.a.add failed misused: `s/O/k.x`: it would wait for ever: s/O/k.a, which waits for it, holds s/O/k until it has ended; call the object before or after that, or detach the call
            1 done | s/O/k.a pending, ready at 1 v1 | s/O/k.a.add failed misused: `s/O/k.x`: it would wait for ever: s/O/k.a, which waits for it, holds s/O/k until it has ended; call the object before or after that, or detach the call 5.1
            2 s/O/l.a pending, ready at 2 v0 | +s/O/l object v0 with nothing until never | +s/O/l.a pending, ready at 2 v0
            2 claimed cold [] | s/O/l.a pending, leased A v1
            3 suspended [] | s/O/l.a pending, suspended v1 | +s/O/l.a.f pending, ready at 3 v1
            3 claimed cold [] | s/O/l.a.f pending, leased A v2
            4 suspended [] | s/O/l.a.f pending, suspended v2 | +s/O/l.a.f.add pending | +s/O/l.a.f.add-1 pending | send create s/O/m.x for s/O/l.a.f.add | send create s/O/l.y for s/O/l.a.f.add-1
            4 done | +s/O/m object v0 with nothing until never | +s/O/m.x pending, ready at 4 v0
            4 done | +s/O/l.y pending, ready at never v0 | send answer s/O/l.a.f.add-1 resolved "s/O/l.y"
            4 done | s/O/l.a.f pending, ready at 4 v2 | s/O/l.a.f.add-1 resolved "s/O/l.y" 7.1
            5 claimed cold [] | s/O/m.x pending, leased B v1
            5 suspended [] | s/O/m.x pending, suspended v1 | +s/O/m.x.add pending | send create s/O/l.z for s/O/m.x.add
            5 done | send answer s/O/m.x.add failed misused: `s/O/l.z`: it would wait for ever: s/O/l.a, which waits for it, holds s/O/l until it has ended; call the object before or after that, or detach the call
            5 done | s/O/m.x pending, ready at 5 v1 | s/O/m.x.add failed misused: `s/O/l.z`: it would wait for ever: s/O/l.a, which waits for it, holds s/O/l until it has ended; call the object before or after that, or detach the call 4.1
        "#]],
    );
}

#[test]
fn an_object_is_no_promise() {
    check(
        "0 create s/O/k.a s/O.add write
         1 settle s/O/k resolved 1
         1 cancel s/O/k enough
         1 message s/O/k subscribe x.p
         1 message s/O/k tell x.p resolved 1
         1 create s/O/k s/f
         1 create s/O/k
         2 create s/O/n s/f
         2 create s/O/n.a s/O.add write
         3 create s/P/k.a s/O.add write
         3 create k.a s/O.add write
         3 delete s/O/n
         3 delete nobody
         4 create s/O/k.b s/O.add write
         4 halt s/O/k.b stop
         5 create s/O/k.c s/O.add at=9 write",
        expect![[r#"
            0 s/O/k.a pending, ready at 0 v0 | +s/O/k object v0 with nothing until never | +s/O/k.a pending, ready at 0 v0
            1 refused `s/O/k`: it is a durable object, which has no result; `resonate object get` shows it, `resonate object delete` forgets its state
            1 refused `s/O/k`: it is a durable object, which has no result; `resonate object get` shows it, `resonate object delete` forgets its state
            1 done | send answer x.p failed misused: `s/O/k`: it is a durable object, which has no result; `resonate object get` shows it, `resonate object delete` forgets its state
            1 done | send answer x.p failed misused: `s/O/k`: it is a durable object, which has no result; `resonate object get` shows it, `resonate object delete` forgets its state
            1 refused the id `s/O/k` belongs to a durable object already, this is s/f@1; choose another id
            1 refused the id `s/O/k` belongs to a durable object already, this is a promise that somebody outside settles; choose another id
            2 s/O/n pending, ready at 2 v0 | +s/O/n pending, ready at 2 v0
            2 refused the id `s/O/n` belongs to s/f@1 already, this is a durable object; choose another id
            3 refused `s/P/k.a`: a call of s/O.add@1 has an id such as `service/Type/key.call`, with its own service and type
            3 refused `k.a`: a call of s/O.add@1 has an id such as `service/Type/key.call`, with its own service and type
            3 refused `s/O/n`: it is no durable object; `resonate cancel` ends a promise
            3 refused there is no promise `nobody`
            4 s/O/k.b pending, ready at never v0 | +s/O/k.b pending, ready at never v0
            4 refused `s/O/k.b`: it waits for its turn and has not begun; cancel it instead
            5 refused `s/O/k.c`: a call of an object would hold it up until it starts; sleep before it instead
        "#]],
    );
}
