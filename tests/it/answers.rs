//! What a function ends with: answers, failures that are tried again, panics, and what its callers learn of them.

use std::io;

use resonate::prelude::*;

use crate::world::{World, eventually, millis, note, notes};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum ShopError {
    Declined { cents: u64 },
    Busy,
    Other(String),
}

impl From<Error> for ShopError {
    fn from(error: Error) -> Self {
        Self::Other(format!("{error:#}"))
    }
}

/// Writes down which attempt it is, and gives its number.
fn attempt() -> u32 {
    let execution = resonate::execution();
    note(format_args!(
        "{} attempt {}",
        execution.id(),
        execution.attempt()
    ));
    execution.attempt()
}

fn attempts(world: &World, id: &str) -> usize {
    let prefix = format!("{id} attempt ");
    world
        .notes
        .lines()
        .iter()
        .filter(|line| line.starts_with(&prefix))
        .count()
}

#[durable(service = "answers")]
async fn declines(cents: u64) -> Result<u64, ShopError> {
    attempt();
    if cents > 100 {
        Err(ShopError::Declined { cents })
    } else {
        Ok(cents)
    }
}

#[durable(service = "answers")]
async fn buys(cents: u64) -> Result<u64, ShopError> {
    declines(cents).await?;
    declines(cents + 100).remote().await
}

#[tokio::test]
async fn a_typed_error_is_an_answer_and_not_tried_again() {
    let world = World::serving(&["answers"]).await;
    assert_eq!(world.call(declines(7).id("fine")).await, Ok(7));
    assert_eq!(
        world.call(declines(700).id("declined")).await,
        Err(ShopError::Declined { cents: 700 })
    );
    assert_eq!(attempts(&world, "declined"), 1);
    assert_eq!(world.state("declined").await, "rejected");
    assert_eq!(
        world.call(buys(50).id("buys")).await,
        Err(ShopError::Declined { cents: 150 })
    );
    assert_eq!(attempts(&world, "buys.declines-1"), 1);
}

#[durable(service = "answers", retry = busy().max_attempts(3))]
async fn busy_until(attempt_that_works: u32) -> Result<u32, ShopError> {
    let attempt = attempt();
    if attempt < attempt_that_works {
        Err(ShopError::Busy)
    } else {
        Ok(attempt)
    }
}

#[durable(service = "answers", retry = busy())]
async fn declines_with_a_condition() -> Result<u32, ShopError> {
    attempt();
    Err(ShopError::Declined { cents: 1 })
}

fn busy() -> Retry {
    Retry::fixed(millis(1)).when(|error: &ShopError| *error == ShopError::Busy)
}

#[tokio::test]
async fn a_typed_error_is_tried_again_if_the_policy_says_so() {
    let world = World::serving(&["answers"]).await;
    assert_eq!(world.call(busy_until(3).id("third")).await, Ok(3));
    let declined = world.call(declines_with_a_condition().id("declined")).await;
    assert_eq!(declined, Err(ShopError::Declined { cents: 1 }));
    assert_eq!(attempts(&world, "declined"), 1);
}

#[tokio::test]
async fn a_typed_error_that_was_tried_often_enough_is_the_answer() {
    let world = World::serving(&["answers"]).await;
    assert_eq!(
        world.call(busy_until(4).id("busy")).await,
        Err(ShopError::Busy)
    );
    assert_eq!(attempts(&world, "busy"), 3);
}

#[durable(service = "answers", retry = Retry::fixed(millis(1)))]
async fn fails_until(attempt_that_works: u32) -> Result<u32> {
    let attempt = attempt();
    if attempt < attempt_that_works {
        Err(io::Error::other(format!("disk {attempt} full")))?;
    }
    Ok(attempt)
}

#[durable(service = "answers")]
async fn asks_for_little() -> Result<u32> {
    fails_until(9)
        .retry(Retry::fixed(millis(1)).max_attempts(3))
        .await
}

#[durable(service = "answers")]
async fn asks_for_enough() -> Result<u32> {
    fails_until(3).await
}

#[tokio::test]
async fn a_failure_is_tried_again_until_it_succeeds() {
    let world = World::serving(&["answers"]).await;
    assert_eq!(world.call(fails_until(4).id("outside")).await.unwrap(), 4);
    assert_eq!(world.call(asks_for_enough().id("inside")).await.unwrap(), 3);
    assert_eq!(attempts(&world, "inside.fails_until"), 3);
}

#[tokio::test]
async fn a_failure_that_was_tried_often_enough_is_what_the_caller_sees() {
    let world = World::serving(&["answers"]).await;
    let policy = Retry::fixed(millis(1)).max_attempts(2);
    let outside = world
        .call(fails_until(9).retry(policy).id("outside"))
        .await
        .unwrap_err();
    assert_eq!(
        (outside.kind(), outside.message()),
        (ErrorKind::Failed, "disk 2 full")
    );
    assert_eq!(attempts(&world, "outside"), 2);
    let inside = world
        .call(asks_for_little().id("inside"))
        .await
        .unwrap_err();
    assert_eq!(
        inside.to_string(),
        "disk 3 full (promise `inside.fails_until`)"
    );
    assert_eq!(attempts(&world, "inside.fails_until"), 3);
}

#[durable(service = "answers")]
async fn is_terminal() -> Result<()> {
    attempt();
    Err(Error::terminal("no such customer"))
}

#[durable(service = "answers", retry = Retry::fixed(millis(1)))]
async fn fails_after_a_step() -> Result<()> {
    attempt();
    step(|| async { Ok::<_, Error>(1) }).await?;
    Err(Error::new("too late to try again"))
}

#[tokio::test]
async fn a_terminal_error_and_one_after_a_result_are_answers() {
    let world = World::serving(&["answers"]).await;
    let terminal = world.call(is_terminal().id("terminal")).await.unwrap_err();
    assert_eq!(
        terminal.to_string(),
        "no such customer (promise `terminal`)"
    );
    assert_eq!(attempts(&world, "terminal"), 1);
    let late = world
        .call(fails_after_a_step().id("late"))
        .await
        .unwrap_err();
    assert_eq!(late.message(), "too late to try again");
    assert_eq!(attempts(&world, "late"), 1);
}

#[durable(service = "answers")]
async fn runs_on() -> Result<u32> {
    note("runs on");
    notes().meet().await;
    notes().pass().await;
    Ok(7)
}

#[durable(service = "answers", retry = Retry::fixed(millis(1)))]
async fn fails_while_its_call_runs() -> Result<u32> {
    let call = runs_on().remote().spawn();
    if attempt() == 1 {
        notes().meet().await;
        return Err(Error::new("again"));
    }
    call.await
}

#[tokio::test]
async fn what_a_failed_attempt_has_started_is_met_by_the_next() {
    let world = World::serving(&["answers"]).await;
    let running = world.begin(fails_while_its_call_runs().id("fails"));
    world.notes.until("fails attempt 2").await;
    world.until_state("fails", "suspended").await;
    assert_eq!(world.state("fails.runs_on").await, "leased");
    world.notes.open(1);
    assert_eq!(running.await.unwrap().unwrap().unwrap(), 7);
    assert_eq!(world.notes.count("runs on"), 1);
}

#[durable(service = "answers", retry = Retry::never())]
async fn panics() -> u64 {
    attempt();
    panic!("number {} is wrong", 7)
}

#[durable(service = "answers")]
async fn counts_on_it() -> u64 {
    let number = panics().await;
    note("after the panic");
    number + 1
}

#[durable(service = "answers")]
async fn looks_at_it() -> Result<String> {
    let error = panics().result().await.unwrap_err();
    Ok(format!("{:?} {error}", error.kind()))
}

#[tokio::test]
async fn a_panic_is_a_failure_with_its_text() {
    let world = World::serving(&["answers"]).await;
    let error = world.result(panics().id("panics")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Panicked);
    assert_eq!(
        error.to_string(),
        "it panicked: number 7 is wrong (promise `panics`)"
    );
    assert_eq!(attempts(&world, "panics"), 1);
}

#[tokio::test]
async fn an_error_ends_a_caller_that_has_no_place_for_it() {
    let world = World::serving(&["answers"]).await;
    let error = world.result(counts_on_it().id("counts")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.promise()),
        (ErrorKind::Panicked, Some("counts.panics"))
    );
    assert_eq!(world.notes.count("after the panic"), 0);
    let text = world.call(looks_at_it().id("looks")).await.unwrap();
    assert_eq!(
        text,
        "Panicked it panicked: number 7 is wrong (promise `looks.panics`)"
    );
}

#[durable(service = "answers", retry = Retry::fixed(millis(1)))]
async fn panics_always() -> u64 {
    attempt();
    panic!("again")
}

#[tokio::test]
async fn a_function_that_only_panics_is_halted_with_the_reason() {
    let world = World::serving(&["answers"]).await;
    let running = world.begin(panics_always().id("poison"));
    let reason = world.until_halted("poison").await;
    assert!(
        reason.starts_with(
            "it panicked or lost its worker 10 times in a row, last: it panicked: again"
        ),
        "{reason}"
    );
    assert!(reason.ends_with("`resonate continue poison`"), "{reason}");
    assert_eq!(attempts(&world, "poison"), 10);
    assert!(!running.is_finished());
    assert!(world.resonate.cancel("poison", "enough").await.unwrap());
    assert_eq!(
        running.await.unwrap().unwrap_err().kind(),
        ErrorKind::Canceled
    );
}

#[durable(service = "answers_far")]
async fn writes_a_label() -> Result<()> {
    let error = Error::from(io::Error::other("disk full")).context("writing the label");
    Err(error.into_terminal())
}

#[durable(service = "answers_mid")]
async fn ships() -> Result<()> {
    writes_a_label()
        .await
        .map_err(|error| error.context("shipping"))
}

#[durable(service = "answers")]
async fn orders() -> Result<u64, ShopError> {
    ships().await?;
    Ok(1)
}

#[tokio::test]
async fn causes_cross_services_in_their_order() {
    let world = World::serving(&["answers"]).await;
    let (_mid, _far) = (
        world.join(&["answers_mid"]).await,
        world.join(&["answers_far"]).await,
    );
    let error = world.call(ships().id("ships")).await.unwrap_err();
    assert_eq!(error.message(), "shipping");
    assert_eq!(error.causes(), ["writing the label", "disk full"]);
    assert_eq!(error.promise(), Some("ships.writes_a_label"));
    assert_eq!(error.kind(), ErrorKind::Failed);
    let typed = world.call(orders().id("orders")).await.unwrap_err();
    let text = "shipping (promise `orders.ships.writes_a_label`): writing the label: disk full";
    assert_eq!(typed, ShopError::Other(text.to_owned()));
}

#[durable(service = "answers_late")]
async fn served_later(n: u64) -> Result<u64> {
    Ok(n)
}

#[tokio::test]
async fn a_call_waits_for_a_worker_that_is_not_there_yet() {
    let world = World::serving(&["answers"]).await;
    let waiting = world.begin(served_later(3).id("early"));
    world.until_state("early", "pending").await;
    assert!(!waiting.is_finished());
    let _late = world.join(&["answers_late"]).await;
    assert_eq!(waiting.await.unwrap().unwrap().unwrap(), 3);
}

#[tokio::test]
async fn who_asks_again_gets_the_same_error() {
    let world = World::serving(&["answers"]).await;
    let first = world.call(is_terminal().id("asked")).await.unwrap_err();
    let again = world.call(is_terminal().id("asked")).await.unwrap_err();
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
    assert_eq!(attempts(&world, "asked"), 1);
    eventually("it is settled for everybody", async || {
        world.state("asked").await == "rejected"
    })
    .await;
    assert_eq!(
        world
            .resonate
            .get::<()>("asked")
            .await
            .unwrap_err()
            .message(),
        "no such customer"
    );
}

#[durable(service = "answers", retry = Retry::never())]
async fn uses_anyhow() -> Result<u32> {
    use anyhow::Context as _;
    let connected = || Err::<u32, _>(io::Error::other("no route")).context("connecting");
    connected().context("charging").map_err(Error::from_boxed)
}

#[durable(service = "answers")]
async fn asks_who_uses_anyhow() -> Result<String> {
    Ok(format!("{:#}", uses_anyhow().remote().await.unwrap_err()))
}

#[tokio::test]
async fn a_caller_learns_all_causes_of_what_was_an_error_of_anyhow() {
    let world = World::serving(&["answers"]).await;
    assert_eq!(
        world.call(asks_who_uses_anyhow().id("asks")).await.unwrap(),
        "charging (promise `asks.uses_anyhow`): connecting: no route"
    );
}
