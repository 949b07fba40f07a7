//! What was stored once can be read for ever; what a newer version stored is refused.

use std::{collections::BTreeMap, sync::Arc};

use expect_test::expect;
use prost::Message as _;
use resonate_core::{
    Address, AwaiterPage, Call, Compensation, Failure, FailureKind, Kind, Message, Origin, Outcome,
    Payload, Promise, PromiseId, PromiseState, Record, RetryPolicy, Seq, SessionId, SettleKey,
    Settled, Task, TaskState, TaskVersion, Timestamp, Warm,
};
use resonate_proto::store::{self, Stored, StoredError};

fn id(text: &str) -> PromiseId {
    PromiseId::new(text).expect("a good id")
}

fn map(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

fn failure() -> Failure {
    Failure {
        kind: FailureKind::Panicked,
        message: "index out of bounds".to_owned(),
        promise: Some(id("order-42.ship")),
        causes: vec!["a cause".to_owned()],
    }
}

/// Every field of a record has a value of its own in it.
fn record() -> Record {
    let failure = failure();
    let param = Payload {
        headers: map("key", "k1"),
        ..Payload::json(r#"["card",1200]"#)
    };
    let call = Call {
        address: Address::new("payments", "charge", 2),
        signature: 0x0102_0304_0506_0708,
        param,
        retry: Some(RetryPolicy {
            max_attempts: Some(5),
            ..RetryPolicy::DEFAULT
        }),
        priority: Some(-3),
        start_at: Timestamp::from_millis(1_700_000_000_000),
    };
    let settled = Settled {
        outcome: Outcome::Failed(failure.clone()),
        at: Timestamp::from_millis(1_700_000_005_000),
        seq: Seq(0x2a_0003),
        key: None,
        because_of: None,
    };
    let origin = Origin {
        parent: id("order-42"),
        generation: 2,
        position: 7,
        location: "src/checkout.rs:31".into(),
        called_at: Timestamp::from_millis(1_700_000_001_000),
        depth: 1,
    };
    let promise = Promise {
        id: id("order-42.charge-1"),
        kind: Kind::Call(Arc::new(call)),
        state: PromiseState::Settled(Box::new(settled)),
        created_at: Timestamp::from_millis(1_700_000_002_000),
        timeout_at: Timestamp::from_millis(1_700_000_060_000),
        origin: Some(origin),
        generation: 3,
        shielded: true,
        compensation: None,
        labels: map("customer", "7"),
        tags: map("traceparent", "00-1"),
        awaiters: vec![id("other.proxy")],
    };
    let task = Task {
        state: TaskState::Leased {
            session: SessionId(0xab),
            since: Timestamp::from_millis(1_700_000_003_000),
        },
        version: TaskVersion(9),
        turn: 4,
        attempts: 4,
        failures: 2,
        losses: 1,
        stalls: 1,
        last_failure: Some(failure),
        warm: Some(Warm {
            session: SessionId(0xcd),
            shown: Seq(0x29_0001),
        }),
        halted_by: Some(SettleKey(0x0a)),
        continued_by: Some(SettleKey(0x0b)),
    };
    Record {
        promise,
        task: Some(task),
    }
}

fn message() -> Message {
    Message::Tell {
        id: id("approval"),
        outcome: Outcome::Canceled {
            reason: "too late".to_owned(),
        },
        back: id("order-42.tell"),
    }
}

/// Before attempts, and then stalls, were counted on their own, and before keys of halts were kept.
const RECORD_V1: &str = include_str!("../golden/record.v1.hex");
const RECORD_V1_ATTEMPTS: &str = include_str!("../golden/record.v1.attempts.hex");
const RECORD_V1_STALLS: &str = include_str!("../golden/record.v1.stalls.hex");
const RECORD_V1_KEYS: &str = include_str!("../golden/record.v1.keys.hex");
const MESSAGE_V1: &str = include_str!("../golden/message.v1.hex");

fn hex(bytes: &[u8]) -> String {
    let lines: Vec<String> = bytes
        .chunks(32)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    lines.join("\n") + "\n"
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let pair = |pair: &[u8]| {
        std::str::from_utf8(pair)
            .ok()
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    digits
        .chunks(2)
        .map(|digits| pair(digits).expect("hex digits"))
        .collect()
}

/// These files are never written anew: rows like them are on disks.
#[test]
fn rows_of_format_1_can_be_read_for_ever() {
    let read = |row| store::decode_record(&unhex(row)).expect("an old row");
    assert_eq!(read(RECORD_V1_KEYS), record());
    let before = |change: fn(&mut Task)| {
        let mut record = record();
        let task = record.task.as_mut().expect("it is a call");
        (task.halted_by, task.continued_by) = (None, None);
        change(task);
        record
    };
    assert_eq!(read(RECORD_V1_STALLS), before(|_| {}));
    assert_eq!(read(RECORD_V1_ATTEMPTS), before(|task| task.stalls = 0));
    let before = before(|task| (task.attempts, task.stalls) = (2, 0));
    assert_eq!(read(RECORD_V1), before, "at least as many as failed");
    assert_eq!(
        store::decode_message(&unhex(MESSAGE_V1)).expect("an old row"),
        message()
    );
}

/// A new field that is absent leaves the bytes as they were. When it cannot, add a golden, keep the old one.
#[test]
fn rows_are_written_as_they_were_written_first() {
    assert_eq!(hex(&store::encode_record(&record())), RECORD_V1_KEYS);
    assert_eq!(hex(&store::encode_message(&message())), MESSAGE_V1);
}

/// Who does not know what undoes a call would start it at once.
#[test]
fn what_undoes_a_call_is_not_for_readers_of_format_1() {
    let mut record = record();
    assert_eq!(store::encode_record(&record).get(1), Some(&1));
    record.promise.compensation = Some(Compensation {
        of: Some(id("order-42.charge")),
        is_due: true,
    });
    let bytes = store::encode_record(&record);
    assert_eq!(bytes.get(1), Some(&2));
    assert_eq!(
        store::decode_record(&bytes).expect("it can be read"),
        record
    );
    expect![[r#"
        080212fc030ab9020a116f726465722d34322e6368617267652d3112550a0870
        61796d656e7473120663686172676518022108070605040302012a200a046a73
        6f6e12090a036b657912026b311a0d5b2263617264222c313230305d320b0864
        10e0d403180520c80138054080d095ffbc313a470a391a370a0870616e69636b
        65641213696e646578206f7574206f6620626f756e64731a0d6f726465722d34
        322e736869702207612063617573651088f795ffbc31188380a80140d0df95ff
        bc3148e0a499ffbc31522b0a086f726465722d34321002180722127372632f63
        6865636b6f75742e72733a333128e8d795ffbc313001580360016a0d0a086375
        73746f6d657212013772130a0b7472616365706172656e74120430302d317a0b
        6f746865722e70726f7879f201130a0f6f726465722d34322e63686172676510
        0112bd0112290a20303030303030303030303030303030303030303030303030
        303030303030616210b8e795ffbc31300938044002480152370a0870616e6963
        6b65641213696e646578206f7574206f6620626f756e64731a0d6f726465722d
        34322e736869702207612063617573655a270a20303030303030303030303030
        3030303030303030303030303030303030306364108180a40160046801721000
        00000000000000000000000000000a7a10000000000000000000000000000000
        0b
    "#]]
    .assert_eq(&hex(&bytes));
}

#[test]
fn a_newer_format_is_refused_and_both_are_named() {
    // The format, and then something that is no message at all.
    for tail in [&b""[..], b"\x12\x01\xff", b"\x1a\x02ab"] {
        let row = [b"\x08\x04", tail].concat();
        let error = store::decode_record(&row).unwrap_err();
        assert!(
            matches!(error, StoredError::NewerFormat { found: 4 }),
            "{error:?}"
        );
        expect!["the row has format 4, this version reads up to format 3; start the version that wrote it, or a newer one"]
            .assert_eq(&error.to_string());
        assert!(matches!(
            store::decode_message(&row),
            Err(StoredError::NewerFormat { found: 4 })
        ));
    }
}

#[test]
fn a_row_without_a_format_is_refused() {
    assert!(matches!(
        store::decode_record(b""),
        Err(StoredError::NoFormat)
    ));
    assert!(matches!(
        store::decode_message(b"\x12\x00"),
        Err(StoredError::NoFormat)
    ));
}

#[test]
fn fields_that_are_not_known_are_skipped() {
    // Field 1000 with some bytes: in the row, in the record and in the promise.
    const UNKNOWN: &[u8] = b"\xc2\x3e\x05later";
    let grown = |bytes: &[u8]| [bytes, UNKNOWN].concat();
    let wire = resonate_proto::v1::Record::from(&record());
    let promise = grown(
        &wire
            .promise
            .as_ref()
            .expect("a record has a promise")
            .encode_to_vec(),
    );
    let task = wire
        .task
        .as_ref()
        .expect("this one has a task")
        .encode_to_vec();
    let inner = grown(&[field(1, &promise), field(2, &task)].concat());
    let row = grown(&[&b"\x08\x01"[..], &field(2, &inner)].concat());
    assert_eq!(
        store::decode_record(&row).expect("a row of the same format"),
        record()
    );
}

#[test]
fn a_page_of_awaiters_is_told_from_a_record() {
    let page = AwaiterPage {
        of: id("order-42"),
        number: 3,
        proxies: vec![id("a.order-42"), id("b.order-42")],
    };
    let bytes = store::encode_awaiters(&page);
    assert_eq!(
        store::decode_row(&bytes).expect("a row of ours"),
        Stored::Awaiters(page)
    );
    let bytes = store::encode_record(&record());
    assert_eq!(
        store::decode_row(&bytes).expect("a row of ours"),
        Stored::Record(Box::new(record()))
    );
    assert!(
        store::decode_record(&store::encode_awaiters(&AwaiterPage {
            of: id("a"),
            number: 1,
            proxies: Vec::new(),
        }))
        .is_err()
    );
}

/// A field of bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    prost::encoding::encode_varint(bytes.len() as u64, &mut field);
    field.extend_from_slice(bytes);
    field
}
