//! What undoes something runs only if that is needed, last to first.

use expect_test::expect;

use crate::check;

#[test]
fn what_was_done_is_undone_last_to_first_when_the_caller_fails() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.refund s/refund undo of=a.charge +call a.charge s/charge shielded => go
         2 turn a v1 A n2 +call a.void s/void undo => go
         3 claim a.charge B
         4 turn a.charge v2 B n1 => fulfill resolved 7
         5 turn a v1 A n3 => fulfill rejected 1
         6 claim a.void B
         7 claim a.refund B
         8 turn a.void v2 B n1 => fulfill rejected 2
         9 claim a.refund B
         10 turn a.refund v2 B n1 => fulfill resolved 3",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.charge pending, ready at 2 v1 | +a.refund pending, ready at never v1
            2 leased [] | a pending, leased A v1 | +a.void pending, ready at never v1
            3 claimed cold [] | a.charge pending, leased B v2
            4 over [] | a.charge resolved 7 6.1 | push A a <- a.charge 6.1
            5 over [] | a rejected 1 7.1 | a.void pending, ready at 5 v1
            6 claimed cold [] | a.void pending, leased B v2
            7 refused the task of `a.refund` is pending, not ready to be claimed
            8 over [] | a.refund pending, ready at 8 v1 | a.void rejected 2 10.1
            9 claimed cold [] | a.refund pending, leased B v2
            10 over [] | a.refund resolved 3 12.1
        "#]],
    );
}

#[test]
fn a_caller_that_returns_needs_none() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.void s/void undo +record a.s resolved 1 => go
         3 claim a.void B
         4 turn a v1 A n2 => fulfill resolved 1",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [a.s as recorded 3.1] | a pending, leased A v1 | +a.s resolved 1 3.1 | +a.void pending, ready at never v1
            3 refused the task of `a.void` is pending, not ready to be claimed
            4 over [] | a resolved 1 5.1 | a.void canceled (a returned) 5.2
        "#]],
    );
}

#[test]
fn a_cancel_a_timeout_and_a_wave_undo_as_an_error_does() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.void s/void undo => go
         3 cancel a enough
         0 create b s/f timeout=5
         1 claim b A
         2 turn b v1 A n1 +call b.void s/void undo => go
         6 expire b
         7 create c s/f
         7 claim c A
         8 turn c v1 A n1 +call c.x s/g => go
         8 claim c.x A
         8 turn c.x v2 A n1 +call c.x.void s/void undo => go
         9 cancel c enough",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.void pending, ready at never v1
            3 a canceled (enough) 4.1 | a canceled (enough) 4.1 | a.void pending, ready at 3 v1 | drop A a v1 (canceled: enough)
            0 b pending until 5, ready at 3 v0 | +b pending until 5, ready at 3 v0
            1 claimed cold [] | b pending until 5, leased A v1
            2 leased [] | b pending until 5, leased A v1 | +b.void pending, ready at never v1
            6 done | b timedout 4.1 | b.void pending, ready at 6 v1 | drop A b v1 (its timeout passed)
            7 c pending, ready at 7 v0 | +c pending, ready at 7 v0
            7 claimed cold [] | c pending, leased A v1
            8 leased [] | c pending, leased A v1 | +c.x pending, ready at 8 v1
            8 claimed cold [] | c.x pending, leased A v2
            8 leased [] | c.x pending, leased A v2 | +c.x.void pending, ready at never v2
            9 c canceled (enough) 6.1 | c canceled (enough) 6.1 | c.x canceled (c was canceled: enough) 6.2 | c.x.void pending, ready at 9 v2 | drop A c v1 (canceled: enough) | drop A c.x v2 (canceled: c was canceled: enough)
        "#]],
    );
}

#[test]
fn a_call_that_goes_on_is_undone_when_it_has_a_value_and_not_without() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.undo s/undo undo of=a.x +call a.x s/x shielded +call a.undo-1 s/undo undo of=a.x-1 +call a.x-1 s/x shielded +call a.undo-2 s/undo undo of=a.x-2 => go
         3 cancel a enough
         4 claim a.x-1 B
         5 turn a.x-1 v2 B n1 => fulfill rejected 1
         6 claim a.x B
         7 turn a.x v2 B n1 => fulfill resolved 5",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.undo pending, ready at never v1 | +a.undo-1 pending, ready at never v1 | +a.undo-2 pending, ready at never v1 | +a.x pending, ready at 2 v1 | +a.x-1 pending, ready at 2 v1
            3 a canceled (enough) 4.1 | a canceled (enough) 4.1 | a.undo-2 canceled (a.x-2 was never made) 4.2 | drop A a v1 (canceled: enough)
            4 claimed cold [] | a.x-1 pending, leased B v2
            5 over [] | a.undo-1 canceled (a.x-1 ended without a value) 6.2 | a.x-1 rejected 1 6.1
            6 claimed cold [] | a.x pending, leased B v2
            7 over [] | a.undo pending, ready at 7 v1 | a.x resolved 5 8.1
        "#]],
    );
}

#[test]
fn a_dropped_call_is_undone_though_its_caller_is_well() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.undo s/undo undo of=a.x +call a.x s/x shielded => go
         3 turn a v1 A n2 drop a.x +external a.p => suspend
         4 claim a.x B
         5 turn a.x v2 B n1 => fulfill resolved 5
         6 claim a.undo B
         7 settle a.p resolved 1
         8 claim a A
         9 turn a v2 A n1 => fulfill resolved 1
         10 turn a.undo v2 B n1 => fulfill resolved 2",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.undo pending, ready at never v1 | +a.x pending, ready at 2 v1
            3 suspended [] | a pending, suspended v1 | +a.p pending | a.undo pending, ready at never v1
            4 claimed cold [] | a.x pending, leased B v2
            5 over [] | a pending, ready at 5 v1 | a.undo pending, ready at 5 v1 | a.x resolved 5 6.1
            6 claimed cold [] | a.undo pending, leased B v2
            7 a.p resolved 1 8.1 | a.p resolved 1 8.1
            8 claimed warm [a.x resolved 5 6.1, a.p resolved 1 8.1] | a pending, leased A v2
            9 over [] | a resolved 1 10.1
            10 over [] | a.undo resolved 2 11.1
        "#]],
    );
}

#[test]
fn another_generation_begins_with_an_empty_list() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.void s/void undo => continue [2]
         3 deliver
         4 claim a A
         5 turn a v2 A n1 => fulfill rejected 1",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 over [] | a pending, ready at 2 v1 | +a.void canceled (a began anew) 3.1 | send trim below a
            3 done | -a.void
            4 claimed cold [] | a pending, leased A v2
            5 over [] | a rejected 1 6.1
        "#]],
    );
}

#[test]
fn who_waits_for_nothing_else_may_not_suspend_and_nobody_halts_what_sleeps() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +call a.void s/void undo => go
         3 halt a.void because
         4 turn a v1 A n2 => suspend
         5 cancel a enough
         6 halt a.void because",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.void pending, ready at never v1
            3 refused `a.void`: it runs only if its caller ends badly, and has not begun; cancel it instead
            4 halted: it waits for nothing; a worker may suspend a task only while a call of it is pending [] | a pending, halted (it waits for nothing; a worker may suspend a task only while a call of it is pending) v1
            5 a canceled (enough) 6.1 | a canceled (enough) 6.1 | a.void pending, ready at 5 v1
            6 a.void pending, halted (because) v1 | a.void pending, halted (because) v1
        "#]],
    );
}

#[test]
fn what_undoes_something_is_a_call_and_is_not_begun_by_its_caller() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +external a.p undo => go
         0 create b s/f
         1 claim b A
         2 turn b v1 A n1 +claimed b.x s/x undo => go",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 halted: `a.p`: only a call can undo something [] | a pending, halted (`a.p`: only a call can undo something) v1
            0 b pending, ready at 2 v0 | +b pending, ready at 2 v0
            1 claimed cold [] | b pending, leased A v1
            2 halted: `b.x`: what undoes something is created, and runs when it is needed [] | b pending, halted (`b.x`: what undoes something is created, and runs when it is needed) v1
        "#]],
    );
}
