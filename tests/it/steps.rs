//! Steps: closures that run in place, are recorded, and never run again.

use std::io;

use resonate::prelude::*;

use crate::world::{World, millis, note, notes};

#[durable(service = "steps")]
async fn quotes(url: &str) -> Result<(usize, usize)> {
    let mut calls = 0;
    let quote = step(|| {
        calls += 1;
        async { Ok::<_, io::Error>(url.len()) }
    })
    .label("quote")
    .await?;
    let unnamed = step(|| async { Ok::<_, Error>(quote + 1) }).await?;
    step(|| async { Ok::<_, Error>(()) }).label("quote").await?;
    assert_eq!(calls, 1);
    Ok((quote, unnamed))
}

#[tokio::test]
async fn a_step_borrows_what_it_needs_and_is_found_by_its_label() {
    let world = World::serving(&["steps"]).await;
    assert_eq!(
        world
            .call(quotes("http://example.org").id("quotes"))
            .await
            .unwrap(),
        (18, 19)
    );
    let ids: Vec<_> = world
        .tree("quotes")
        .await
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(
        ids,
        ["quotes", "quotes.quote", "quotes.step", "quotes.quote-1"]
    );
}

#[durable(service = "steps")]
async fn tries_in_place(works_at: u32) -> Result<u32> {
    note("body");
    let mut tries = 0;
    let policy = Retry::fixed(millis(1)).max_attempts(3);
    step(|| {
        tries += 1;
        async move {
            if tries < works_at {
                Err(io::Error::other(format!("try {tries}")))
            } else {
                Ok(tries)
            }
        }
    })
    .label("fetch")
    .retry(policy)
    .await
}

#[tokio::test]
async fn a_step_is_tried_again_in_place_and_its_last_error_is_its_outcome() {
    let world = World::serving(&["steps"]).await;
    assert_eq!(world.call(tries_in_place(3).id("third")).await.unwrap(), 3);
    assert_eq!(world.notes.count("body"), 1);
    let error = world.call(tries_in_place(4).id("never")).await.unwrap_err();
    assert_eq!(error.to_string(), "try 3 (promise `never.fetch`)");
    assert_eq!(world.state("never.fetch").await, "rejected");
    assert_eq!(world.notes.count("body"), 2);
}

#[durable(service = "steps")]
async fn picks_what_to_try() -> Result<u32> {
    let mut tries = 0;
    let policy =
        Retry::fixed(millis(1)).when(|error: &io::Error| error.kind() == io::ErrorKind::TimedOut);
    step(|| {
        tries += 1;
        let kind = if tries < 3 {
            io::ErrorKind::TimedOut
        } else {
            io::ErrorKind::NotFound
        };
        async move { Err::<u32, _>(io::Error::new(kind, format!("try {tries}"))) }
    })
    .retry(policy)
    .await
}

#[tokio::test]
async fn a_condition_says_which_errors_of_a_step_are_tried_again() {
    let world = World::serving(&["steps"]).await;
    let error = world
        .call(picks_what_to_try().id("picks"))
        .await
        .unwrap_err();
    assert_eq!(error.message(), "try 3");
}

/// Runs a step of each kind, waits, and goes on.
#[durable(service = "steps")]
async fn runs_once() -> Result<u32> {
    note("body");
    let recorded = step(|| async {
        note("recorded");
        Ok::<_, Error>(1)
    });
    let once = step(|| async {
        note("once");
        Ok::<_, Error>(10)
    });
    let pure = step(|| async {
        note("pure");
        Ok::<_, Error>(100)
    });
    let sum = recorded.label("recorded").await?
        + once.at_most_once().label("once").await?
        + pure.pure().await?;
    promise::<()>("go").await?;
    Ok(sum)
}

#[tokio::test]
async fn a_recorded_step_never_runs_again_and_a_pure_one_always_does() {
    let world = World::serving(&[]).await;
    let first = world.join(&["steps"]).await;
    let running = world.begin(runs_once().id("steps"));
    world.until_state("steps", "suspended").await;
    first.shutdown().await;
    let _second = world.join(&["steps"]).await;
    world.resonate.resolve("steps.go", &()).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().unwrap(), 111);
    let count = |line| world.notes.count(line);
    assert_eq!(
        (
            count("body"),
            count("recorded"),
            count("once"),
            count("pure")
        ),
        (2, 1, 1, 2)
    );
    let ids: Vec<_> = world
        .tree("steps")
        .await
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids, ["steps", "steps.recorded", "steps.once", "steps.go"]);
}

#[durable(service = "steps")]
async fn is_interrupted(at_most_once: bool) -> Result<u32> {
    let mut work = step(|| async {
        note("step began");
        notes().pass().await;
        Ok::<_, Error>(1)
    })
    .label("work");
    if at_most_once {
        work = work.at_most_once();
    }
    work.await
}

/// The worker leaves while the step runs; another one takes over.
async fn interrupted(at_most_once: bool) -> (World, Result<u32>) {
    let world = World::serving(&[]).await;
    let first = world
        .join_with(&["steps"], |builder| builder.grace(millis(20)))
        .await;
    let running = world.begin(is_interrupted(at_most_once).id("work"));
    world.notes.until("step began").await;
    first.shutdown().await;
    world.notes.open(1);
    let _second = world.join(&["steps"]).await;
    let result = running.await.unwrap().and_then(|result| result);
    (world, result)
}

#[tokio::test]
async fn a_step_that_was_interrupted_runs_again() {
    let (world, result) = interrupted(false).await;
    assert_eq!(result.unwrap(), 1);
    assert_eq!(world.notes.count("step began"), 2);
}

#[tokio::test]
async fn a_step_at_most_once_that_was_interrupted_has_failed_with_an_unknown_outcome() {
    let (world, result) = interrupted(true).await;
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind(), error.promise()),
        (ErrorKind::OutcomeUnknown, Some("work.work"))
    );
    assert_eq!(world.notes.count("step began"), 1);
}

#[durable(service = "steps")]
async fn leaf() -> Result<u32> {
    Ok(1)
}

#[durable(service = "steps")]
async fn calls_in_a_step() -> Result<u32> {
    step(|| async { leaf().await })
        .label("outer")
        .retry(Retry::never())
        .await
}

#[durable(service = "steps")]
async fn promises_in_a_step() -> Result<u32> {
    step(|| async { promise::<u32>("inner").await })
        .label("outer")
        .retry(Retry::never())
        .await
}

#[durable(service = "steps")]
async fn sleeps_in_a_step() -> Result<()> {
    let asleep = step(|| async {
        sleep(millis(1)).await;
        Ok::<_, Error>(())
    });
    asleep.label("outer").await
}

#[durable(service = "steps")]
async fn steps_in_a_step() -> Result<u32> {
    step(|| step(|| async { Ok::<_, Error>(1) }).label("inner"))
        .label("outer")
        .await
}

#[tokio::test]
async fn nothing_durable_can_be_done_in_a_step() {
    let world = World::serving(&["steps"]).await;
    let refused = |error: Error, what: &str| {
        assert_eq!(error.kind(), ErrorKind::Misused);
        let text = error.message().to_owned();
        assert!(
            text.starts_with(&format!("{what} at {}:", file!())),
            "{text}"
        );
        assert!(
            text.contains("is inside of a step, whose closure is not replayed"),
            "{text}"
        );
    };
    refused(
        world.call(calls_in_a_step().id("calls")).await.unwrap_err(),
        "the call of steps/leaf@1",
    );
    refused(
        world
            .call(promises_in_a_step().id("promises"))
            .await
            .unwrap_err(),
        "the promise `inner`",
    );
    refused(
        world
            .call(sleeps_in_a_step().id("sleeps"))
            .await
            .unwrap_err(),
        "`sleep`",
    );
    refused(
        world.call(steps_in_a_step().id("steps")).await.unwrap_err(),
        "the step `inner`",
    );
    assert_eq!(world.tree("calls").await.len(), 2);
}

#[durable(service = "steps")]
async fn panics_in_a_step() -> Result<u32> {
    step(|| async {
        if true {
            panic!("in the step")
        } else {
            Ok::<u32, Error>(1)
        }
    })
    .await
}

#[tokio::test]
async fn a_panic_in_a_step_is_a_panic_of_its_function() {
    let world = World::serving(&["steps"]).await;
    let error = world
        .call(panics_in_a_step().retry(Retry::never()).id("panics"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Panicked, "it panicked: in the step")
    );
}

#[tokio::test]
async fn a_step_outside_of_a_durable_function_is_refused() {
    let error = step(|| async { Ok::<u32, Error>(1) })
        .label("lonely")
        .await
        .unwrap_err();
    let text = error.message();
    assert!(
        text.starts_with("the step `lonely` at ") && text.contains("outside of a durable function"),
        "{text}"
    );
}

#[durable(service = "steps")]
async fn labels_it_badly() -> Result<u32> {
    step(|| async { Ok::<u32, Error>(1) })
        .label("no label")
        .await
}

#[tokio::test]
async fn the_label_of_a_step_is_a_name() {
    let world = World::serving(&["steps"]).await;
    let error = world.call(labels_it_badly().id("bad")).await.unwrap_err();
    assert!(
        error
            .message()
            .starts_with("the step \"no label\" is no name"),
        "{error}"
    );
}
