//! The recorder's log, read back: what happened to the files of the data folder, and what clients had heard by then.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
    sync::Arc,
};

/// The system's number of a file: names come and go, and may be given again.
pub(crate) type Inode = u64;

/// One thing that happened. What failed is here only if it was a sync: a failed write may have written, and says so.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// The data folder was made.
    Folder,
    Create(String, Inode),
    Write {
        file: Inode,
        at: usize,
        bytes: Arc<[u8]>,
    },
    Resize(Inode, usize),
    /// A file's bytes and length are on the disk.
    Sync(Inode),
    /// The names in the data folder are on the disk; or the folder's own name, in its parent.
    SyncNames {
        of_parent: bool,
    },
    /// What was written and not synced may be on the disk or not, and is not tried again.
    SyncFailed(Inode),
    Rename(String, String),
    Unlink(String),
    /// A client has its answer.
    Mark(String),
    /// A server is started.
    Start,
    /// A call on this file failed, because it was told to.
    Fault(String),
}

/// What the recorder writes before each record; see `recorder.c`.
const HEAD: usize = 32;
const SHARED_MEMORY: &str = "-shm";

/// The ops of a log in their order. What belongs to the shared memory of SQLite is left out: it is mapped, and made anew.
pub(crate) fn read(log: &Path) -> Vec<Op> {
    let bytes = fs::read(log).expect("there is a log");
    let (mut rest, mut ops, mut left_out) = (&bytes[..], Vec::new(), Vec::new());
    while let Some((head, after)) = rest.split_at_checked(HEAD) {
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
        let length = usize::try_from(number(24)).unwrap();
        let (data, after) = after.split_at(length);
        rest = after;
        let failed = head[4..8] != [0; 4];
        let (file, at) = (number(8), usize::try_from(number(16)).unwrap());
        let text = || String::from_utf8(data.to_vec()).unwrap();
        if head[0] == b'c' {
            left_out.retain(|inode| *inode != file);
            if text().ends_with(SHARED_MEMORY) {
                left_out.push(file);
            }
        }
        if left_out.contains(&file) || text_is_left_out(head[0], data) {
            continue;
        }
        ops.push(match (head[0], failed) {
            (b'm', _) => Op::Folder,
            (b'c', _) => Op::Create(text(), file),
            (b'w', _) => Op::Write {
                file,
                at,
                bytes: data.into(),
            },
            (b't', false) => Op::Resize(file, at),
            (b's', false) => Op::Sync(file),
            (b's', true) => Op::SyncFailed(file),
            (b'd', true) => Op::SyncFailed(file),
            (b'd', false) => Op::SyncNames {
                of_parent: data == b"/",
            },
            (b't', true) => continue,
            (b'r', _) => {
                let (from, to) = text()
                    .split_once('/')
                    .map(|(from, to)| (from.to_owned(), to.to_owned()))
                    .unwrap();
                Op::Rename(from, to)
            }
            (b'u', _) => Op::Unlink(text()),
            (b'!', _) => Op::Mark(text()),
            (b'>', _) => Op::Start,
            (b'f', _) => Op::Fault(text()),
            (what, _) => panic!("the recorder wrote {what}"),
        });
    }
    assert!(rest.is_empty(), "the log ends within a record");
    ops
}

fn text_is_left_out(what: u8, data: &[u8]) -> bool {
    matches!(what, b'u' | b'r') && data.ends_with(SHARED_MEMORY.as_bytes())
}

/// What was made durable, or tried to be, after a sync failed and before the process ended.
pub(crate) fn syncs_after_a_failed_one(ops: &[Op]) -> Vec<&Op> {
    let after = ops
        .iter()
        .skip_while(|op| !matches!(op, Op::SyncFailed(_)))
        .skip(1);
    let until = after.take_while(|op| !matches!(op, Op::Start));
    until
        .filter(|op| matches!(op, Op::Sync(_) | Op::SyncNames { .. } | Op::SyncFailed(_)))
        .collect()
}

/// Writes marks into a log that others append to.
#[derive(Debug)]
pub(crate) struct Marks(File);

impl Marks {
    pub(crate) fn of(log: &Path) -> Self {
        let options = OpenOptions::new().append(true).create(true).open(log);
        Self(options.expect("the log can be written"))
    }

    /// The same log, for another who marks.
    pub(crate) fn again(&self) -> Self {
        Self(self.0.try_clone().expect("a file can be shared"))
    }

    /// To be called when the answer is here, never earlier. One write, so it stands whole between those of others.
    pub(crate) fn mark(&self, text: &str) {
        self.write(b'!', text);
    }

    /// To be called before a server is started.
    pub(crate) fn start(&self) {
        self.write(b'>', "");
    }

    fn write(&self, what: u8, text: &str) {
        let mut record = vec![0; HEAD];
        record[0] = what;
        record[24..32].copy_from_slice(&(text.len() as u64).to_le_bytes());
        record.extend_from_slice(text.as_bytes());
        let written = (&self.0).write(&record).expect("the log takes it");
        assert_eq!(written, record.len());
    }
}
