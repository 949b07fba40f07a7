//! Who may write: the owner, under its epoch, the next batch.

use resonate_core::Part;

use super::{Disk, all, commit, everything, next, reopened, rooted, taken};
use crate::store::{Batch, CommitError, Mark, OutboxRow, Store};

pub(crate) fn a_batch_of_an_earlier_epoch_is_refused(disk: &dyn Disk) {
    let (store, mut old) = taken(disk);
    let (mut store, mut heads) = reopened(store, disk);
    refused(&mut *store, &[rooted(&mut old[3], "a", 1)], &[3]);
    commit(&mut *store, rooted(&mut heads[3], "a", 1));
}

pub(crate) fn a_batch_of_a_later_epoch_is_refused(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    heads[3].epoch += 1;
    refused(&mut *store, &[rooted(&mut heads[3], "a", 1)], &[3]);
}

pub(crate) fn the_same_batch_never_commits_twice(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    let batch = rooted(&mut heads[0], "a", 1);
    commit(&mut *store, batch.clone());
    refused(&mut *store, std::slice::from_ref(&batch), &[0]);
    let (mut store, mut heads) = reopened(store, disk);
    refused(&mut *store, &[batch], &[0]);
    commit(&mut *store, next(&mut heads[0]));
}

pub(crate) fn a_batch_that_skips_a_number_is_refused(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    let missing = next(&mut heads[0]);
    refused(&mut *store, &[rooted(&mut heads[0], "a", 1)], &[0]);
    commit(&mut *store, missing);
}

pub(crate) fn one_fenced_partition_refuses_the_whole_lane(disk: &dyn Disk) {
    let (mut store, heads) = taken(disk);
    let lane = |seqs: [u64; 4]| -> Vec<Batch> {
        let full = |part: u16| {
            let mut head = heads[usize::from(part)];
            head.seq = seqs[usize::from(part)];
            let mut batch = rooted(&mut head, "a", 1);
            batch.outbox.push(OutboxRow {
                n: 0,
                dst: Part(1),
                doc: "hello".into(),
            });
            batch.inbox.push((
                Part(1),
                Mark {
                    epoch: 1,
                    seq: 1,
                    n: 1,
                },
            ));
            batch
        };
        (0..4).map(full).collect()
    };
    refused(&mut *store, &lane([0, 5, 0, 1]), &[1, 3]);
    store.commit(&lane([0, 0, 0, 0])).unwrap();
    assert_eq!(all(&mut *store).len(), 4);
}

pub(crate) fn an_owner_that_was_replaced_changes_nothing(disk: &dyn Disk) {
    let (mut store, mut old) = taken(disk);
    commit(&mut *store, rooted(&mut old[0], "a", 1));
    let (mut store, mut heads) = reopened(store, disk);
    commit(&mut *store, rooted(&mut heads[0], "b", 2));
    let late = rooted(&mut old[0], "c", 2);
    assert_eq!(
        late.seq, heads[0].seq,
        "the number alone would fit the batch of the successor"
    );
    refused(&mut *store, &[late, next(&mut old[1])], &[0, 1]);
}

/// Refused with these partitions, and nothing has changed.
#[track_caller]
fn refused(store: &mut dyn Store, lane: &[Batch], parts: &[u16]) {
    let before = everything(store);
    match store.commit(lane) {
        Err(CommitError::Fenced(fenced)) => {
            assert_eq!(fenced.iter().map(|part| part.0).collect::<Vec<_>>(), parts);
        }
        other => panic!("{other:?} where partitions {parts:?} had to be fenced"),
    }
    assert_eq!(everything(store), before);
}
