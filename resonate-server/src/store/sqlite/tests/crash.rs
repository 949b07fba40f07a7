//! What is there after a process ended without a word, and what a store does after an error.

use std::fs::{self, OpenOptions};

use rusqlite::Connection;

use super::{super::log, Folder, batch};
use crate::store::{Batch, CommitError, Limit, LoadError, Reader, Store, WriteError};

#[test]
fn a_log_cut_at_any_length_leaves_whole_batches_in_their_order() {
    let folder = Folder::new();
    let mut store = folder.store();
    let mut heads = store.take(&[]).unwrap();
    let mut lengths = Vec::new(); // of the log, after each acknowledged batch
    for _ in 0..6 {
        let lane: Vec<Batch> = heads.iter_mut().take(3).map(batch).collect();
        store.commit(&lane).unwrap();
        lengths.push(fs::metadata(folder.log()).unwrap().len());
    }
    let (file, log) = (
        fs::read(folder.file()).unwrap(),
        fs::read(folder.log()).unwrap(),
    );
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..=log.len()).rev().step_by(1_013) {
        let image = Folder::new();
        fs::write(image.file(), &file).unwrap();
        fs::write(image.log(), &log[..cut]).unwrap();
        let mut store = image.store();
        let heads = store.take(&[]).unwrap();
        let acknowledged = lengths
            .iter()
            .filter(|length| **length <= cut as u64)
            .count() as u64;
        let number = heads[0].seq;
        assert!(
            number >= acknowledged,
            "{cut} bytes: {acknowledged} were acknowledged, {number} are there"
        );
        assert!(
            heads.iter().take(3).all(|head| head.seq == number),
            "{cut} bytes: {heads:?}"
        );
        let rows = store
            .rows(
                None,
                Limit {
                    rows: 1_000,
                    bytes: usize::MAX,
                },
            )
            .unwrap()
            .rows;
        assert_eq!(rows.len() as u64, number * 9, "{cut} bytes");
        assert_eq!(store.verify().unwrap(), []);
        seen.insert(number);
    }
    assert_eq!(seen, (0..=6).collect(), "every prefix was met");
}

#[test]
fn a_log_is_written_again_and_stays_as_it_was() {
    let folder = Folder::new();
    let copy = folder.0.path().join("copy");
    for length in [0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 17] {
        let bytes: Vec<u8> = (0..length)
            .map(|n: u32| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
            .collect();
        fs::write(&copy, &bytes).unwrap();
        log::rewrite(&copy).unwrap();
        assert!(fs::read(&copy).unwrap() == bytes, "{length} bytes");
    }
    log::rewrite(&folder.0.path().join("none")).unwrap();
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let folder = Folder::new();
    let mut store = folder.store();
    let mut heads = store.take(&[]).unwrap();
    store.commit(&[batch(&mut heads[0])]).unwrap();
    room(store.db.connection(), Some(4));
    let mut big = batch(&mut heads[0]);
    big.rows[0].doc = vec![7; 1 << 20].into();
    for _ in 0..3 {
        let refused = store.commit(std::slice::from_ref(&big));
        assert!(
            matches!(refused, Err(CommitError::Write(WriteError::Full { .. }))),
            "{refused:?}"
        );
    }
    assert_eq!(
        store.rows(None, Limit::default()).unwrap().rows.len(),
        3,
        "reading goes on"
    );
    room(store.db.connection(), None);
    store.commit(&[big]).unwrap();
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn another_writer_makes_it_busy_and_nothing_worse() {
    let folder = Folder::new();
    let mut store = folder.store();
    let mut heads = store.take(&[]).unwrap();
    store
        .db
        .connection()
        .busy_timeout(std::time::Duration::ZERO)
        .unwrap();
    let other = folder.raw();
    other.execute_batch("begin immediate").unwrap();
    let batch = batch(&mut heads[0]);
    let refused = store.commit(std::slice::from_ref(&batch));
    assert!(
        matches!(refused, Err(CommitError::Write(WriteError::Busy { .. }))),
        "{refused:?}"
    );
    other.execute_batch("rollback").unwrap();
    store.commit(&[batch]).unwrap();
}

#[test]
fn after_an_io_error_nothing_is_answered_any_more() {
    let folder = Folder::new();
    let mut store = folder.store();
    let mut heads = store.take(&[]).unwrap();
    store.commit(&[batch(&mut heads[0])]).unwrap();
    // The log disappears under the connection, as it would with a disk that stops answering.
    OpenOptions::new()
        .write(true)
        .open(folder.log())
        .unwrap()
        .set_len(0)
        .unwrap();
    store.db.connection().release_memory().unwrap();
    let failed = store.rows(None, Limit::default());
    assert!(
        matches!(failed, Err(LoadError::Failed { .. })),
        "{failed:?}"
    );
    assert!(matches!(
        store.rows(None, Limit::default()),
        Err(LoadError::Poisoned)
    ));
    assert!(matches!(store.take(&[]), Err(WriteError::Poisoned)));
    let refused = store.commit(&[batch(&mut heads[0])]);
    assert!(
        matches!(refused, Err(CommitError::Write(WriteError::Poisoned))),
        "{refused:?}"
    );
    assert!(matches!(store.trim(&[], 1), Err(WriteError::Poisoned)));
    assert!(matches!(store.upkeep(), Err(WriteError::Poisoned)));
    assert!(
        matches!(store.db.fold_away(), Err(WriteError::Poisoned)),
        "not even when it is dropped"
    );
}

/// How many more pages the file may take.
fn room(conn: &Connection, pages: Option<i64>) {
    let now: i64 = conn
        .query_row("pragma page_count", [], |row| row.get(0))
        .unwrap();
    let most = pages.map_or(1 << 30, |pages| now + pages);
    conn.query_row(&format!("pragma max_page_count = {most}"), [], |_| Ok(()))
        .unwrap();
}
