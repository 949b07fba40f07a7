//! What no owner should send: refused before anything is written, and the store goes on.

use resonate_core::Part;

use super::{Disk, commit, everything, next, rooted, row, taken};
use crate::store::{Batch, CommitError, Floor, Head, Mark, OutboxRow, Row, Store, WriteError};

pub(crate) fn what_cannot_be_is_refused_and_changes_nothing(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    commit(&mut *store, rooted(&mut heads[0], "a", 1));
    let message = |n, dst| OutboxRow {
        n,
        dst: Part(dst),
        doc: "x".into(),
    };
    let mark = |part, seq| {
        (
            Part(part),
            Mark {
                epoch: 1,
                seq,
                n: 0,
            },
        )
    };
    let spoils: &[fn(&mut Batch)] = &[
        |batch| batch.part = Part(8),
        |batch| batch.rows = vec![row(1, 0), row(1, 0)],
        |batch| batch.rows = vec![row(1, u64::MAX)],
        |batch| batch.roots = vec![("b".to_owned(), u64::MAX)],
        |batch| batch.roots = vec![("b".to_owned(), 2), ("b".to_owned(), 3)],
        |batch| batch.roots = vec![("b".to_owned(), 2), ("c".to_owned(), 2)],
    ];
    for spoil in spoils {
        let mut batch = next(&mut heads[0].clone());
        spoil(&mut batch);
        malformed(&mut *store, &[batch]);
    }
    for outbox in [vec![message(0, 8)], vec![message(1, 2), message(1, 3)]] {
        malformed(
            &mut *store,
            &[Batch {
                outbox,
                ..next(&mut heads[0].clone())
            }],
        );
    }
    for inbox in [
        vec![mark(8, 1)],
        vec![mark(1, 1), mark(1, 2)],
        vec![mark(1, u64::MAX)],
    ] {
        malformed(
            &mut *store,
            &[Batch {
                inbox,
                ..next(&mut heads[0].clone())
            }],
        );
    }
    let twice = next(&mut heads[0].clone());
    malformed(&mut *store, &[twice.clone(), twice]);
    commit(&mut *store, rooted(&mut heads[0], "b", 2));
}

pub(crate) fn a_root_or_its_number_is_given_once(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    commit(&mut *store, rooted(&mut heads[0], "a", 1));
    let other = next(&mut heads[1]);
    for (root, root_no) in [("a", 2), ("b", 1), ("a", 1)] {
        let again = rooted(&mut heads[0].clone(), root, root_no);
        malformed(&mut *store, &[other.clone(), again]);
    }
    let lane = [
        other,
        rooted(&mut heads[0], "b", 2),
        rooted(&mut heads[2], "a", 1),
    ];
    store.commit(&lane).unwrap();
}

pub(crate) fn a_row_needs_its_root(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    commit(&mut *store, rooted(&mut heads[0], "a", 1));
    for (head, root_no) in [(heads[0], 2), (heads[1], 1)] {
        let rows = vec![row(root_no, 0)];
        malformed(
            &mut *store,
            &[Batch {
                rows,
                ..next(&mut head.clone())
            }],
        );
    }
    let rows = vec![row(1, 5), row(1, 6)];
    commit(
        &mut *store,
        Batch {
            rows,
            ..next(&mut heads[0])
        },
    );
}

pub(crate) fn a_row_keeps_its_id_and_its_time_of_creation(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    commit(&mut *store, rooted(&mut heads[0], "a", 1));
    let another_id = Row {
        id: ".other".to_owned(),
        ..row(1, 0)
    };
    let another_time = Row {
        created_at: 1_001,
        ..row(1, 0)
    };
    for changed in [another_id, another_time] {
        let rows = vec![row(1, 1), changed];
        malformed(
            &mut *store,
            &[Batch {
                rows,
                ..next(&mut heads[0].clone())
            }],
        );
    }
}

pub(crate) fn a_floor_for_what_does_not_exist_is_refused(disk: &dyn Disk) {
    let mut store = disk.open();
    for (part, epoch, seq) in [(8, 1, 1), (0, u64::MAX, 1), (0, 1, u64::MAX)] {
        let floor = Floor {
            part: Part(part),
            epoch,
            seq,
        };
        let refused = store.take(&[floor]);
        assert!(
            matches!(refused, Err(WriteError::Malformed(_))),
            "{refused:?}"
        );
    }
    let heads: Vec<Head> = store.take(&[]).unwrap();
    assert!(heads.iter().all(|head| head.epoch == 1), "{heads:?}");
}

#[track_caller]
fn malformed(store: &mut dyn Store, lane: &[Batch]) {
    let before = everything(store);
    let refused = store.commit(lane);
    assert!(
        matches!(refused, Err(CommitError::Write(WriteError::Malformed(_)))),
        "{refused:?} for {lane:?}"
    );
    assert_eq!(everything(store), before);
}
