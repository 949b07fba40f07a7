//! What only this store has: a folder, a file, a log, pages that can be damaged.

mod bench;
mod crash;
mod damage;
mod differential;
mod open;
mod plan;

use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

use super::{FILE, OpenError, SqliteStore};
use crate::store::{Batch, Head, Row, Store, conformance::Disk};

/// A data folder that goes away.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn try_store(&self) -> Result<SqliteStore, OpenError> {
        SqliteStore::open(self.0.path(), 8)
    }

    fn store(&self) -> SqliteStore {
        self.try_store().unwrap()
    }

    fn file(&self) -> PathBuf {
        self.0.path().join(FILE)
    }

    fn log(&self) -> PathBuf {
        self.0.path().join(format!("{FILE}-wal"))
    }

    /// As any other tool would open the file. Not while a store has it.
    fn raw(&self) -> Connection {
        Connection::open(self.file()).unwrap()
    }
}

impl Disk for Folder {
    fn open(&self) -> Box<dyn Store> {
        Box::new(self.store())
    }
}

crate::store::conformance::conforms!(Folder::new());

/// The n-th batch of a partition: a root with two children, one of them ended, and a message.
fn batch(head: &mut Head) -> Batch {
    head.seq += 1;
    let mut batch = Batch::new(head.part, head.epoch, head.seq);
    batch.roots.push((format!("root-{}", head.seq), head.seq));
    batch.rows = (0..3)
        .map(|child_no| Row {
            root_no: head.seq,
            child_no,
            id: if child_no == 0 {
                String::new()
            } else {
                format!(".child-{child_no}")
            },
            state: 1,
            due_at: (child_no == 1).then_some(500),
            created_at: 100,
            settled_at: (child_no == 2).then_some(200),
            target: Some("bank".to_owned()),
            function: Some("bank/charge@1".to_owned()),
            doc: vec![u8::try_from(child_no).unwrap(); 300].into(),
        })
        .collect();
    batch.outbox.push(crate::store::OutboxRow {
        n: 0,
        dst: head.part,
        doc: "hello".into(),
    });
    batch.inbox.push((
        head.part,
        crate::store::Mark {
            epoch: 1,
            seq: head.seq,
            n: 0,
        },
    ));
    batch
}
