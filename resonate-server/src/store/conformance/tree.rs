//! Whole trees, in pages.

use bytes::Bytes;
use resonate_core::Part;

use super::{Disk, ONE, commit, next, pages, rooted, row, taken};
use crate::store::{Batch, Limit, Page, Row, Store};

pub(crate) fn an_unknown_root_has_no_tree(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    commit(&mut *store, rooted(&mut heads[0], "a", 1));
    for (part, root) in [(1, "a"), (0, "b"), (0, "A"), (0, ""), (0, "a.child-1")] {
        assert_eq!(store.tree(Part(part), root, None, ONE).unwrap(), None);
    }
    assert!(store.tree(Part(0), "a", None, ONE).unwrap().is_some());
}

pub(crate) fn a_tree_comes_in_the_order_of_its_children(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    commit(&mut *store, rooted(&mut heads[0], "a", 1));
    commit(&mut *store, rooted(&mut heads[0], "b", 2));
    for child_no in [5, 3, 11] {
        let rows = vec![row(1, child_no), row(2, child_no + 1)];
        commit(
            &mut *store,
            Batch {
                rows,
                ..next(&mut heads[0])
            },
        );
    }
    let tree = store
        .tree(Part(0), "a", None, Limit::default())
        .unwrap()
        .unwrap();
    let rows = [0, 3, 5, 11].map(|child_no| row(1, child_no)).to_vec();
    assert_eq!((tree.root_no, tree.page), (1, Page { rows, more: false }));
}

pub(crate) fn pages_of_a_tree_end_by_rows(disk: &dyn Disk) {
    let mut store = family(disk);
    for rows in [1, 2, 3, 10, 11] {
        let limit = Limit {
            rows,
            bytes: usize::MAX,
        };
        let first = ask(&mut *store, None, limit);
        assert_eq!((first.rows.len(), first.more), (rows.min(10), rows < 10));
        let all = pages(|after| ask(&mut *store, after, limit), |row| row.child_no);
        assert_eq!(
            all.iter().map(|row| row.child_no).collect::<Vec<_>>(),
            (0..10).collect::<Vec<_>>()
        );
    }
    assert_eq!(
        ask(&mut *store, None, Limit { rows: 0, bytes: 0 })
            .rows
            .len(),
        1,
        "a page makes progress"
    );
}

pub(crate) fn pages_of_a_tree_end_by_bytes(disk: &dyn Disk) {
    let mut store = family(disk);
    for (bytes, rows) in [
        (1, 1),
        (100, 1),
        (101, 2),
        (299, 3),
        (300, 3),
        (999, 10),
        (1_001, 10),
    ] {
        let limit = Limit {
            rows: usize::MAX,
            bytes,
        };
        let first = ask(&mut *store, None, limit);
        assert_eq!(
            (first.rows.len(), first.more),
            (rows, rows < 10),
            "{bytes} bytes"
        );
        let all = pages(|after| ask(&mut *store, after, limit), |row| row.child_no);
        assert_eq!(all.len(), 10);
    }
}

pub(crate) fn the_same_root_in_two_partitions_is_two_trees(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    let mut one = rooted(&mut heads[0], "a", 1);
    one.rows.push(row(1, 1));
    store.commit(&[one, rooted(&mut heads[1], "a", 1)]).unwrap();
    for (part, rows) in [(0, 2), (1, 1)] {
        let tree = store
            .tree(Part(part), "a", None, Limit::default())
            .unwrap()
            .unwrap();
        assert_eq!(tree.page.rows.len(), rows);
    }
}

/// A root and nine children, each with a document of 100 bytes.
fn family(disk: &dyn Disk) -> Box<dyn Store> {
    let (mut store, mut heads) = taken(disk);
    let mut batch = rooted(&mut heads[0], "a", 1);
    batch.rows.extend((1..10).map(|child_no| row(1, child_no)));
    for row in &mut batch.rows {
        row.doc = Bytes::from(vec![1; 100]);
    }
    commit(&mut *store, batch);
    store
}

fn ask(store: &mut dyn Store, after: Option<u64>, limit: Limit) -> Page<Row> {
    store
        .tree(Part(0), "a", after, limit)
        .unwrap()
        .unwrap()
        .page
}
