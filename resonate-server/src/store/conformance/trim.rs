//! What is no longer needed goes, and nothing else.

use resonate_core::Part;

use super::{Disk, all, commit, next, reopened, rooted, row, taken};
use crate::store::{Batch, Head, Limit, Mark, OutboxRow, Row, Search, Store, Trim};

pub(crate) fn acknowledged_messages_go(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    for part in [0, 0, 1] {
        let outbox = (0..3)
            .map(|n| OutboxRow {
                n,
                dst: Part(5),
                doc: "x".into(),
            })
            .collect();
        commit(
            &mut *store,
            Batch {
                outbox,
                ..next(&mut heads[part])
            },
        );
    }
    let up_to = Mark {
        epoch: 1,
        seq: 2,
        n: 1,
    };
    assert_eq!(
        store
            .trim(
                &[Trim::Outbox {
                    part: Part(0),
                    up_to
                }],
                100
            )
            .unwrap(),
        5
    );
    assert_eq!(
        store
            .trim(
                &[Trim::Outbox {
                    part: Part(0),
                    up_to
                }],
                100
            )
            .unwrap(),
        0
    );
    let (mut store, _) = reopened(store, disk);
    let rest = store.outbox(Part(0), None, Limit::default()).unwrap().rows;
    assert_eq!(
        rest.iter()
            .map(|(mark, _)| (mark.seq, mark.n))
            .collect::<Vec<_>>(),
        [(2, 2)]
    );
    assert_eq!(
        store
            .outbox(Part(1), None, Limit::default())
            .unwrap()
            .rows
            .len(),
        3
    );
}

pub(crate) fn a_tree_goes_and_its_name_is_free_again(disk: &dyn Disk) {
    let (mut store, mut heads) = ended(disk);
    assert_eq!(store.trim(&[tree(1, 5_000)], 100).unwrap(), 6);
    assert_eq!(
        store.tree(Part(0), "a", None, Limit::default()).unwrap(),
        None
    );
    assert_eq!(
        store
            .search(&Search::default(), Limit::default())
            .unwrap()
            .rows,
        []
    );
    commit(&mut *store, rooted(&mut heads[0], "a", 9));
    let (mut store, _) = reopened(store, disk);
    assert_eq!(
        store
            .tree(Part(0), "a", None, Limit::default())
            .unwrap()
            .unwrap()
            .root_no,
        9
    );
}

pub(crate) fn a_tree_goes_in_pieces_from_its_highest_child(disk: &dyn Disk) {
    let (mut store, _) = ended(disk);
    for left in [&[0, 1, 2, 3][..], &[0, 1]] {
        assert_eq!(store.trim(&[tree(1, 5_000)], 2).unwrap(), 2);
        let page = store
            .tree(Part(0), "a", None, Limit::default())
            .unwrap()
            .unwrap()
            .page;
        assert_eq!(
            page.rows.iter().map(|row| row.child_no).collect::<Vec<_>>(),
            left
        );
    }
    assert_eq!(store.trim(&[tree(1, 5_000)], 2).unwrap(), 2);
    assert_eq!(
        store.tree(Part(0), "a", None, Limit::default()).unwrap(),
        None
    );
}

pub(crate) fn a_row_goes_that_ended_when_it_is_said_to(disk: &dyn Disk) {
    let (mut store, _) = ended(disk);
    let rows = |store: &mut dyn Store| {
        let tree = store.tree(Part(0), "a", None, Limit::default()).unwrap();
        tree.unwrap().page.rows
    };
    let before = rows(&mut *store);
    let of = |row: &Row, settled_at| Trim::Row {
        part: Part(0),
        root_no: row.root_no,
        child_no: row.child_no,
        settled_at,
    };
    let (root, third) = (&before[0], &before[3]);
    let ended_at = |row: &Row| row.settled_at.unwrap();
    let wrong = [
        of(third, ended_at(third) + 1),
        of(third, ended_at(third) - 1),
        of(root, ended_at(root)),
    ];
    assert_eq!(store.trim(&wrong, 100).unwrap(), 0);
    assert_eq!(store.trim(&[of(third, ended_at(third))], 0).unwrap(), 0);
    assert_eq!(rows(&mut *store), before);
    let right = [of(third, ended_at(third)); 2];
    assert_eq!(store.trim(&right, 100).unwrap(), 1);
    let (mut store, _) = reopened(store, disk);
    let mut left = before.clone();
    left.remove(3);
    assert_eq!(rows(&mut *store), left);
}

pub(crate) fn what_has_not_ended_long_ago_stays(disk: &dyn Disk) {
    let (mut store, mut heads) = ended(disk);
    let alive = Row {
        due_at: Some(1),
        ..row(1, 7)
    };
    let late = Row {
        settled_at: Some(3_000),
        ..row(1, 8)
    };
    commit(
        &mut *store,
        Batch {
            rows: vec![alive, late],
            ..next(&mut heads[0])
        },
    );
    assert_eq!(
        store.trim(&[tree(1, 2_000)], 100).unwrap(),
        0,
        "all that has ended did so at 2000 or later"
    );
    assert_eq!(store.trim(&[tree(1, 3_000)], 100).unwrap(), 6);
    let page = store
        .tree(Part(0), "a", None, Limit::default())
        .unwrap()
        .unwrap()
        .page;
    assert_eq!(
        page.rows.iter().map(|row| row.child_no).collect::<Vec<_>>(),
        [7, 8]
    );
}

pub(crate) fn a_trim_for_an_earlier_root_of_that_name_does_no_harm(disk: &dyn Disk) {
    let (mut store, mut heads) = ended(disk);
    store.trim(&[tree(1, 5_000)], 100).unwrap();
    let mut batch = rooted(&mut heads[0], "a", 2);
    batch.rows[0].settled_at = Some(2_000);
    commit(&mut *store, batch);
    let other = Trim::Tree {
        part: Part(1),
        root_no: 2,
        settled_before: 5_000,
    };
    assert_eq!(store.trim(&[tree(1, 5_000), other], 100).unwrap(), 0);
    assert_eq!(all(&mut *store).len(), 1);
}

pub(crate) fn the_limit_holds_for_all_together(disk: &dyn Disk) {
    let (mut store, mut heads) = ended(disk);
    let outbox = (0..3)
        .map(|n| OutboxRow {
            n,
            dst: Part(5),
            doc: "x".into(),
        })
        .collect();
    commit(
        &mut *store,
        Batch {
            outbox,
            ..next(&mut heads[0])
        },
    );
    let what = [
        Trim::Outbox {
            part: Part(0),
            up_to: Mark::LAST,
        },
        tree(1, 5_000),
    ];
    let pieces: Vec<usize> = (0..5).map(|_| store.trim(&what, 4).unwrap()).collect();
    assert_eq!(pieces, [4, 4, 1, 0, 0]);
    assert_eq!(store.trim(&what, 0).unwrap(), 0);
}

pub(crate) fn numbers_are_not_used_again_after_a_trim(disk: &dyn Disk) {
    let (mut store, _) = ended(disk);
    store.trim(&[tree(1, 5_000)], 100).unwrap();
    let (_store, heads) = reopened(store, disk);
    assert_eq!((heads[0].next_root_no, heads[0].newest), (2, 2_000));
}

/// Root `a`, number 1, in partition 0 with five children; all ended at 2000.
fn ended(disk: &dyn Disk) -> (Box<dyn Store>, Vec<Head>) {
    let (mut store, mut heads) = taken(disk);
    let mut batch = rooted(&mut heads[0], "a", 1);
    batch.rows.extend((1..6).map(|child_no| row(1, child_no)));
    for row in &mut batch.rows {
        row.settled_at = Some(2_000);
    }
    commit(&mut *store, batch);
    (store, heads)
}

fn tree(root_no: u64, settled_before: i64) -> Trim {
    Trim::Tree {
        part: Part(0),
        root_no,
        settled_before,
    }
}
