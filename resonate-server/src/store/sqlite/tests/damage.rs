//! Bytes that are not what was written: found, named, never served.

use resonate_core::Part;

use super::{Folder, batch};
use crate::store::{Damage, Due, Limit, LoadError, Reader, Search, Store, WriteError};

/// A store with one batch in partition 2, with something in every table.
fn kept() -> Folder {
    let folder = Folder::new();
    let mut store = folder.store();
    let mut heads = store.take(&[]).unwrap();
    store.commit(&[batch(&mut heads[2])]).unwrap();
    drop(store);
    folder
}

fn change(folder: &Folder, sql: &str) {
    assert_eq!(folder.raw().execute(sql, []).unwrap(), 1, "{sql}");
}

#[test]
fn a_changed_byte_of_a_document_is_found_by_every_read() {
    let folder = kept();
    let conn = folder.raw();
    let mut doc: Vec<u8> = conn
        .query_row("select doc from promise where child_no = 0", [], |row| {
            row.get(0)
        })
        .unwrap();
    doc[150] ^= 1;
    conn.execute("update promise set doc = ?1 where child_no = 0", [doc])
        .unwrap();
    drop(conn);
    let mut store = folder.store();
    let damage = |error: LoadError| match error {
        LoadError::Damaged(damage) => damage,
        LoadError::Failed { .. } | LoadError::Poisoned => panic!("{error:?}"),
    };
    let always = Due {
        part: None,
        from: 0,
        to: 1_000,
        after: None,
    };
    assert_eq!(
        store.due(&always, Limit::default()).unwrap().rows.len(),
        1,
        "another row is read as before"
    );
    for error in [
        store
            .tree(Part(2), "root-1", None, Limit::default())
            .unwrap_err(),
        store
            .search(&Search::default(), Limit::default())
            .unwrap_err(),
        store.rows(None, Limit::default()).unwrap_err(),
    ] {
        let Damage {
            file, table, key, ..
        } = damage(error);
        assert_eq!(
            (file, table, &*key),
            (folder.file(), "promise", "root_no 1, part 2, child_no 0")
        );
    }
    assert_eq!(
        store.verify().unwrap().len(),
        2,
        "the row, and what its partition counts"
    );
}

#[test]
fn a_change_to_any_column_of_any_table_is_found() {
    let columns = [
        (
            "promise",
            "root_no part child_no id state due_at created_at settled_at target function doc sum",
            "child_no = 1",
        ),
        ("root", "root_no part root sum", "root_no = 1"),
        (
            "part",
            "epoch seq next_root_no newest unsettled_rows unsettled_sum sum",
            "part = 2",
        ),
        ("outbox", "part epoch seq n dst doc sum", "part = 2"),
        ("inbox", "part src epoch seq n sum", "part = 2"),
    ];
    for (table, names, row) in columns {
        for name in names.split(' ') {
            let folder = kept();
            let value = match name {
                "id" | "root" | "target" | "function" => "'other'",
                "doc" => "x'0102'",
                _ => "5",
            };
            change(
                &folder,
                &format!("update {table} set {name} = {value} where {row}"),
            );
            let found = folder.store().verify().unwrap();
            let named = found.iter().any(|damage| {
                damage.table == table || (table == "root" && damage.table == "promise")
            });
            assert!(named, "{table}.{name}: {found:?}");
        }
    }
}

#[test]
fn a_row_that_is_missing_is_found() {
    let lost = [
        ("promise", "child_no = 1", "part"), // unsettled: its partition counts it
        ("root", "root_no = 1", "root"),     // its rows miss it
        ("part", "part = 2", "part"),
    ];
    for (table, row, named) in lost {
        let folder = kept();
        change(&folder, &format!("delete from {table} where {row}"));
        let found = folder.store().verify().unwrap();
        assert!(
            found.iter().any(|damage| damage.table == named),
            "{table}: {found:?}"
        );
    }
    let folder = kept();
    change(&folder, "delete from part where part = 2");
    assert!(
        matches!(folder.store().take(&[]), Err(WriteError::Damaged(_))),
        "nobody may own what is not there"
    );
}

#[test]
fn a_sound_store_verifies() {
    let mut store = kept().store_with_more();
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn a_damaged_head_is_not_built_upon() {
    let folder = kept();
    change(&folder, "update part set seq = 0 where part = 2");
    let mut store = folder.store();
    match store.take(&[]) {
        Err(WriteError::Damaged(damage)) => assert_eq!(
            (damage.table, &*damage.key),
            ("part", "part 2, epoch 1, seq 0")
        ),
        other => panic!("{other:?}"),
    }
    let message = store.take(&[]).unwrap_err().to_string();
    assert!(
        message.contains("resonate.db is damaged: table part, part 2")
            && message.contains("verify"),
        "{message}"
    );
}

impl Folder {
    /// A store with changes, ends and trims behind it.
    fn store_with_more(&self) -> super::SqliteStore {
        let mut store = self.store();
        let mut heads = store.take(&[]).unwrap();
        for round in 0..20 {
            let mut lane: Vec<_> = heads.iter_mut().map(batch).collect();
            for batch in lane.iter_mut().filter(|_| round % 2 == 0) {
                batch
                    .rows
                    .iter_mut()
                    .for_each(|row| row.settled_at = Some(900));
            }
            store.commit(&lane).unwrap();
        }
        let trims: Vec<_> = (1..9)
            .map(|root_no| crate::store::Trim::Tree {
                part: Part(0),
                root_no,
                settled_before: 1_000,
            })
            .collect();
        assert!(store.trim(&trims, 10).unwrap() > 0);
        store
    }
}
