//! Keys: who has one, who is refused because it would wait for ever, who gives way.

use expect_test::expect;

use crate::check;

#[test]
fn a_call_has_its_key_from_its_first_claim_until_it_has_settled() {
    check(
        "0 create a s/f key=k
         1 claim a A
         2 release a v1 A lost
         3 claim a B
         4 turn a v2 B n1 +external a.x => suspend
         5 halt a stop
         6 continue a
         7 cancel a enough",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1 with its key
            2 done | a pending, ready at 2 v1 attempts 1 failures 0 losses 1 with its key
            3 claimed cold [] | a pending, leased B v2 attempts 1 failures 0 losses 1 with its key
            4 suspended [] | a pending, suspended v2 attempts 1 failures 0 losses 0 with its key | +a.x pending
            5 a pending, halted (stop) v2 attempts 1 failures 0 losses 0 with its key | a pending, halted (stop) v2 attempts 1 failures 0 losses 0 with its key | drop B a v2 (halted: stop)
            6 a pending, ready at 6 v2 attempts 1 failures 0 losses 0 with its key | a pending, ready at 6 v2 attempts 1 failures 0 losses 0 with its key
            7 a canceled (enough) 8.1 | a canceled (enough) 8.1 | a.x canceled (a was canceled: enough) 8.2
        "#]],
    );
}

#[test]
fn a_call_that_needs_what_its_caller_holds_fails_at_once_with_both_ids() {
    check(
        "0 create a s/f key=k
         1 claim a A
         2 turn a v1 A n1 +call a.g s/g +call a.f s/f key=k +call a.f-1 s/f key=l => go
         3 claim a.g B
         4 turn a.g v2 B n1 +call a.g.f s/f key=k undo +call a.g.f-1 s/f key=k => go",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1 with its key
            2 leased [a.f failed deadlock: a.f needs the key `k` of s/f, which a holds until it ends, and a waits for this call; call it with another key, or detach it 3.1] | a pending, leased A v1 with its key | +a.f failed deadlock: a.f needs the key `k` of s/f, which a holds until it ends, and a waits for this call; call it with another key, or detach it 3.1 | +a.f-1 pending, ready at 2 v1 | +a.g pending, ready at 2 v1
            3 claimed cold [] | a.g pending, leased B v2
            4 leased [a.g.f-1 failed deadlock: a.g.f-1 needs the key `k` of s/f, which a holds until it ends, and a waits for this call; call it with another key, or detach it 5.1] | a.g pending, leased B v2 | +a.g.f pending, ready at never v2 | +a.g.f-1 failed deadlock: a.g.f-1 needs the key `k` of s/f, which a holds until it ends, and a waits for this call; call it with another key, or detach it 5.1
        "#]],
    );
}

#[test]
fn what_is_held_goes_with_an_awaited_root_and_not_with_a_detached_one() {
    check(
        "0 create a s/f key=k
         1 claim a A
         2 turn a v1 A n1 +own a.g b s/g +own a.f c s/f key=k +detach a.d d s/f key=k => suspend
         3 deliver
         4 claim b A
         5 turn b v1 A n1 +call b.f s/f key=k => go",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1 with its key
            2 suspended [] | a pending, suspended v1 with its key | +a.d pending | +a.f pending | +a.g pending | send create b for a.g | send create c for a.f | send create d for a.d
            3 done | +b pending, ready at 2 v0
            3 done | send answer a.f failed deadlock: c needs the key `k` of s/f, which a holds until it ends, and a waits for this call; call it with another key, or detach it
            3 done | +d pending, ready at 2 v0 | send answer a.d resolved "d"
            3 done | a pending, ready at 2 v1 with its key | a.f failed deadlock: c needs the key `k` of s/f, which a holds until it ends, and a waits for this call; call it with another key, or detach it 4.1
            3 done | a.d resolved "d" 5.1
            4 claimed cold [] | b pending, leased A v1
            5 leased [b.f failed deadlock: b.f needs the key `k` of s/f, which a holds until it ends, and a waits for this call; call it with another key, or detach it 3.1] | b pending, leased A v1 | +b.f failed deadlock: b.f needs the key `k` of s/f, which a holds until it ends, and a waits for this call; call it with another key, or detach it 3.1
        "#]],
    );
}

#[test]
fn a_call_with_a_key_starts_only_where_the_server_lets_it() {
    check(
        "0 create a s/g
         1 claim a A
         2 turn a v1 A n1 +claimed a.f s/f key=k => go",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 halted: `a.f`: it needs the key `k` of s/f, so it is created, and starts when the server lets it [] | a pending, halted (`a.f`: it needs the key `k` of s/f, so it is created, and starts when the server lets it) v1
        "#]],
    );
    check(
        "0 create a s/g
         1 claim a A
         2 turn a v1 A n1 +leaf a.f s/f key=k resolved 1 => go",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 halted: `a.f`: it needs the key `k` of s/f, so it is created, and starts when the server lets it [] | a pending, halted (`a.f`: it needs the key `k` of s/f, so it is created, and starts when the server lets it) v1
        "#]],
    );
}

#[test]
fn who_gives_way_settles_as_the_later_one_does_and_is_told_of_no_end_that_comes_first() {
    check(
        "0 create a s/f key=k
         1 create b s/f key=k
         2 create c s/f key=k timeout=9
         3 merge a b
         3 merge c b
         3 merge a b
         4 deliver
         5 claim a A
         6 halt a stop
         7 claim b A
         8 merge b a
         9 expire c
         9 deliver
         10 turn b v1 A n1 => fulfill resolved 7
         11 deliver",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 b pending, ready at 1 v0 | +b pending, ready at 1 v0
            2 c pending until 9, ready at 2 v0 | +c pending until 9, ready at 2 v0
            3 done | a pending, merged into b v0 | send subscribe b for a
            3 done | c pending until 9, merged into b v0 | send subscribe b for c
            3 done
            4 done | b pending, ready at 1 v0
            4 done | b pending, ready at 1 v0
            5 refused the task of `a` is merged, not ready to be claimed
            6 refused `a`: it has merged into b and runs no more; halt that one
            7 claimed cold [] | b pending, leased A v1 with its key
            8 refused the task of `b` is leased, not ready to be claimed
            9 done | c timedout 3.1 | send unsubscribe b for c
            9 done | b pending, leased A v1 with its key
            10 over [] | b resolved 7 7.1 | send answer a resolved 7
            11 done | a resolved 7 6.1
        "#]],
    );
}

#[test]
fn a_call_belongs_to_its_callers_tenant() {
    let printed = resonate_core::testing::script::run(
        "0 create a s/f tenant=gold
         1 claim a A
         2 turn a v1 A n1 +call a.g s/g +own a.h b s/h => go
         3 deliver",
    );
    assert!(printed.contains("+b pending"), "{printed}");
}
