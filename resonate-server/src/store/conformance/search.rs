//! What people look for.

use super::{Disk, ONE, commit, pages, rooted, row, taken};
use crate::store::{Found, Limit, Order, Search, Store};

pub(crate) fn the_newest_come_first_or_the_oldest(disk: &dyn Disk) {
    let mut store = orders(disk);
    let newest = ids(&ask(&mut *store, &Search::default()));
    assert_eq!(
        newest,
        [
            "order-3.child-1",
            "order-3",
            "order-2.child-1",
            "order-2",
            "visit-1.child-1",
            "visit-1",
            "order-1.child-1",
            "order-1"
        ]
    );
    let oldest = Search {
        order: Order::OldestFirst,
        ..Search::default()
    };
    let reversed: Vec<_> = newest.into_iter().rev().collect();
    assert_eq!(ids(&ask(&mut *store, &oldest)), reversed);
}

pub(crate) fn every_filter_filters(disk: &dyn Disk) {
    let mut store = orders(disk);
    let roots = Search {
        roots_only: true,
        ..Search::default()
    };
    assert_eq!(
        ids(&ask(&mut *store, &roots)),
        ["order-3", "order-2", "visit-1", "order-1"]
    );
    let named = Search {
        root_prefix: "visit".to_owned(),
        ..Search::default()
    };
    assert_eq!(
        ids(&ask(&mut *store, &named)),
        ["visit-1.child-1", "visit-1"]
    );
    let served = Search {
        target: Some("bank".to_owned()),
        ..Search::default()
    };
    assert_eq!(ids(&ask(&mut *store, &served)).len(), 4);
    let called = Search {
        function: Some("bank/charge@1".to_owned()),
        ..Search::default()
    };
    assert_eq!(ids(&ask(&mut *store, &called)).len(), 4);
    let both = Search {
        state: Some(2),
        ..called
    };
    assert_eq!(
        ids(&ask(&mut *store, &both)),
        ["order-3.child-1", "visit-1.child-1"]
    );
    assert_eq!(
        ids(&ask(
            &mut *store,
            &Search {
                roots_only: true,
                ..both
            }
        )),
        [] as [&str; 0]
    );
    let odd = Search {
        root_prefix: "order-1%".to_owned(),
        ..Search::default()
    };
    assert_eq!(ids(&ask(&mut *store, &odd)), [] as [&str; 0]);
}

pub(crate) fn pages_of_a_search_miss_nothing_and_repeat_nothing(disk: &dyn Disk) {
    let mut store = orders(disk);
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let search = Search {
            order,
            root_prefix: "order".to_owned(),
            ..Search::default()
        };
        let whole = ask(&mut *store, &search);
        assert_eq!(whole.len(), 6);
        for rows in [1, 2, 5, 6] {
            assert_eq!(
                walk(
                    &mut *store,
                    &search,
                    Limit {
                        rows,
                        ..Limit::default()
                    }
                ),
                whole
            );
        }
    }
}

pub(crate) fn a_search_for_what_is_rare_ends_and_goes_on(disk: &dyn Disk) {
    let mut store = orders(disk);
    let rare = Search {
        root_prefix: "order-1".to_owned(),
        examine: 3,
        ..Search::default()
    };
    let first = store.search(&rare, Limit::default()).unwrap();
    assert_eq!((first.rows, first.next.is_some()), (vec![], true));
    for examine in [0, 1, 3, 8, 9] {
        let search = Search {
            examine,
            ..rare.clone()
        };
        assert_eq!(
            ids(&walk(&mut *store, &search, Limit::default())),
            ["order-1.child-1", "order-1"]
        );
    }
    let all = Search { examine: 8, ..rare };
    assert_eq!(
        store.search(&all, Limit::default()).unwrap().next,
        None,
        "all was looked at"
    );
}

pub(crate) fn all_rows_come_in_the_order_of_their_keys(disk: &dyn Disk) {
    let mut store = orders(disk);
    let whole = store.rows(None, Limit::default()).unwrap().rows;
    let keys: Vec<_> = whole
        .iter()
        .map(|found| (found.row.root_no, found.part.0, found.row.child_no))
        .collect();
    assert_eq!(
        keys,
        [
            (1, 0, 0),
            (1, 0, 1),
            (1, 2, 0),
            (1, 2, 1),
            (2, 0, 0),
            (2, 0, 1),
            (3, 1, 0),
            (3, 1, 1)
        ]
    );
    assert_eq!(
        pages(|after| store.rows(after, ONE).unwrap(), Found::key),
        whole
    );
}

/// Four roots with a child each; two were created at the same time.
fn orders(disk: &dyn Disk) -> Box<dyn Store> {
    let (mut store, mut heads) = taken(disk);
    let roots = [
        ("order-1", 0, 1, 10),
        ("visit-1", 2, 1, 20),
        ("order-2", 0, 2, 20),
        ("order-3", 1, 3, 30),
    ];
    for (root, part, root_no, created_at) in roots {
        let mut batch = rooted(&mut heads[part], root, root_no);
        batch.rows.push(row(root_no, 1));
        for row in &mut batch.rows {
            row.created_at = created_at;
        }
        batch.rows[1].state = if root_no % 2 == 1 && created_at > 10 {
            2
        } else {
            1
        };
        batch.rows[1].target = Some("bank".to_owned());
        batch.rows[1].function = Some("bank/charge@1".to_owned());
        commit(&mut *store, batch);
    }
    store
}

fn ask(store: &mut dyn Store, search: &Search) -> Vec<Found> {
    let hits = store.search(search, Limit::default()).unwrap();
    assert_eq!(hits.next, None);
    hits.rows
}

fn walk(store: &mut dyn Store, search: &Search, limit: Limit) -> Vec<Found> {
    let (mut search, mut rows) = (search.clone(), Vec::new());
    loop {
        let hits = store.search(&search, limit).unwrap();
        rows.extend(hits.rows);
        assert!(rows.len() < 1_000, "the pages never end");
        match hits.next {
            None => return rows,
            Some(next) => assert_ne!(search.after.replace(next), Some(next), "no progress"),
        }
    }
}

fn ids(found: &[Found]) -> Vec<String> {
    found
        .iter()
        .map(|found| format!("{}{}", found.root, found.row.id))
        .collect()
}
