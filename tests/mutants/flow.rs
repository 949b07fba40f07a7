//! What no other harness looks at: that messages fit, and that nobody waits behind all that somebody else has.

use std::{collections::BTreeMap, sync::Arc};

use prost::Message as _;
use resonate_core::{
    Address, Call, Create, Memory, NewPromise, Outcome, Payload, PromiseId, Record, Request, Seq,
    SessionId, Settlement, TaskVersion, Timestamp,
    flow::{Allowed, Flow},
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
        rate: None,
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

fn leased(state: &mut Memory, root: &str, address: &Address) -> Record {
    let promise = NewPromise {
        id: id(root),
        call: Some(Arc::new(Call {
            address: address.clone(),
            signature: 0,
            param: Payload::json("[]"),
            retry: None,
            priority: None,
            start_at: Timestamp::ZERO,
            access: None,
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
    let claim = Request::Claim {
        id: id(root),
        session: SessionId(1),
        tied: None,
        retry: None,
    };
    state.request(Timestamp::ZERO, claim);
    Record::clone(state.get(&id(root)).expect("it was created"))
}
