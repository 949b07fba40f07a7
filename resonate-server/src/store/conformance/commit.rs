//! What is written is what is read.

use bytes::Bytes;
use resonate_core::Part;

use super::{Disk, all, commit, everything, next, reopened, rooted, row, taken};
use crate::store::{Batch, Limit, Mark, OutboxRow, Row};

pub(crate) fn every_column_comes_back_as_it_was_written(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    let full = Row {
        root_no: 3,
        child_no: 9,
        id: ".größe-\u{202e}-1".to_owned(),
        state: 255,
        due_at: Some(-1),
        created_at: i64::MIN,
        settled_at: Some(i64::MAX),
        target: Some(String::new()),
        function: Some("payments/charge@2".to_owned()),
        doc: Bytes::from_static(b"\0\xff\0"),
    };
    let bare = Row {
        doc: Bytes::new(),
        ..row(3, 0)
    };
    let mut batch = next(&mut heads[4]);
    batch
        .roots
        .push(("the 'root'; \"x\" -- \u{1F980}".to_owned(), 3));
    batch.rows = vec![full.clone(), bare.clone()];
    commit(&mut *store, batch);
    let (mut store, _) = reopened(store, disk);
    let found = all(&mut *store);
    assert_eq!([&found[0].row, &found[1].row], [&bare, &full]);
    assert_eq!(
        (found[0].part, &*found[0].root),
        (Part(4), "the 'root'; \"x\" -- \u{1F980}")
    );
}

pub(crate) fn the_last_state_of_a_row_wins(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    commit(&mut *store, rooted(&mut heads[0], "a", 1));
    let changed = Row {
        state: 3,
        due_at: Some(7),
        settled_at: Some(2_000),
        target: Some("shop".to_owned()),
        function: Some("shop/buy@1".to_owned()),
        doc: Bytes::from_static(b"changed"),
        ..row(1, 0)
    };
    for row in [changed.clone(), row(1, 0), changed.clone()] {
        let mut batch = next(&mut heads[0]);
        batch.rows.push(row.clone());
        commit(&mut *store, batch);
        assert_eq!(all(&mut *store)[0].row, row);
    }
    let (mut store, _) = reopened(store, disk);
    assert_eq!(all(&mut *store).len(), 1);
    assert_eq!(all(&mut *store)[0].row, changed);
}

pub(crate) fn a_row_keeps_its_place_when_it_changes(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    let mut batch = rooted(&mut heads[0], "a", 1);
    batch.rows.extend([row(1, 1), row(1, 2)]);
    commit(&mut *store, batch);
    let mut batch = next(&mut heads[0]);
    batch.rows.push(Row {
        doc: Bytes::from(vec![7; 9_000]),
        ..row(1, 1)
    });
    commit(&mut *store, batch);
    let tree = store
        .tree(Part(0), "a", None, Limit::default())
        .unwrap()
        .unwrap();
    let children: Vec<_> = tree
        .page
        .rows
        .iter()
        .map(|row| (row.child_no, row.doc.len()))
        .collect();
    assert_eq!(children, [(0, 12), (1, 9_000), (2, 12)]);
}

pub(crate) fn a_lane_writes_all_its_partitions(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    let lane: Vec<Batch> = heads.iter_mut().map(full).collect();
    store.commit(&lane).unwrap();
    let found = all(&mut *store);
    assert_eq!(
        found.iter().map(|found| found.part.0).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5, 6, 7]
    );
    for head in &heads {
        assert_eq!(
            store
                .outbox(head.part, None, Limit::default())
                .unwrap()
                .rows
                .len(),
            1
        );
        assert_eq!(store.inbox(head.part).unwrap().len(), 1);
    }
}

pub(crate) fn an_empty_lane_and_an_empty_batch_are_fine(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    store.commit(&[]).unwrap();
    commit(&mut *store, next(&mut heads[2]));
    commit(&mut *store, rooted(&mut heads[2], "a", 1));
    let (_store, heads) = reopened(store, disk);
    assert_eq!(heads[2].seq, 2);
}

pub(crate) fn large_documents_come_back(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    let doc = Bytes::from(
        (0..3 << 20)
            .map(|n: u32| n.to_le_bytes()[1])
            .collect::<Vec<_>>(),
    );
    let mut batch = rooted(&mut heads[0], "a", 1);
    batch.rows[0].doc = doc.clone();
    batch.outbox.push(OutboxRow {
        n: 0,
        dst: Part(1),
        doc: doc.clone(),
    });
    commit(&mut *store, batch);
    let (mut store, _) = reopened(store, disk);
    assert!(all(&mut *store)[0].row.doc == doc);
    assert!(
        store.outbox(Part(0), None, Limit::default()).unwrap().rows[0]
            .1
            .doc
            == doc
    );
}

pub(crate) fn great_numbers_keep_their_order(disk: &dyn Disk) {
    const GREAT: u64 = (1 << 63) - 2;
    let (mut store, mut heads) = taken(disk);
    let mut batch = rooted(&mut heads[0], "a", GREAT);
    batch.rows.extend([row(GREAT, GREAT), row(GREAT, 1 << 40)]);
    commit(&mut *store, batch);
    commit(&mut *store, rooted(&mut heads[0], "b", 1 << 33));
    let keys: Vec<_> = all(&mut *store)
        .iter()
        .map(|found| (found.row.root_no, found.row.child_no))
        .collect();
    assert_eq!(
        keys,
        [(1 << 33, 0), (GREAT, 0), (GREAT, 1 << 40), (GREAT, GREAT)]
    );
    let after = |child_no| Some(child_no);
    let rest = store
        .tree(Part(0), "a", after(u64::MAX), Limit::default())
        .unwrap()
        .unwrap();
    assert_eq!(rest.page.rows, []);
}

pub(crate) fn everything_is_there_after_opening_again(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    for round in 0..20 {
        let lane: Vec<Batch> = heads
            .iter_mut()
            .map(|head| if round == 0 { full(head) } else { next(head) })
            .collect();
        store.commit(&lane).unwrap();
        store.upkeep().unwrap();
    }
    let before = everything(&mut *store);
    let (mut store, heads) = reopened(store, disk);
    assert_eq!(everything(&mut *store), before);
    assert!(heads.iter().all(|head| head.seq == 20));
}

pub(crate) fn a_second_reader_sees_what_is_committed(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    let mut reader = store.reader().unwrap();
    assert_eq!(reader.rows(None, Limit::default()).unwrap().rows, []);
    commit(&mut *store, full(&mut heads[1]));
    assert_eq!(
        reader.rows(None, Limit::default()).unwrap().rows,
        all(&mut *store)
    );
    assert_eq!(
        reader.inbox(Part(1)).unwrap(),
        store.inbox(Part(1)).unwrap()
    );
    drop(reader);
    commit(&mut *store, next(&mut heads[1]));
}

/// A batch with something for every table.
fn full(head: &mut crate::store::Head) -> Batch {
    let mut batch = rooted(head, "a", 10 + u64::from(head.part.0));
    batch.outbox.push(OutboxRow {
        n: 3,
        dst: Part(0),
        doc: Bytes::from_static(b"hello"),
    });
    batch.inbox.push((
        Part(6),
        Mark {
            epoch: 1,
            seq: 2,
            n: 3,
        },
    ));
    batch
}
