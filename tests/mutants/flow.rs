//! What no other harness looks at: that messages fit, and that nobody waits behind all that somebody else has.

use std::{collections::BTreeMap, sync::Arc};

use prost::Message as _;
use resonate_core::{
    Address, Call, Create, Memory, NewPromise, Outcome, Payload, PromiseId, Record, Request, Seq,
    SessionId, Settlement, TaskVersion, Timestamp,
    flow::{Allowed, Flow},
    keys::Keys,
    limits,
    queue::{Queue, Serves, Waits},
};
use resonate_proto::stream::ToWorker;
use resonate_server::dispatch::stream::{Push, outbound};

fn id(text: &str) -> PromiseId {
    PromiseId::new(text).unwrap()
}

#[tokio::test]
async fn what_is_sent_to_a_worker_fits_a_message() {
    let large = Outcome::Resolved(Payload::json("1".repeat(limits::PAYLOAD_BYTES)));
    let settled = (1..=9).map(|n| Settlement {
        id: id(&format!("a.{n}")),
        seq: Seq(n),
        at: Timestamp::ZERO,
        outcome: Some(large.clone()),
    });
    let item = ToWorker::Settlements {
        task: id("a"),
        version: TaskVersion(1),
        settled: settled.collect(),
    };
    let (to, mut outgoing) = outbound();
    to.send(vec![Push::item(item)]).unwrap();
    drop(to);
    let mut sent = 0;
    while let Some(items) = outgoing.next().await {
        for message in ToWorker::batches(&items) {
            let bytes = message.encoded_len();
            assert!(bytes <= limits::MESSAGE_BYTES, "a message of {bytes} bytes");
        }
        sent += items.iter().map(settlements).sum::<usize>();
    }
    assert_eq!(sent, 9);
}

fn settlements(item: &ToWorker) -> usize {
    let ToWorker::Settlements { settled, .. } = item else {
        panic!("{item:?} was not sent");
    };
    settled.len()
}

#[test]
fn no_root_waits_for_all_of_another() {
    let address = Address::new("s", "f", 1);
    let mut queue = Queue::default();
    let first = (0..100).map(|n| format!("first.{n}"));
    for task in first.chain(["second".to_owned()]) {
        let waits = Waits {
            address: &address,
            tenant: "",
            priority: 0,
            ready_at: Timestamp::ZERO,
            is_suspect: false,
        };
        queue.insert(&id(&task), waits);
    }
    let serves = Serves {
        address: &address,
        takes_suspects: false,
    };
    let served: Vec<_> = (0..2).filter_map(|_| queue.next([serves])).collect();
    assert!(
        served.iter().any(|taken| taken.id == id("second")),
        "one root starves the other: {served:?}"
    );
}

#[test]
fn no_more_of_a_function_run_at_once_than_it_allows() {
    let address = Address::new("s", "f", 1);
    let mut flow = Flow::default();
    let allowed = Allowed {
        concurrency: Some(3),
        ..Allowed::default()
    };
    flow.announce(&address, allowed, Timestamp::ZERO);
    let mut tree = Memory::default();
    for n in 0..4 {
        if !flow.is_open(&address, Timestamp::ZERO) {
            assert_eq!(n, 3, "three may run");
            return;
        }
        flow.update(&leased(&mut tree, &format!("root-{n}"), &address));
    }
    panic!("four run, and three may");
}

#[test]
fn a_key_has_one_holder() {
    let (mut keys, mut state) = (Keys::default(), Memory::default());
    keys.know_all(Timestamp::ZERO);
    for root in ["a", "b"] {
        keys.update(&keyed(&mut state, root), Timestamp::ZERO);
    }
    let let_go = keys.take_let_go();
    assert_eq!(let_go.len(), 1, "two have a key that is one's");
}

#[test]
fn no_key_is_given_out_before_all_holders_are_known() {
    let (mut keys, mut state) = (Keys::default(), Memory::default());
    keys.update(&keyed(&mut state, "a"), Timestamp::ZERO);
    let let_go = keys.take_let_go();
    assert!(
        let_go.is_empty(),
        "a key was given out before it was known who has it"
    );
}

/// A call that waits, with the same key as all of these.
fn keyed(state: &mut Memory, root: &str) -> Record {
    create(state, root, &Address::new("s", "f", 1), Some("k".into()))
}

fn leased(state: &mut Memory, root: &str, address: &Address) -> Record {
    create(state, root, address, None);
    let claim = Request::Claim {
        id: id(root),
        session: SessionId(1),
        tied: None,
        retry: None,
    };
    state.request(Timestamp::ZERO, claim);
    Record::clone(state.get(&id(root)).expect("it was created"))
}

fn create(state: &mut Memory, root: &str, address: &Address, key: Option<Arc<str>>) -> Record {
    let promise = NewPromise {
        id: id(root),
        call: Some(Arc::new(Call {
            address: address.clone(),
            signature: 0,
            param: Payload::json("[]"),
            retry: None,
            priority: None,
            start_at: Timestamp::ZERO,
            key,
        })),
        timeout_at: Timestamp::NEVER,
        labels: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    let create = Create {
        promise,
        any: false,
    };
    state.request(Timestamp::ZERO, Request::Create(create));
    Record::clone(state.get(&id(root)).expect("it was created"))
}
