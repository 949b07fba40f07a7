//! What crosses trees.

use expect_test::expect;

use crate::check;

#[test]
fn a_call_with_its_own_id_is_a_root_awaited_through_a_proxy() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +own a.batch batch-7 s/g arg=1 => suspend
         3 deliver
         4 claim batch-7 B
         5 turn batch-7 v1 B n1 => fulfill resolved 7
         6 deliver
         7 claim a A",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 suspended [] | a pending, suspended v1 | +a.batch pending | send create batch-7 for a.batch
            3 done | +batch-7 pending, ready at 2 v0
            4 claimed cold [] | batch-7 pending, leased B v1
            5 over [] | batch-7 resolved 7 3.1 | send answer a.batch resolved 7
            6 done | a pending, ready at 5 v1 | a.batch resolved 7 4.1
            7 claimed warm [a.batch resolved 7 4.1] | a pending, leased A v2
        "#]],
    );
}

#[test]
fn dropping_a_proxy_only_stops_waiting() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +own a.batch batch-7 s/g => go
         3 deliver
         4 turn a v1 A n2 drop a.batch => go
         5 get batch-7
         6 settle batch-7 resolved 1
         7 deliver",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 leased [] | a pending, leased A v1 | +a.batch pending | send create batch-7 for a.batch
            3 done | +batch-7 pending, ready at 2 v0
            4 leased [a.batch canceled (its caller a dropped the future of the call at here) 4.1] | a pending, leased A v1 | a.batch canceled (its caller a dropped the future of the call at here) 4.1 | send unsubscribe batch-7 for a.batch
            5 batch-7 pending, ready at 2 v0 (as it was)
            6 batch-7 resolved 1 3.1 | batch-7 resolved 1 3.1 | send answer a.batch resolved 1
            7 done
            7 done
        "#]],
    );
}

#[test]
fn a_detached_call_settles_its_proxy_when_the_root_exists() {
    check(
        "0 create a s/f
         1 claim a A
         2 turn a v1 A n1 +detach a.mail mail-1 s/g => suspend
         3 deliver",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 suspended [] | a pending, suspended v1 | +a.mail pending | send create mail-1 for a.mail
            3 done | +mail-1 pending, ready at 2 v0 | send answer a.mail resolved "mail-1"
            3 done | a pending, ready at 2 v1 | a.mail resolved "mail-1" 4.1
        "#]],
    );
}

#[test]
fn a_proxy_for_the_id_of_another_call_fails_with_both_sides() {
    check(
        "0 create batch-7 s/other
         1 create a s/f
         2 claim a A
         3 turn a v1 A n1 +own a.batch batch-7 s/g => suspend
         4 deliver",
        expect![[r#"
            0 batch-7 pending, ready at 0 v0 | +batch-7 pending, ready at 0 v0
            1 a pending, ready at 1 v0 | +a pending, ready at 1 v0
            2 claimed cold [] | a pending, leased A v1
            3 suspended [] | a pending, suspended v1 | +a.batch pending | send create batch-7 for a.batch
            4 done | send answer a.batch failed already_exists: the id `batch-7` belongs to s/other@1 already, this is s/g@1; choose another id
            4 done | a pending, ready at 3 v1 | a.batch failed already_exists: the id `batch-7` belongs to s/other@1 already, this is s/g@1; choose another id 4.1
        "#]],
    );
}

#[test]
fn a_promise_from_elsewhere_is_awaited_whether_it_settled_or_not_or_does_not_exist() {
    check(
        "0 create x
         1 create y
         2 settle y resolved 2
         3 create a s/f
         4 claim a A
         5 turn a v1 A n1 +await a.x x +await a.y y +await a.z z => suspend
         6 deliver
         7 settle x rejected 1
         8 deliver",
        expect![[r#"
            0 x pending | +x pending
            1 y pending | +y pending
            2 y resolved 2 2.1 | y resolved 2 2.1
            3 a pending, ready at 3 v0 | +a pending, ready at 3 v0
            4 claimed cold [] | a pending, leased A v1
            5 suspended [] | a pending, suspended v1 | +a.x pending | +a.y pending | +a.z pending | send subscribe x for a.x | send subscribe y for a.y | send subscribe z for a.z
            6 done | x pending
            6 done | send answer a.y resolved 2
            6 done | send answer a.z failed not_found: there is no promise `z`
            6 done | a pending, ready at 5 v1 | a.y resolved 2 4.1
            6 done | a.z failed not_found: there is no promise `z` 5.1
            7 x rejected 1 3.1 | x rejected 1 3.1 | send answer a.x rejected 1
            8 done | a.x rejected 1 6.1
        "#]],
    );
}

#[test]
fn a_tell_says_what_came_of_it() {
    check(
        "0 create x
         1 create a s/f
         2 claim a A
         3 turn a v1 A n1 +tell a.one x resolved 1 +tell a.two x resolved 2 +tell a.three nobody resolved 3 => suspend
         4 deliver",
        expect![[r#"
            0 x pending | +x pending
            1 a pending, ready at 1 v0 | +a pending, ready at 1 v0
            2 claimed cold [] | a pending, leased A v1
            3 suspended [] | a pending, suspended v1 | +a.one pending | +a.three pending | +a.two pending | send tell x resolved 1 for a.one | send tell x resolved 2 for a.two | send tell nobody resolved 3 for a.three
            4 done | x resolved 1 2.1 | send answer a.one resolved true
            4 done | send answer a.two resolved false
            4 done | send answer a.three failed not_found: there is no promise `nobody`
            4 done | a pending, ready at 3 v1 | a.one resolved true 4.1
            4 done | a.two resolved false 5.1
            4 done | a.three failed not_found: there is no promise `nobody` 6.1
        "#]],
    );
}
