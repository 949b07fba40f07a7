//! A client gets the refusal that the core gave, through a gRPC status.

use bytes::Bytes;
use expect_test::expect;
use proptest::prelude::*;
use resonate_core::{Outcome, Payload, PromiseId, Refusal, TaskVersion};
use resonate_proto::{
    BadMessage,
    status::{self, BadRefusal, DETAILS},
};
use tonic::{Code, Status, metadata::MetadataValue};

use crate::any;

fn id() -> PromiseId {
    PromiseId::new("order-42").expect("a good id")
}

/// Headers that peers of ours take.
const HEADER_BYTES: usize = 16 << 10;

/// What the headers of a status weigh: text and details as they are written, names and the rest rounded up.
fn header_bytes(status: &Status) -> usize {
    let details = status
        .metadata()
        .get_bin(DETAILS)
        .map_or(0, |value| value.as_encoded_bytes().len());
    3 * status.message().len() + details + 1_024
}

proptest! {
    #[test]
    fn a_refusal_comes_back_as_the_core_gave_it(refusal in any::request::refusal()) {
        let status = status::to_status(&refusal);
        prop_assert!(header_bytes(&status) <= HEADER_BYTES);
        prop_assert_eq!(status::from_status(&status), Ok(Some(refusal)));
    }
}

#[test]
fn every_refusal_has_its_code_and_name() {
    let refusals = [
        Refusal::NotFound(id()),
        Refusal::AlreadyExists {
            id: id(),
            existing: "a/b@1".to_owned(),
            asked: "a/c@1".to_owned(),
        },
        Refusal::AlreadySettled {
            id: id(),
            outcome: Outcome::TimedOut,
        },
        Refusal::StaleVersion {
            id: id(),
            version: TaskVersion(1),
            current: TaskVersion(2),
            state: "leased",
        },
        Refusal::TurnGap {
            id: id(),
            n: 3,
            last: 1,
        },
        Refusal::NotReady {
            id: id(),
            state: "leased",
        },
        Refusal::NotACall(id()),
        Refusal::NotHalted {
            id: id(),
            state: "done",
        },
        Refusal::TooLarge {
            id: id(),
            what: "the result",
            bytes: 2,
            max: 1,
        },
        Refusal::NotAllowed {
            id: id(),
            why: "no".to_owned(),
        },
    ];
    let row = |refusal: &Refusal| {
        let status = status::to_status(refusal);
        assert_eq!(status.message(), refusal.to_string());
        format!("{} {:?}\n", status::name(refusal), status.code())
    };
    expect![[r#"
        not_found NotFound
        already_exists AlreadyExists
        already_settled FailedPrecondition
        stale_version FailedPrecondition
        turn_gap FailedPrecondition
        not_ready FailedPrecondition
        not_a_call FailedPrecondition
        not_halted FailedPrecondition
        too_large ResourceExhausted
        not_allowed InvalidArgument
    "#]]
    .assert_eq(&refusals.iter().map(row).collect::<String>());
}

#[test]
fn a_status_that_is_no_refusal_carries_none() {
    assert_eq!(status::from_status(&Status::unavailable("gone")), Ok(None));
}

#[test]
fn an_answer_too_large_for_headers_is_left_out_and_said_so() {
    let outcome = Outcome::Resolved(Payload::json(vec![b'1'; 1 << 20]));
    let status = status::to_status(&Refusal::AlreadySettled { id: id(), outcome });
    assert!(header_bytes(&status) <= HEADER_BYTES);
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(
        status::from_status(&status),
        Err(BadRefusal::AnswerLeftOut { id: id() })
    );
}

#[test]
fn a_long_text_is_cut_and_the_code_stays() {
    let status = status::to_status(&Refusal::NotAllowed {
        id: id(),
        why: "ü".repeat(10_000),
    });
    assert!(header_bytes(&status) <= HEADER_BYTES);
    assert!(status.message().ends_with("ü…"), "{}", status.message());
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status::from_status(&status), Ok(None));
}

#[test]
fn details_that_are_damaged_or_of_a_newer_kind_are_errors() {
    let with = |bytes: &'static [u8]| {
        let mut status = Status::failed_precondition("no");
        status
            .metadata_mut()
            .insert_bin(DETAILS, MetadataValue::from_bytes(bytes));
        status::from_status(&status)
    };
    assert_eq!(with(b"\xff\xff"), Err(BadRefusal::Damaged));
    // kind = "later", id = "a"
    let newer = with(b"\x0a\x05later\x12\x01a");
    let BadRefusal::NotUnderstood(BadMessage { message, field, .. }) = newer.unwrap_err() else {
        panic!("understood")
    };
    assert_eq!((message, field), ("Refusal", "kind"));
}

#[test]
fn a_message_that_is_not_understood_is_an_invalid_argument() {
    let bad =
        resonate_core::Create::try_from(resonate_proto::v1::CreateRequest::default()).unwrap_err();
    let status = Status::from(bad);
    assert_eq!(status.code(), Code::InvalidArgument);
    expect!["CreateRequest.promise: missing, or of a kind that this version does not know"]
        .assert_eq(status.message());
    assert_eq!(status.details(), &Bytes::new());
}
