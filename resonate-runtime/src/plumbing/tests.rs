//! The probes pick what generated code means, and results travel there and back.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test knows what must come"
)]
#![expect(clippy::needless_borrow, reason = "generated code is written so")]

use std::sync::Mutex;

use futures_util::FutureExt;
use resonate_core::{Failure, Outcome, PromiseId};
use serde::Deserialize;

use super::{probe::*, *};
use crate::{ErrorKind, Result, codec::Codecs};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum PaymentError {
    Declined,
    Busy,
    Resonate(String),
}

impl From<Error> for PaymentError {
    fn from(error: Error) -> Self {
        Self::Resonate(error.to_string())
    }
}

/// Neither serializable nor an error of anything.
struct Opaque;

const fn definition(retry: Option<fn() -> Retry>, codec: Option<&'static str>) -> Definition {
    Definition {
        name: "charge",
        service: "payments",
        version: 1,
        parameters: &[],
        result: "()",
        body_fingerprint: 0,
        item: || "",
        options: Options {
            retry,
            codec,
            ..Options::NONE
        },
        file: "src/pay.rs",
        line: 1,
        run: None,
    }
}

static PLAIN: Definition = definition(None, None);
static COMPACT: Definition = definition(None, Some("bincode"));
static PATIENT: Definition = definition(
    Some(|| Retry::exponential().when(|error: &PaymentError| matches!(error, PaymentError::Busy))),
    None,
);
static PICKY: Definition = definition(
    Some(|| Retry::exponential().when(|error: &Error| error.message() == "busy")),
    None,
);

fn id() -> PromiseId {
    PromiseId::new("a").unwrap()
}

/// What an outcome of `R`'s function gives to who awaits it.
fn awaited<R>(output: Output<R>, outcome: &Outcome) -> Result<R> {
    output
        .decode(outcome, &Codecs::default(), &id())
        .or_else(|error| output.recover(error))
}

fn ended<R>(definition: &'static Definition, output: Output<R>, result: R) -> Ending {
    let payload = resonate_core::Payload::json("[]");
    output
        .close(result, &Input::new(definition, payload, Codecs::default()))
        .0
}

#[test]
fn a_result_with_an_error_type_goes_as_one_and_all_else_as_a_plain_value() {
    type Paid = Result<u32, PaymentError>;
    let output: Output<Paid> = (&&Tag::<Paid>::new()).output();
    assert!(matches!(
        ended(&PLAIN, output, Err(PaymentError::Declined)),
        Ending::Rejected { again: false, .. }
    ));
    let output: Output<u32> = (&&Tag::<u32>::new()).output();
    assert!(matches!(ended(&PLAIN, output, 7), Ending::Resolved(_)));
    // No `From<Error>`: the check complains at the user's type, and this is silent.
    type Bare = Result<u32, u32>;
    let output: Output<Bare> = (&&Tag::<Bare>::new()).output();
    assert!(
        matches!(ended(&PLAIN, output, Err(1)), Ending::Resolved(_)),
        "as a plain value"
    );
    let output: Output<Opaque> = (&&Tag::<Opaque>::new()).output();
    assert!(matches!(
        ended(&PLAIN, output, Opaque),
        Ending::Failed { .. }
    ));
}

#[test]
fn the_parts_of_a_result_are_found() {
    let _: Tag<u32> = (&Tag::<Result<u32, PaymentError>>::new()).value();
    let _: Tag<PaymentError> = (&Tag::<Result<u32, PaymentError>>::new()).error();
    let _: Tag<Vec<u32>> = (&Tag::<Vec<u32>>::new()).value();
    let error: Tag<Error> = (&Tag::<Vec<u32>>::new()).error();
    (&error).must_travel();
    (&error).must_answer();
    (&Tag::<PaymentError>::new()).must_answer();
    (&&Lent::<str>::new()).must_lend();
    (&&Lent::<[u8]>::new()).must_lend();
}

#[test]
fn arguments_are_written_and_read_as_a_tuple_or_as_nothing() {
    let (card, cents) = (String::from("4242"), 1200u64);
    for (definition, label) in [(&PLAIN, "json"), (&COMPACT, "bincode")] {
        let written = (&Given((&*card, &cents)))
            .encode(definition)
            .written
            .unwrap();
        assert_eq!(written.encoding.0, label);
        let read: (String, u64) = Codecs::default().decode(&written).unwrap();
        assert_eq!(read, (card.clone(), cents));
    }
    let nothing = (&Given(NoArguments)).encode(&PLAIN).written.unwrap();
    assert_eq!(&nothing.data[..], b"[]");
    assert_eq!(
        Codecs::default().decode::<NoArguments>(&nothing).unwrap(),
        NoArguments
    );
    assert!((&Given(Opaque)).encode(&PLAIN).written.is_err());
}

/// Runs a body that remembers its arguments.
fn run_with(param: &str) -> (Ending, Vec<(String, u64)>) {
    let seen: &'static Mutex<Vec<(String, u64)>> = Box::leak(Box::default());
    let input = Input::new(
        &PLAIN,
        resonate_core::Payload::json(param.to_owned()),
        Codecs::default(),
    );
    let running = run(
        input,
        (&Tag::<(String, u64)>::new()).decoder(),
        (&&Tag::<u64>::new()).output(),
        move |(card, cents)| async move {
            seen.lock().unwrap().push((card, cents));
            cents + 1
        },
    );
    let ended = running.now_or_never().expect("it waits for nothing");
    (ended.0, std::mem::take(&mut seen.lock().unwrap()))
}

#[test]
fn a_body_runs_with_its_arguments() {
    let (ended, seen) = run_with(r#"["4242", 1200]"#);
    assert!(matches!(ended, Ending::Resolved(payload) if &payload.data[..] == b"1201"));
    assert_eq!(seen, [("4242".to_owned(), 1200)]);
}

#[test]
fn arguments_that_do_not_fit_are_a_final_failure_and_the_body_does_not_begin() {
    for param in [
        "[]",
        r#"["4242"]"#,
        r#"["4242", -1]"#,
        r#"["4242", 1, 2]"#,
        "{",
    ] {
        let (ended, seen) = run_with(param);
        let Ending::Failed { error, again: None } = ended else {
            panic!("{param}")
        };
        assert_eq!(
            (error.kind(), error.is_terminal(), seen.len()),
            (ErrorKind::Decode, true, 0),
            "{param}"
        );
        assert_eq!(
            error.message(),
            "the arguments of payments/charge@1 do not fit its parameters"
        );
    }
}

#[test]
fn the_functions_own_errors_are_tried_again_if_its_policy_says_so() {
    let output = Output::<Result<u32, PaymentError>>::of_result();
    let again = |result| match ended(&PATIENT, output, Err(result)) {
        Ending::Rejected { again, .. } => again,
        other => panic!("{:?}", Ended(other)),
    };
    assert!(again(PaymentError::Busy));
    assert!(!again(PaymentError::Declined));
}

#[test]
fn an_error_of_ours_is_a_failure_and_its_policy_is_asked_too() {
    let output = Output::<Result<u32>>::of_result();
    let again = |definition, error| match ended(definition, output, Err(error)) {
        Ending::Failed { again, .. } => again,
        other => panic!("{:?}", Ended(other)),
    };
    assert_eq!(again(&PLAIN, Error::new("busy")), None);
    assert_eq!(again(&PATIENT, Error::new("busy")), None);
    assert_eq!(again(&PICKY, Error::new("busy")), Some(true));
    assert_eq!(again(&PICKY, Error::new("declined")), Some(false));
}

#[test]
fn what_is_awaited_is_the_value_the_answer_or_the_failure() {
    let typed = Output::<Result<u32, PaymentError>>::of_result();
    let plain = Output::<u32>::of_value();
    let seven = Outcome::Resolved(resonate_core::Payload::json("7"));
    assert_eq!(awaited(typed, &seven).unwrap(), Ok(7));
    assert_eq!(awaited(plain, &seven).unwrap(), 7);
    let declined = Outcome::Rejected(resonate_core::Payload::json("\"Declined\""));
    assert_eq!(
        awaited(typed, &declined).unwrap(),
        Err(PaymentError::Declined)
    );
    let error = awaited(plain, &declined).unwrap_err();
    assert_eq!(error.to_string(), "it was rejected: Declined (promise `a`)");
    let failed = Outcome::Failed(Failure::new(ErrorKind::Panicked, "index out of bounds"));
    assert_eq!(
        awaited(typed, &failed).unwrap(),
        Err(PaymentError::Resonate(
            "index out of bounds (promise `a`)".to_owned()
        ))
    );
    assert_eq!(
        awaited(plain, &failed).unwrap_err().kind(),
        ErrorKind::Panicked
    );
    assert_eq!(
        awaited(plain, &Outcome::TimedOut).unwrap_err().kind(),
        ErrorKind::Timeout
    );
    let wrong = Outcome::Resolved(resonate_core::Payload::json("\"seven\""));
    assert_eq!(
        awaited(plain, &wrong).unwrap_err().kind(),
        ErrorKind::Decode
    );
}

/// As `Promise<R>` awaits what it knows by its type alone.
fn awaited_by_type<R: Value>(outcome: &Outcome) -> Result<R> {
    Output::<R>::of_promise().decode(outcome, &Codecs::default(), &id())
}

#[test]
fn a_promise_of_a_result_is_resolved_with_its_ok_and_rejected_with_its_err() {
    type Paid = Result<u32, PaymentError>;
    let codecs = Codecs::default();
    for label in ["json", "bincode"] {
        let resolved = Outcome::Resolved(codecs.encode(Some(label), &7u32).unwrap());
        assert_eq!(awaited_by_type::<Paid>(&resolved).unwrap(), Ok(7));
        assert_eq!(awaited_by_type::<u32>(&resolved).unwrap(), 7);
        let declined = codecs.encode(Some(label), &PaymentError::Declined).unwrap();
        let rejected = Outcome::Rejected(declined);
        assert_eq!(
            awaited_by_type::<Paid>(&rejected).unwrap(),
            Err(PaymentError::Declined)
        );
        let inside = Outcome::Resolved(
            codecs
                .encode(Some(label), &vec![Ok::<u8, u8>(1), Err(2)])
                .unwrap(),
        );
        let results: Vec<Result<u8, u8>> = awaited_by_type(&inside).unwrap();
        assert_eq!(
            results,
            [Ok(1), Err(2)],
            "only the outermost is the promise's"
        );
    }
}

#[test]
fn a_promise_of_anything_else_has_no_place_for_what_it_is_rejected_with() {
    let text = Outcome::Rejected(resonate_core::Payload::json("\"no budget\""));
    let error = awaited_by_type::<String>(&text).unwrap_err();
    assert_eq!(error.message(), "it was rejected: no budget");
    let error = awaited_by_type::<Result<String, PaymentError>>(&text).unwrap_err();
    assert_eq!(error.message(), "it was rejected: no budget");
    let error = awaited_by_type::<Result<u32, u32>>(&Outcome::TimedOut).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[test]
fn what_cannot_be_written_says_what_it_was_to_be() {
    let output = Output::<std::collections::BTreeMap<(u8, u8), u8>>::of_value();
    let Ending::Failed { error, .. } = ended(&PLAIN, output, [((1, 2), 3)].into()) else {
        panic!("it was written")
    };
    assert_eq!(
        error.message(),
        "the result of payments/charge@1: a value could not be written: key must be a string"
    );
}

#[test]
fn what_a_person_rejects_with_arrives_as_an_error_of_ours() {
    let output = Output::<Result<bool>>::of_result();
    let text = |json: &'static str| {
        let outcome = Outcome::Rejected(resonate_core::Payload::json(json));
        awaited(output, &outcome)
            .unwrap()
            .unwrap_err()
            .message()
            .to_owned()
    };
    assert_eq!(text("\"not today\""), "it was rejected: not today");
    assert_eq!(text("{\"code\":7}"), "it was rejected: {\"code\":7}");
    let failure = Error::new("no").to_failure();
    let outcome = Outcome::Rejected(Codecs::default().encode(None, &failure).unwrap());
    assert_eq!(
        awaited(output, &outcome).unwrap().unwrap_err().message(),
        "no"
    );
}
