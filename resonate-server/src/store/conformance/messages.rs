//! Messages between partitions.

use resonate_core::Part;

use super::{Disk, ONE, commit, next, pages, reopened, taken};
use crate::store::{Batch, Limit, Mark, OutboxRow};

pub(crate) fn messages_come_back_in_their_order(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    let lane = [
        Batch {
            outbox: vec![message(2, 7), message(0, 3)],
            ..next(&mut heads[0])
        },
        Batch {
            outbox: vec![message(1, 0)],
            ..next(&mut heads[1])
        },
    ];
    store.commit(&lane).unwrap();
    commit(
        &mut *store,
        Batch {
            outbox: vec![message(1, 5)],
            ..next(&mut heads[0])
        },
    );
    let (mut store, _) = reopened(store, disk);
    let page = store.outbox(Part(0), None, Limit::default()).unwrap();
    let expected = [
        (mark(1, 1, 0), message(0, 3)),
        (mark(1, 1, 2), message(2, 7)),
        (mark(1, 2, 1), message(1, 5)),
    ];
    assert_eq!((page.rows, page.more), (expected.to_vec(), false));
    assert_eq!(
        store
            .outbox(Part(1), None, Limit::default())
            .unwrap()
            .rows
            .len(),
        1
    );
    assert_eq!(
        store.outbox(Part(2), None, Limit::default()).unwrap().rows,
        []
    );
}

pub(crate) fn pages_of_messages_miss_nothing_and_repeat_nothing(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    for _ in 0..3 {
        let outbox = (0..5).map(|n| message(n, 1)).collect();
        commit(
            &mut *store,
            Batch {
                outbox,
                ..next(&mut heads[4])
            },
        );
    }
    let whole = store.outbox(Part(4), None, Limit::default()).unwrap().rows;
    assert_eq!(whole.len(), 15);
    let bytes = Limit {
        rows: usize::MAX,
        bytes: 30,
    };
    for limit in [ONE, Limit { rows: 4, ..ONE }, bytes] {
        let page = |after| store.outbox(Part(4), after, limit).unwrap();
        assert_eq!(pages(page, |(mark, _)| *mark), whole);
    }
}

pub(crate) fn a_mark_holds_the_last_that_was_written(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    assert_eq!(store.inbox(Part(0)).unwrap(), []);
    let first = vec![(Part(7), mark(1, 5, 9)), (Part(0), mark(3, 1, 1))];
    commit(
        &mut *store,
        Batch {
            inbox: first,
            ..next(&mut heads[0])
        },
    );
    commit(
        &mut *store,
        Batch {
            inbox: vec![(Part(7), mark(2, 1, 0))],
            ..next(&mut heads[0])
        },
    );
    let (mut store, _) = reopened(store, disk);
    assert_eq!(
        store.inbox(Part(0)).unwrap(),
        [(Part(0), mark(3, 1, 1)), (Part(7), mark(2, 1, 0))]
    );
    assert_eq!(store.inbox(Part(7)).unwrap(), []);
}

pub(crate) fn messages_of_an_earlier_epoch_come_first(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    commit(
        &mut *store,
        Batch {
            outbox: vec![message(9, 1)],
            ..next(&mut heads[0])
        },
    );
    let (mut store, mut heads) = reopened(store, disk);
    commit(
        &mut *store,
        Batch {
            outbox: vec![message(0, 1)],
            ..next(&mut heads[0])
        },
    );
    let marks: Vec<Mark> = store
        .outbox(Part(0), None, Limit::default())
        .unwrap()
        .rows
        .iter()
        .map(|(mark, _)| *mark)
        .collect();
    assert_eq!(marks, [mark(1, 1, 9), mark(2, 2, 0)]);
    let rest = store
        .outbox(Part(0), Some(mark(1, 1, 9)), Limit::default())
        .unwrap();
    assert_eq!(rest.rows.len(), 1);
}

fn message(n: u32, dst: u16) -> OutboxRow {
    OutboxRow {
        n,
        dst: Part(dst),
        doc: format!("message {n}").into(),
    }
}

fn mark(epoch: u64, seq: u64, n: u32) -> Mark {
    Mark { epoch, seq, n }
}
