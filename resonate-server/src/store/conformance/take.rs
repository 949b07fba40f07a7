//! Ownership.

use resonate_core::Part;

use super::{Disk, PARTS, all, commit, reopened, rooted, row, taken};
use crate::store::{Floor, Head};

pub(crate) fn a_new_store_has_all_partitions_and_nothing_in_them(disk: &dyn Disk) {
    let (mut store, heads) = taken(disk);
    let new = |part| Head {
        part: Part(part),
        epoch: 1,
        seq: 0,
        next_root_no: 0,
        newest: 0,
    };
    assert_eq!(heads, (0..PARTS).map(new).collect::<Vec<_>>());
    assert_eq!(all(&mut *store), []);
}

pub(crate) fn each_take_raises_every_epoch(disk: &dyn Disk) {
    let (store, _) = taken(disk);
    let (store, heads) = reopened(store, disk);
    assert!(heads.iter().all(|head| head.epoch == 2), "{heads:?}");
    let (_store, heads) = reopened(store, disk);
    assert!(heads.iter().all(|head| head.epoch == 3), "{heads:?}");
}

pub(crate) fn a_floor_lifts_numbers_above_what_was_seen(disk: &dyn Disk) {
    let mut store = disk.open();
    let heads = store
        .take(&[Floor {
            part: Part(3),
            epoch: 40,
            seq: 500,
        }])
        .unwrap();
    assert_eq!((heads[3].epoch, heads[3].seq), (41, 500));
    assert_eq!((heads[2].epoch, heads[2].seq), (1, 0));
    let mut head = heads[3];
    commit(&mut *store, rooted(&mut head, "a", 1));
    let (_store, heads) = reopened(store, disk);
    assert_eq!((heads[3].epoch, heads[3].seq), (42, 501));
}

pub(crate) fn a_floor_below_changes_nothing(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    for root_no in 1..=3 {
        commit(
            &mut *store,
            rooted(&mut heads[5], &format!("root-{root_no}"), root_no),
        );
    }
    drop(store);
    let heads = disk
        .open()
        .take(&[Floor {
            part: Part(5),
            epoch: 0,
            seq: 1,
        }])
        .unwrap();
    assert_eq!((heads[5].epoch, heads[5].seq), (2, 3));
}

pub(crate) fn the_head_knows_the_next_root_number_and_the_newest_time(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    let mut batch = rooted(&mut heads[1], "a", 7);
    batch.rows[0].created_at = 5_000;
    commit(&mut *store, batch);
    let mut batch = rooted(&mut heads[1], "b", 6);
    batch.rows[0].created_at = 4_000;
    batch.rows.push(row(6, 1));
    batch.rows[1].settled_at = Some(9_000);
    commit(&mut *store, batch);
    let (_store, heads) = reopened(store, disk);
    assert_eq!((heads[1].next_root_no, heads[1].newest), (8, 9_000));
    assert_eq!((heads[2].next_root_no, heads[2].newest), (0, 0));
}
