//! A history that was cut, changed, or written by a newer version is refused, never half understood.

use resonate_core::{Kind, Promise, PromiseId, PromiseState, Record, Timestamp};
use resonate_proto::history;

fn record(id: &str) -> Record {
    let promise = Promise {
        id: PromiseId::new(id).expect("a good id"),
        kind: Kind::External,
        state: PromiseState::Pending,
        created_at: Timestamp::ZERO,
        timeout_at: Timestamp::NEVER,
        origin: None,
        generation: 1,
        shielded: false,
        compensation: None,
        labels: std::collections::BTreeMap::new(),
        tags: std::collections::BTreeMap::new(),
        awaiters: Vec::new(),
        held: Vec::new(),
    };
    Record {
        promise,
        task: None,
    }
}

fn written() -> String {
    let records = [record("a"), record("a.\"b")];
    history::write(&records[0].promise.id, &records)
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let refused = history::read(text).expect_err("no history");
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_history_is_read_as_it_was_written() {
    let read = history::read(&format!("{}\n\n", written())).expect("our own text");
    assert_eq!(read, [record("a"), record("a.\"b")]);
}

#[test]
fn what_is_no_history_is_refused() {
    let none = "it is no history; `resonate export ID` writes one";
    refused("", none);
    refused("[]", none);
    refused(r#"{"resonate":"functions","format":1,"promises":0}"#, none);
    refused(r#"{"resonate":"history","format":1}"#, none);
}

#[test]
fn a_newer_history_is_refused() {
    refused(
        r#"{"resonate":"history","format":2,"promises":0}"#,
        "the history has format 2, this version reads up to format 1; use a newer one",
    );
}

#[test]
fn a_history_that_was_cut_is_refused() {
    let (cut, _) = written()
        .rsplit_once('\n')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("lines");
    refused(
        &cut,
        "the history says that it has 2 promises and has 1; was the file cut?",
    );
}

#[test]
fn a_line_that_was_changed_is_refused() {
    let head = r#"{"resonate":"history","format":1,"promises":1}"#;
    let changed = "line 2 of the history is no promise; was it changed?";
    for line in [
        "{",
        r#"{"id":"a"}"#,
        r#"{"record":"0"}"#,
        r#"{"record":"0g"}"#,
        r#"{"record":"ä"}"#,
    ] {
        refused(&format!("{head}\n{line}"), changed);
    }
    refused(
        &format!("{head}\n{{\"record\":\"ffff\"}}"),
        "line 2 of the history: the row is damaged",
    );
}
