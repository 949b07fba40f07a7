//! Creating a root.

use expect_test::expect;

use crate::check;

#[test]
fn a_root_is_created_once_and_given_as_it_is_to_who_asks_again() {
    check(
        "0 create order-1 shop/checkout arg=1 timeout=100
         5 create order-1 shop/checkout arg=1
         6 get order-1",
        expect![[r#"
            0 order-1 pending until 100, ready at 0 v0 | +order-1 pending until 100, ready at 0 v0
            5 order-1 pending until 100, ready at 0 v0 (as it was)
            6 order-1 pending until 100, ready at 0 v0 (as it was)
        "#]],
    );
}

#[test]
fn the_same_id_for_another_call_is_refused_with_both_sides() {
    check(
        "0 create order-1 shop/checkout arg=1
         1 create order-1 shop/checkout arg=2
         2 create order-1 shop/refund arg=1
         3 create order-1
         4 create order-1 shop/checkout arg=2 any",
        expect![[r#"
            0 order-1 pending, ready at 0 v0 | +order-1 pending, ready at 0 v0
            1 refused the id `order-1` belongs to shop/checkout@1 with arguments of 3 bytes (digest 9f3aff9906aa4f0c) already, this is shop/checkout@1 with arguments of 3 bytes (digest 20c58f1402343fea); choose another id
            2 refused the id `order-1` belongs to shop/checkout@1 already, this is shop/refund@1; choose another id
            3 refused the id `order-1` belongs to shop/checkout@1 already, this is a promise that somebody outside settles; choose another id
            4 order-1 pending, ready at 0 v0 (as it was)
        "#]],
    );
}

#[test]
fn a_call_can_be_created_for_later() {
    check(
        "0 create order-1 shop/checkout at=50
         10 claim order-1 A
         50 claim order-1 A",
        expect![[r#"
            0 order-1 pending, ready at 50 v0 | +order-1 pending, ready at 50 v0
            10 refused the task of `order-1` is pending, not ready to be claimed
            50 claimed cold [] | order-1 pending, leased A v1
        "#]],
    );
}

#[test]
fn a_promise_whose_timeout_has_passed_is_created_timed_out() {
    check(
        "9 create order-1 shop/checkout timeout=5",
        expect![[r#"
        9 order-1 timedout 1.1 | +order-1 timedout 1.1
    "#]],
    );
}

#[test]
fn a_dot_is_not_for_roots() {
    check(
        "0 create order-1.charge payments/charge",
        expect![[r#"
        0 refused `order-1.charge`: a `.` stands between a caller and its calls; write `-` or `/` in an id of your own
    "#]],
    );
}

#[test]
fn a_root_leaves_room_for_the_ids_of_its_calls() {
    let id = "x".repeat(401);
    let printed = resonate_core::testing::script::run(&format!("0 create {id} shop/checkout"));
    assert!(
        printed.contains("an id of your own has at most 400 bytes"),
        "{printed}"
    );
}

#[test]
fn an_execution_that_continued_as_another_is_still_the_same_call() {
    check(
        "0 create a s/f arg=1
         1 claim a A
         2 turn a v1 A n1 => continue [2]
         3 create a s/f arg=1
         4 create a s/g arg=1",
        expect![[r#"
            0 a pending, ready at 0 v0 | +a pending, ready at 0 v0
            1 claimed cold [] | a pending, leased A v1
            2 over [] | a pending, ready at 2 v1
            3 a pending, ready at 2 v1 (as it was)
            4 refused the id `a` belongs to s/f@1 already, this is s/g@1; choose another id
        "#]],
    );
}
