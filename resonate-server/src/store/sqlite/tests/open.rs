//! Opening, and refusing to.

use std::fs;

use rusqlite::Connection;

use super::{
    super::{OpenError, SqliteStore, pragma},
    Folder, batch,
};
use crate::store::{Limit, Reader, Store};

#[test]
fn a_second_server_is_refused_until_the_first_has_gone() {
    let folder = Folder::new();
    let first = folder.store();
    let refused = folder.try_store().unwrap_err();
    assert!(matches!(&refused, OpenError::Locked { .. }), "{refused:?}");
    let message = refused.to_string();
    assert!(
        message.contains(&*folder.0.path().to_string_lossy()),
        "{message}"
    );
    assert!(message.contains("stop that one"), "{message}");
    drop(first);
    folder.store();
}

#[test]
#[cfg(unix)]
fn folder_and_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let inner = folder.0.path().join("deep").join("data");
    let mut store = SqliteStore::open(&inner, 8).unwrap();
    store.take(&[]).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&inner), mode(inner.parent().unwrap())),
        (0o700, 0o700)
    );
    let mut files: Vec<_> = fs::read_dir(&inner)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let names: Vec<_> = files
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "resonate.db",
            "resonate.db-shm",
            "resonate.db-wal",
            "resonate.lock"
        ]
    );
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(folder.store());
    folder
        .raw()
        .execute("update header set value = '7' where name = 'format'", [])
        .unwrap();
    let before = fs::read(folder.file()).unwrap();
    let message = folder.try_store().unwrap_err().to_string();
    assert!(
        message.contains("format 7") && message.contains("up to format 1"),
        "{message}"
    );
    assert_eq!(fs::read(folder.file()).unwrap(), before);
}

#[test]
fn another_number_of_partitions_is_refused() {
    let folder = Folder::new();
    drop(folder.store());
    let message = SqliteStore::open(folder.0.path(), 16)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("has 8 partitions, 16 are asked for"),
        "{message}"
    );
    for asked in [0, 3, 8_192] {
        let refused = SqliteStore::open(folder.0.path(), asked).unwrap_err();
        assert!(
            matches!(refused, OpenError::BadPartitions { .. }),
            "{refused}"
        );
    }
}

#[test]
fn a_file_of_somebody_else_is_refused_and_left_alone() {
    let folder = Folder::new();
    folder
        .raw()
        .execute_batch("create table theirs (x); insert into theirs values (1)")
        .unwrap();
    let before = fs::read(folder.file()).unwrap();
    let refused = folder.try_store().unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
    assert_eq!(fs::read(folder.file()).unwrap(), before);

    fs::write(
        folder.file(),
        "This is a letter to my grandmother and no database at all.",
    )
    .unwrap();
    let refused = folder.try_store().unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
}

#[test]
fn a_header_without_its_numbers_is_damage() {
    for name in ["format", "parts"] {
        let folder = Folder::new();
        drop(folder.store());
        folder
            .raw()
            .execute("update header set value = 'x' where name = ?1", [name])
            .unwrap();
        let message = folder.try_store().unwrap_err().to_string();
        assert!(
            message.contains("table header") && message.contains(name),
            "{message}"
        );
    }
}

#[test]
fn a_start_that_ended_before_the_tables_is_started_again() {
    let folder = Folder::new();
    fs::write(folder.file(), "").unwrap();
    let heads = folder.store().take(&[]).unwrap();
    assert_eq!(heads.len(), 8);
}

#[test]
fn a_log_without_its_file_is_not_thrown_away() {
    for file_is_there in [true, false] {
        let folder = Folder::new();
        if file_is_there {
            fs::write(folder.file(), "").unwrap();
        }
        fs::write(folder.log(), "what somebody was told is durable").unwrap();
        let message = folder.try_store().unwrap_err().to_string();
        assert!(message.contains("it is missing or empty, but"), "{message}");
        assert!(fs::metadata(folder.log()).unwrap().len() > 0);
    }
}

#[test]
fn every_setting_is_what_it_has_to_be() {
    let folder = Folder::new();
    let store = folder.store();
    let text = |name: &str| -> String {
        let pragma = format!("pragma {name}");
        let value: rusqlite::types::Value = store
            .db
            .connection()
            .query_row(&pragma, [], |row| row.get(0))
            .unwrap();
        format!("{value:?}")
    };
    let found = [
        "journal_mode",
        "synchronous",
        "wal_autocheckpoint",
        "mmap_size",
        "cell_size_check",
        "trusted_schema",
    ]
    .map(text);
    let wanted = [
        "Text(\"wal\")",
        "Integer(2)",
        "Integer(0)",
        "Integer(0)",
        "Integer(1)",
        "Integer(0)",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_setting_that_does_not_take_is_refused() {
    let folder = Folder::new();
    let conn: Connection = folder.raw();
    let misspelt = [("synchronous", "ful", "7")];
    let refused = pragma::set(&conn, &folder.file(), &misspelt).unwrap_err();
    assert!(
        matches!(
            refused,
            OpenError::Pragma {
                name: "synchronous",
                wanted: "7",
                ..
            }
        ),
        "{refused}"
    );
}

#[test]
fn the_database_is_new_enough() {
    // Before 3.51.3 a rare race when the log was reset could damage the file; 3.52.0 was withdrawn.
    let version = rusqlite::version_number();
    assert!(
        version >= 3_051_003 && version != 3_052_000,
        "SQLite {}",
        rusqlite::version()
    );
}

#[test]
fn after_a_clean_end_the_file_alone_is_complete() {
    let folder = Folder::new();
    let mut store = folder.store();
    let mut heads = store.take(&[]).unwrap();
    store.commit(&[batch(&mut heads[0])]).unwrap();
    drop(store);
    let copy = Folder::new();
    fs::copy(folder.file(), copy.file()).unwrap();
    assert_eq!(
        copy.store()
            .rows(None, Limit::default())
            .unwrap()
            .rows
            .len(),
        3
    );
}

#[test]
fn the_log_does_not_grow_for_ever() {
    let folder = Folder::new();
    let mut store = folder.store();
    let mut heads = store.take(&[]).unwrap();
    let length = || fs::metadata(folder.log()).unwrap().len();
    let mut longest = 0;
    for _ in 0..60 {
        let mut big = batch(&mut heads[0]);
        big.rows[0].doc = vec![7; 1 << 20].into();
        store.commit(&[big]).unwrap();
        store.upkeep().unwrap();
        longest = longest.max(length());
    }
    assert!(
        longest > 16 << 20,
        "{longest} bytes: the log was never long enough to be folded"
    );
    assert!(longest < 20 << 20, "{longest} bytes");
}

#[test]
fn a_reader_does_not_keep_the_writer_from_folding_its_log() {
    let folder = Folder::new();
    let mut store = folder.store();
    let mut heads = store.take(&[]).unwrap();
    let mut reader = store.reader().unwrap();
    for _ in 0..40 {
        let mut big = batch(&mut heads[0]);
        big.rows[0].doc = vec![7; 1 << 20].into();
        store.commit(&[big]).unwrap();
        reader.inbox(heads[0].part).unwrap();
        store.upkeep().unwrap();
    }
    assert!(fs::metadata(folder.log()).unwrap().len() < 20 << 20);
}
