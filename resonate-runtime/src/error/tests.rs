//! Errors keep what they know through `?`, boxes, serde and other services.

use std::{io, num::ParseIntError};

use resonate_core::Outcome;

use super::*;

fn id(text: &str) -> PromiseId {
    PromiseId::new(text).expect("a good id")
}

fn fails() -> Result<u64> {
    Ok("twelve".parse::<u64>()?)
}

#[test]
fn a_question_mark_keeps_the_original() {
    let error = fails().unwrap_err();
    assert!(error.downcast_ref::<ParseIntError>().is_some());
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(error.to_string(), "invalid digit found in string");
}

#[test]
fn a_text_says_which_promise_once() {
    let error = Error::new("no room").at(&id("order-42.ship"));
    assert_eq!(error.to_string(), "no room (promise `order-42.ship`)");
    let error = Error::new("`order-42.ship` has no room").at(&id("order-42.ship"));
    assert_eq!(error.to_string(), "`order-42.ship` has no room");
}

#[test]
fn the_promise_is_where_it_began() {
    let error = Error::new("no room").at(&id("a.b")).at(&id("a"));
    assert_eq!(error.promise(), Some("a.b"));
}

#[test]
fn causes_cross_services() {
    let error = Error::from(io::Error::other("disk full"))
        .context("writing the label")
        .context("shipping");
    let there = Error::of_failure(error.to_failure());
    assert_eq!(there.causes(), ["writing the label", "disk full"]);
    assert_eq!(
        format!("{there:#}"),
        "shipping: writing the label: disk full"
    );
    assert_eq!(
        format!("{there:?}"),
        "shipping [failed]\n\nCaused by:\n    writing the label\n    disk full"
    );
}

#[test]
fn a_box_becomes_the_same_error_again() {
    let error = Error::terminal("no").at(&id("a"));
    let again: Error = error.into_std().into();
    assert!(again.is_terminal());
    assert_eq!(again.promise(), Some("a"));
    let boxed: Box<dyn std::error::Error + Send + Sync> = again.into();
    assert_eq!(boxed.to_string(), "no (promise `a`)");
}

/// Something with a cause, which has one too.
#[derive(Debug, thiserror::Error)]
#[error("charging")]
struct Charging(#[source] Connecting);

#[derive(Debug, thiserror::Error)]
#[error("connecting")]
struct Connecting(#[source] io::Error);

fn charging() -> Charging {
    Charging(Connecting(io::Error::other("no route")))
}

#[test]
fn a_question_mark_keeps_all_causes_also_under_a_context_and_in_another_service() {
    fn fails() -> Result<()> {
        Err(charging())?
    }
    let error = fails().unwrap_err();
    assert_eq!(error.message(), "charging");
    assert_eq!(error.causes(), ["connecting", "no route"]);
    let there = Error::of_failure(error.to_failure());
    assert_eq!(there.causes(), ["connecting", "no route"]);
    let under = error.context("paying");
    assert_eq!(under.causes(), ["charging", "connecting", "no route"]);
}

#[test]
fn a_boxed_error_keeps_all_causes_and_one_of_ours_is_the_same_again() {
    let boxed: Box<dyn std::error::Error + Send + Sync> = charging().into();
    let error = Error::from_boxed(boxed);
    assert_eq!(format!("{error:#}"), "charging: connecting: no route");
    assert!(error.downcast_ref::<Charging>().is_some());
    let ours = Error::terminal("no").at(&id("a"));
    let again = Error::from_boxed(Box::<dyn std::error::Error + Send + Sync>::from(ours));
    assert!(again.is_terminal());
    assert_eq!(again.promise(), Some("a"));
    assert_eq!(Error::from_boxed("a text").to_string(), "a text");
}

#[test]
fn json_brings_everything_but_finality() {
    let error = Error::from(io::Error::other("disk full"))
        .context("writing")
        .at(&id("a"));
    let text = serde_json::to_string(&error).unwrap();
    let read: Error = serde_json::from_str(&text).unwrap();
    assert_eq!(read.to_failure(), error.to_failure());
}

#[test]
fn it_is_a_part_of_a_users_own_error() {
    #[derive(Debug, thiserror::Error)]
    enum PaymentError {
        #[error("the books are closed")]
        Resonate(#[from] Error),
    }
    let error = PaymentError::from(Error::new("no server"));
    let source = std::error::Error::source(&error).expect("it is the source");
    assert_eq!(source.to_string(), "no server");
}

#[test]
fn outcomes_without_an_answer_are_errors() {
    let kind = |outcome| Error::of_outcome(&outcome, &id("a")).map(|error| error.kind());
    assert_eq!(kind(Outcome::TimedOut), Some(ErrorKind::Timeout));
    let reason = "by hand".to_owned();
    assert_eq!(
        kind(Outcome::Canceled { reason }),
        Some(ErrorKind::Canceled)
    );
    assert_eq!(
        kind(Outcome::Failed(Failure::new(ErrorKind::Panicked, "x"))),
        Some(ErrorKind::Panicked)
    );
    assert_eq!(
        kind(Outcome::Rejected(resonate_core::Payload::json("1"))),
        None
    );
}

#[test]
fn a_text_too_long_for_a_record_is_cut_at_a_character() {
    let failure = Error::new("ß".repeat(limits_of_texts())).to_failure();
    assert!(failure.message.len() < limits_of_texts() + 64);
    assert!(failure.message.ends_with("bytes)"));
}

fn limits_of_texts() -> usize {
    crate::limits::ERROR_TEXT_BYTES + 1
}
