//! The same commands on both stores give the same answers, with a new start now and then.

use proptest::prelude::*;
use resonate_core::Part;

use super::Folder;
use crate::store::{
    Batch, CommitError, Due, Head, Limit, Mark, MemoryDisk, Order, OutboxRow, Row, Search, Store,
    Trim, WriteError, conformance::Disk,
};

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<(u16, Vec<Change>)>),
    Stale(u16),
    Trim(u16, u64, i64, usize),
    Restart,
}

#[derive(Clone, Debug)]
struct Change {
    root_no: u64,
    child_no: u64,
    due_at: Option<i64>,
    settled_at: Option<i64>,
    bytes: usize,
}

fn change() -> impl Strategy<Value = Change> {
    (
        1..6u64,
        0..4u64,
        proptest::option::of(0..9i64),
        proptest::option::of(0..9i64),
        0..2_000usize,
    )
        .prop_map(|(root_no, child_no, due_at, settled_at, bytes)| Change {
            root_no,
            child_no,
            due_at,
            settled_at,
            bytes,
        })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => proptest::collection::vec((0..8u16, proptest::collection::vec(change(), 0..5)), 0..4).prop_map(Step::Commit),
        1 => (0..8u16).prop_map(Step::Stale),
        2 => (0..8u16, 1..6u64, 0..10i64, 0..4usize).prop_map(|(part, root, before, limit)| Step::Trim(part, root, before, limit)),
        1 => Just(Step::Restart),
    ]
}

/// The batch of some changes. Known roots are left out of it by looking at the store, as their owner would know.
fn batch(store: &mut dyn Store, head: Head, changes: &[Change]) -> Batch {
    let mut batch = Batch::new(head.part, head.epoch, head.seq + 1);
    for change in changes {
        let root = format!("root-{}", change.root_no);
        let known = store
            .tree(head.part, &root, None, Limit::default())
            .unwrap()
            .is_some();
        if !known && !batch.roots.iter().any(|(name, _)| *name == root) {
            batch.roots.push((root, change.root_no));
        }
        batch
            .rows
            .retain(|row| (row.root_no, row.child_no) != (change.root_no, change.child_no));
        batch.rows.push(Row {
            root_no: change.root_no,
            child_no: change.child_no,
            id: format!(".{}", change.child_no),
            state: u8::try_from(change.bytes % 5).unwrap(),
            due_at: change.due_at,
            created_at: i64::try_from(change.root_no % 3).unwrap(),
            settled_at: change.settled_at,
            target: change.due_at.map(|at| format!("service-{at}")),
            function: None,
            doc: vec![7; change.bytes].into(),
        });
    }
    let n = u32::try_from(changes.len()).unwrap();
    batch.outbox.push(OutboxRow {
        n,
        dst: head.part,
        doc: vec![1; changes.len()].into(),
    });
    batch.inbox.push((
        Part(0),
        Mark {
            epoch: head.epoch,
            seq: head.seq,
            n,
        },
    ));
    batch
}

fn outcome(result: Result<(), CommitError>) -> String {
    match result {
        Ok(()) => "committed".to_owned(),
        Err(CommitError::Fenced(parts)) => format!("fenced {parts:?}"),
        Err(CommitError::Write(WriteError::Malformed(malformed))) => malformed.to_string(),
        Err(other) => panic!("{other:?}"),
    }
}

/// All that can be asked, in small pages and whole.
fn answers(store: &mut dyn Store) -> Vec<String> {
    let mut answers = Vec::new();
    for limit in [
        Limit {
            rows: 3,
            bytes: 1_500,
        },
        Limit::default(),
    ] {
        answers.push(format!("{:?}", store.rows(None, limit).unwrap()));
        for part in [None, Some(Part(1))] {
            let due = Due {
                part,
                from: 2,
                to: 8,
                after: None,
            };
            answers.push(format!("{:?}", store.due(&due, limit).unwrap()));
        }
        for order in [Order::NewestFirst, Order::OldestFirst] {
            for state in [None, Some(2)] {
                let search = Search {
                    order,
                    state,
                    examine: 5,
                    ..Search::default()
                };
                answers.push(format!("{:?}", store.search(&search, limit).unwrap()));
            }
        }
        for part in (0..8).map(Part) {
            answers.push(format!("{:?}", store.outbox(part, None, limit).unwrap()));
            answers.push(format!("{:?}", store.inbox(part).unwrap()));
            answers.push(format!(
                "{:?}",
                store.tree(part, "root-3", Some(0), limit).unwrap()
            ));
        }
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn both_stores_answer_alike(steps in proptest::collection::vec(step(), 1..25)) {
        let (folder, disk) = (Folder::new(), MemoryDisk::new(8));
        let disks: [&dyn Disk; 2] = [&folder, &disk];
        let mut stores = disks.map(Disk::open);
        let mut heads = stores.each_mut().map(|store| store.take(&[]).unwrap())[0].clone();
        for step in steps {
            let said = match step {
                Step::Commit(lane) => {
                    let lane: Vec<Batch> = lane.iter().map(|(part, changes)| batch(&mut *stores[1], heads[usize::from(*part)], changes)).collect();
                    let said = stores.each_mut().map(|store| outcome(store.commit(&lane)));
                    if said[0] == "committed" {
                        lane.iter().for_each(|batch| heads[usize::from(batch.part.0)].seq = batch.seq);
                    }
                    said
                }
                Step::Stale(part) => {
                    let head = heads[usize::from(part)];
                    let stale = [Batch::new(head.part, head.epoch - 1, head.seq + 1)];
                    stores.each_mut().map(|store| outcome(store.commit(&stale)))
                }
                Step::Trim(part, root_no, settled_before, limit) => {
                    let part = Part(part);
                    let up_to = Mark { epoch: u64::MAX, seq: root_no, n: 0 };
                    let what = [Trim::Tree { part, root_no, settled_before }, Trim::Outbox { part, up_to }];
                    stores.each_mut().map(|store| format!("{:?}", store.trim(&what, limit).unwrap()))
                }
                Step::Restart => {
                    drop(stores);
                    stores = disks.map(Disk::open);
                    let taken = stores.each_mut().map(|store| store.take(&[]).unwrap());
                    heads.clone_from(&taken[0]);
                    taken.map(|heads| format!("{heads:?}"))
                }
            };
            prop_assert_eq!(&said[0], &said[1]);
            let [one, other] = stores.each_mut().map(|store| answers(&mut **store));
            prop_assert_eq!(one, other);
        }
        drop(stores);
        prop_assert_eq!(folder.store().verify().unwrap(), vec![]);
    }
}
