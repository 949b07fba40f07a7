//! Batches fit a message; what a stream must not carry is refused.

use prost::Message as _;
use resonate_core::{PromiseId, SessionId, TaskVersion, limits};
use resonate_proto::{
    BadMessage,
    stream::{FromWorker, FromWorkerReader, Hello, PROTOCOL, ToWorker},
    v1,
};

fn id() -> PromiseId {
    PromiseId::new("a").expect("a good id")
}

fn drop(bytes: usize) -> ToWorker {
    ToWorker::Drop {
        task: id(),
        version: TaskVersion(1),
        why: "x".repeat(bytes),
    }
}

fn hello() -> FromWorker {
    FromWorker::Hello(Hello {
        protocol: PROTOCOL,
        session: SessionId(7),
        name: String::new(),
        version: String::new(),
        functions: Vec::new(),
        services: Vec::new(),
        held: Vec::new(),
        capacity: 1,
        granted: 1,
        timeline: None,
    })
}

fn batch(items: &[FromWorker]) -> v1::FromWorker {
    let mut batches = FromWorker::batches(items);
    assert_eq!(batches.len(), 1);
    batches.remove(0)
}

/// How many items each batch has.
fn sizes(batches: &[v1::ToWorker]) -> Vec<usize> {
    batches.iter().map(|batch| batch.items.len()).collect()
}

#[test]
fn small_items_share_a_message() {
    assert_eq!(sizes(&ToWorker::batches(&vec![drop(10); 1_000])), [1_000]);
    assert_eq!(ToWorker::batches(&[]), []);
}

#[test]
fn no_batch_of_items_that_fit_is_larger_than_a_message() {
    for bytes in [
        limits::MESSAGE_BYTES / 3 - 100,
        limits::MESSAGE_BYTES / 3,
        limits::MESSAGE_BYTES / 2,
        1 << 16,
    ] {
        let items = vec![drop(bytes); 70];
        let batches = ToWorker::batches(&items);
        assert!(
            batches
                .iter()
                .all(|batch| batch.encoded_len() <= limits::MESSAGE_BYTES),
            "{bytes}"
        );
        assert_eq!(sizes(&batches).iter().sum::<usize>(), 70);
    }
    assert_eq!(
        sizes(&ToWorker::batches(&vec![
            drop(
                limits::MESSAGE_BYTES / 3 - 100
            );
            7
        ])),
        [3, 3, 1]
    );
}

#[test]
fn what_is_around_many_small_items_counts_too() {
    let batches = ToWorker::batches(&vec![drop(100); 50_000]);
    assert_eq!(batches.len(), 2);
    assert!(
        batches
            .iter()
            .all(|batch| batch.encoded_len() <= limits::MESSAGE_BYTES)
    );
}

#[test]
fn an_item_larger_than_a_message_travels_alone() {
    let items = [drop(1), drop(limits::MESSAGE_BYTES), drop(1), drop(1)];
    assert_eq!(sizes(&ToWorker::batches(&items)), [1, 1, 2]);
}

#[test]
fn a_turn_gets_the_session_of_its_stream() {
    let turn = resonate_core::Turn {
        id: id(),
        version: TaskVersion(1),
        session: SessionId(8),
        n: 1,
        shown: resonate_core::Seq::ZERO,
        ops: Vec::new(),
        end: resonate_core::End::GoOn,
    };
    let batch = batch(&[hello(), FromWorker::Turn(turn)]);
    let read = FromWorkerReader::default()
        .read(batch)
        .expect("a good batch");
    assert!(
        matches!(&read[1], FromWorker::Turn(turn) if turn.session == SessionId(7)),
        "{read:?}"
    );
}

#[test]
fn the_hello_comes_first_and_once() {
    let one = |item| batch(&[item]);
    let said =
        |bad: Result<_, BadMessage>| bad.map(|_: Vec<FromWorker>| ()).unwrap_err().to_string();

    let mut reader = FromWorkerReader::default();
    assert_eq!(
        said(reader.read(one(FromWorker::Drain))),
        "WorkerItem.item: the first item of a stream is a hello"
    );
    assert_eq!(reader.read(one(hello())), Ok(vec![hello()]));
    assert_eq!(
        reader.read(one(FromWorker::Drain)),
        Ok(vec![FromWorker::Drain])
    );
    assert_eq!(
        said(reader.read(one(hello()))),
        "WorkerItem.hello: a stream has one hello"
    );
}
