//! What lies on the disk: the document of a row, and the store's file as a whole. Damage is named, or does not matter.

use std::{fs, path::Path, sync::OnceLock};

use resonate_core::{Create, Memory, NewPromise, PromiseId, Reply, Request, Timestamp};
use resonate_proto::store as format;
use resonate_server::{
    store::{Batch, Found, Limit, Reader as _, Row, SqliteStore, Store as _, sqlite::FILE},
    testing::{read_record, write_record},
};

pub(super) fn row(data: &[u8]) -> bool {
    let message = format::decode_message(data);
    if let Ok(message) = &message {
        let again = format::decode_message(&format::encode_message(message));
        assert_eq!(&again.expect("what was written is read"), message);
    }
    let Ok(record) = format::decode_record(data) else {
        return message.is_ok();
    };
    let (part, root) = (
        record.promise.id.part(),
        record.promise.id.root().to_owned(),
    );
    let written = write_record(&record, 1, 2);
    let again = read_record(part, &root, &written);
    assert_eq!(
        again.expect("what was written is read"),
        Some(record.clone())
    );
    assert_eq!(
        written.settled_at.is_some(),
        record.promise.settled().is_some()
    );
    // A document in the row of another promise is damage.
    let elsewhere = Row {
        id: format!("{}.other", written.id),
        ..written
    };
    assert!(
        read_record(part, &root, &elsewhere).is_err(),
        "a row of another name was taken"
    );
    true
}

const PARTS: u16 = 2;
/// Bytes that one input damages at most.
const DAMAGES: usize = 16;

/// Damages a store's file and opens it: what is read of it is what was written, or damage is named. Either means something.
pub(super) fn file(data: &[u8]) -> bool {
    static WHOLE: OnceLock<(Vec<u8>, Vec<Found>)> = OnceLock::new();
    let (whole, rows) = WHOLE.get_or_init(written);
    let mut bytes = whole.clone();
    for damage in data.chunks_exact(4).take(DAMAGES) {
        let [low, middle, high, change] = *damage else {
            continue;
        };
        let at = u32::from_le_bytes([low, middle, high, 0]) as usize % bytes.len();
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= change;
        }
    }
    let folder = tempfile::tempdir().expect("a folder of our own");
    fs::write(folder.path().join(FILE), bytes).expect("a file of our own");
    let Ok(mut store) = SqliteStore::open(folder.path(), PARTS) else {
        return true;
    };
    for row in read(&mut store).unwrap_or_default() {
        assert!(rows.contains(&row), "a row that nobody wrote: {row:?}");
    }
    let Ok(heads) = store.take(&[]) else {
        return true;
    };
    let numbers = heads.iter().map(|head| (head.part.0, head.seq));
    assert_eq!(
        numbers.collect::<Vec<_>>(),
        [(0, 1), (1, 1)],
        "a head that nobody wrote"
    );
    true
}

fn read(store: &mut SqliteStore) -> Option<Vec<Found>> {
    let all = Limit {
        rows: usize::MAX,
        bytes: usize::MAX,
    };
    Some(store.rows(None, all).ok()?.rows)
}

/// A small store: its bytes and its rows.
fn written() -> (Vec<u8>, Vec<Found>) {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let rows = {
        let mut store = open(folder.path());
        let heads = store.take(&[]).expect("nobody else has it");
        let lane: Vec<_> = heads
            .iter()
            .map(|head| {
                let mut batch = Batch::new(head.part, head.epoch, head.seq + 1);
                for n in 0..3 {
                    let root_no = u64::from(head.part.0) * 10 + n + 1;
                    let name = format!("promise-{root_no}");
                    batch.rows.push(created(&name, root_no));
                    batch.roots.push((name, root_no));
                }
                batch
            })
            .collect();
        store.commit(&lane).expect("a first commit");
        read(&mut store).expect("what was just written")
    };
    // Closed and opened again, so that everything is in the file and nothing in its log.
    drop(open(folder.path()));
    let bytes = fs::read(folder.path().join(FILE)).expect("the file is there");
    (bytes, rows)
}

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder, PARTS).expect("an empty folder is a new store")
}

fn created(name: &str, root_no: u64) -> Row {
    let promise = NewPromise {
        id: PromiseId::new(name).expect("a good id"),
        call: None,
        timeout_at: Timestamp::NEVER,
        labels: [("n".to_owned(), root_no.to_string())].into(),
        tags: std::collections::BTreeMap::new(),
    };
    let create = Request::Create(Create {
        promise,
        any: false,
    });
    let applied = Memory::default().request(Timestamp::from_millis(1), create);
    match applied.answer {
        Ok(Reply::Promise { record, .. }) => write_record(&record, root_no, 0),
        other => panic!("no promise: {other:?}"),
    }
}
