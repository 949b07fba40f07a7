//! The rules, verb by verb, as scripts.

mod awaiters;
mod cancel;
mod claim;
mod compensate;
mod create;
mod messages;
mod random;
mod schedule;
mod settle;
mod table;
mod trim;
mod turn;

/// Runs a script on the reference, with every invariant checked after each line.
#[track_caller]
fn check(script: &str, expect: expect_test::Expect) {
    expect.assert_eq(&resonate_core::testing::script::run(script));
}
