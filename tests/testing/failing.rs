//! A test that fails says in which run, and what is pending.

#![expect(
    unnameable_test_items,
    reason = "they fail, so other tests run them by name"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use resonate::{prelude::*, testing::World};

/// What a failing test says last.
fn last_words(test: fn()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("it fails");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .expect("a text")
}

#[durable]
async fn waits() -> Result<u32> {
    promise::<u32>("for_ever").await
}

#[durable]
async fn counts() -> u64 {
    sleep(seconds(1)).await;
    1
}

#[test]
fn an_assertion_that_fails_is_what_the_test_says() {
    #[resonate::test]
    async fn wrong() {
        assert_eq!(counts().id("1").await, 2, "two seconds");
    }
    assert!(last_words(wrong).contains("two seconds"));
}

#[test]
fn a_test_that_never_ends_is_given_up_and_says_what_is_pending() {
    #[resonate::test(give_up_after = days(10))]
    async fn stuck() -> Result<()> {
        waits().id("order-1").await?;
        Ok(())
    }
    let said = last_words(stuck);
    assert!(
        said.contains("stuck did not end within 10 days of its time"),
        "{said}"
    );
    assert!(
        said.contains("order-1 (suspended)") && said.contains("order-1.for_ever (waits)"),
        "{said}"
    );
}

#[test]
fn a_crash_that_breaks_the_test_is_named() {
    #[resonate::test(crash_everywhere)]
    async fn depends_on_no_crash(world: World) {
        counts().id("1").await;
        assert_eq!(
            world.runs("resonate/counts"),
            1,
            "a body began to run again"
        );
    }
    let said = last_words(depends_on_no_crash);
    assert!(
        said.contains(
            "depends_on_no_crash failed in the run where a worker crashes before turn 1 of"
        ),
        "{said}"
    );
}

#[test]
fn a_test_without_a_turn_cannot_crash_anywhere() {
    #[resonate::test(crash_everywhere)]
    async fn nothing() {}
    assert!(last_words(nothing).contains("no durable function ran"));
}
