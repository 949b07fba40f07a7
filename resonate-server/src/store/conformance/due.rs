//! What has to be looked at, and when.

use resonate_core::Part;

use super::{Disk, ONE, commit, next, pages, rooted, row, taken};
use crate::store::{Batch, Due, Found, Head, Limit, Place, Row, Store};

const ALWAYS: Due = Due {
    part: None,
    from: i64::MIN,
    to: i64::MAX,
    after: None,
};

pub(crate) fn what_is_due_comes_earliest_first(disk: &dyn Disk) {
    let mut store = timers(disk, &[(0, 30), (1, 10), (2, -5), (3, 20)]);
    assert_eq!(
        times(&ask(&mut *store, ALWAYS)),
        [(2, -5), (1, 10), (3, 20), (0, 30)]
    );
    assert_eq!(ask(&mut *store, ALWAYS)[0].root, "root-102");
}

pub(crate) fn a_window_holds_its_beginning_and_not_its_end(disk: &dyn Disk) {
    let mut store = timers(disk, &[(0, 10), (1, 20), (2, 30)]);
    for (from, to, parts) in [
        (10, 30, &[0, 1][..]),
        (11, 31, &[1, 2]),
        (20, 20, &[]),
        (31, 99, &[]),
        (30, 10, &[]),
    ] {
        let found = ask(&mut *store, Due { from, to, ..ALWAYS });
        assert_eq!(
            found.iter().map(|found| found.part.0).collect::<Vec<_>>(),
            parts,
            "{from} to {to}"
        );
    }
    let early = Place {
        at: 5,
        key: ask(&mut *store, ALWAYS)[0].key(),
    };
    let found = ask(
        &mut *store,
        Due {
            from: 10,
            after: Some(early),
            ..ALWAYS
        },
    );
    assert_eq!(
        found.len(),
        3,
        "a cursor from before the window does not widen or narrow it"
    );
}

pub(crate) fn pages_of_what_is_due_miss_nothing_and_repeat_nothing(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    for (number, head) in (1..).zip(&mut heads) {
        let mut batch = rooted(head, "a", number % 3 + 1);
        batch
            .rows
            .extend((1..5).map(|child_no| row(number % 3 + 1, child_no)));
        for row in &mut batch.rows {
            row.due_at = Some(i64::from(row.child_no > 2)); // many at the same time
        }
        commit(&mut *store, batch);
    }
    let whole = ask(&mut *store, ALWAYS);
    assert_eq!(whole.len(), 40);
    assert!(whole.is_sorted_by_key(Found::due_place));
    for rows in [1, 7, 39, 40] {
        let limit = Limit {
            rows,
            ..Limit::default()
        };
        let page = |after| store.due(&Due { after, ..ALWAYS }, limit).unwrap();
        assert_eq!(pages(page, |found| found.due_place().unwrap()), whole);
    }
}

pub(crate) fn one_partition_can_be_asked_for(disk: &dyn Disk) {
    let mut store = timers(disk, &[(0, 10), (1, 20), (0, 30), (1, 40)]);
    let found = ask(
        &mut *store,
        Due {
            part: Some(Part(1)),
            ..ALWAYS
        },
    );
    assert_eq!(times(&found), [(1, 20), (1, 40)]);
    let page = store
        .due(
            &Due {
                part: Some(Part(0)),
                to: 30,
                ..ALWAYS
            },
            ONE,
        )
        .unwrap();
    assert_eq!((times(&page.rows), page.more), (vec![(0, 10)], false));
}

pub(crate) fn a_row_that_is_no_longer_due_is_gone_from_the_list(disk: &dyn Disk) {
    let (mut store, mut heads) = taken(disk);
    let set = |store: &mut dyn Store, heads: &mut [Head], batch: Option<Batch>, due_at| {
        let mut batch = batch.unwrap_or_else(|| Batch {
            rows: vec![row(1, 0)],
            ..next(&mut heads[0])
        });
        batch.rows[0].due_at = due_at;
        commit(store, batch);
        ask(store, ALWAYS)
            .iter()
            .map(|found| found.row.due_at.unwrap())
            .collect::<Vec<_>>()
    };
    let first = rooted(&mut heads[0], "a", 1);
    assert_eq!(set(&mut *store, &mut heads, Some(first), Some(10)), [10]);
    assert_eq!(set(&mut *store, &mut heads, None, Some(20)), [20]);
    assert_eq!(set(&mut *store, &mut heads, None, None), [] as [i64; 0]);
    assert_eq!(set(&mut *store, &mut heads, None, Some(5)), [5]);
}

/// One root for each pair of partition and due time.
fn timers(disk: &dyn Disk, timers: &[(u16, i64)]) -> Box<dyn Store> {
    let (mut store, mut heads) = taken(disk);
    for (root_no, &(part, at)) in (100..).zip(timers) {
        let mut batch = rooted(
            &mut heads[usize::from(part)],
            &format!("root-{root_no}"),
            root_no,
        );
        batch.rows[0].due_at = Some(at);
        batch.rows.push(Row {
            due_at: None,
            ..row(root_no, 1)
        });
        commit(&mut *store, batch);
    }
    store
}

fn ask(store: &mut dyn Store, due: Due) -> Vec<Found> {
    store.due(&due, Limit::default()).unwrap().rows
}

fn times(found: &[Found]) -> Vec<(u16, i64)> {
    found
        .iter()
        .map(|found| (found.part.0, found.row.due_at.unwrap()))
        .collect()
}
