//! Settling from outside.

use expect_test::expect;

use crate::check;

#[test]
fn a_late_settle_is_told_apart_from_a_repeated_one() {
    check(
        "0 create order-1 timeout=100
         5 settle order-1 resolved 7
         6 settle order-1 resolved 7
         7 settle order-1 rejected 8
         8 settle order-2 resolved 1",
        expect![[r#"
            0 order-1 pending until 100 | +order-1 pending until 100
            5 order-1 resolved 7 2.1 | order-1 resolved 7 2.1
            6 order-1 resolved 7 2.1 (as it was)
            7 refused the promise `order-1` is resolved already
            8 refused there is no promise `order-2`
        "#]],
    );
}

#[test]
fn a_settle_whose_answer_was_lost_is_told_again_that_it_made_the_difference() {
    check(
        "0 create order-1
         5 settle order-1 resolved 7 key=1
         6 settle order-1 resolved 7 key=1
         7 settle order-1 resolved 7 key=2
         8 settle order-1 resolved 7
         9 settle order-1 resolved 8 key=1
         10 cancel order-1 key=1 enough",
        expect![[r#"
            0 order-1 pending | +order-1 pending
            5 order-1 resolved 7 2.1 | order-1 resolved 7 2.1
            6 order-1 resolved 7 2.1
            7 order-1 resolved 7 2.1 (as it was)
            8 order-1 resolved 7 2.1 (as it was)
            9 refused the promise `order-1` is resolved already
            10 refused the promise `order-1` is resolved already
        "#]],
    );
}

#[test]
fn a_settle_without_a_key_is_never_taken_for_another() {
    check(
        "0 create order-1
         5 settle order-1 resolved 7
         6 settle order-1 resolved 7
         7 settle order-1 resolved 7 key=1",
        expect![[r#"
            0 order-1 pending | +order-1 pending
            5 order-1 resolved 7 2.1 | order-1 resolved 7 2.1
            6 order-1 resolved 7 2.1 (as it was)
            7 order-1 resolved 7 2.1 (as it was)
        "#]],
    );
}

#[test]
fn a_settle_after_the_timeout_finds_the_promise_timed_out() {
    check(
        "0 create order-1 timeout=100
         100 settle order-1 resolved 7
         101 get order-1",
        expect![[r#"
            0 order-1 pending until 100 | +order-1 pending until 100
            100 refused the promise `order-1` is timedout already | order-1 timedout 2.1
            101 order-1 timedout 2.1 (as it was)
        "#]],
    );
}

#[test]
fn a_client_cannot_write_what_only_time_and_waves_write() {
    check(
        "0 create order-1
         1 settle order-1 timedout
         2 settle order-1 canceled no",
        expect![[r#"
            0 order-1 pending | +order-1 pending
            1 refused `order-1`: a client cannot write the state `timedout`; resolve, reject or cancel it
            2 refused `order-1`: a client cannot write the state `canceled`; resolve, reject or cancel it
        "#]],
    );
}

#[test]
fn settling_a_call_from_outside_voids_the_claim_and_cancels_what_is_below() {
    check(
        "0 create order-1 shop/checkout
         1 claim order-1 A
         2 turn order-1 v1 A n1 +call order-1.charge payments/charge => go
         3 settle order-1 resolved 7
         4 turn order-1 v1 A n2 => fulfill resolved 8",
        expect![[r#"
            0 order-1 pending, ready at 0 v0 | +order-1 pending, ready at 0 v0
            1 claimed cold [] | order-1 pending, leased A v1
            2 leased [] | order-1 pending, leased A v1 | +order-1.charge pending, ready at 2 v1
            3 order-1 resolved 7 4.1 | order-1 resolved 7 4.1 | order-1.charge canceled (order-1 returned) 4.2 | drop A order-1 v1 (resolved from outside)
            4 refused the claim on `order-1` under version 1 is over (it is done under version 1)
        "#]],
    );
}
