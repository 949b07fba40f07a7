//! A small store with something of everything, as a server that was killed leaves it: a file, and a log beside it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
};

use resonate_core::{
    Applied, Kind, Memory, Part, PromiseId, Record, Request, Task, Timestamp, limits,
    testing::script::{Target, run_on},
};
use tempfile::TempDir;

use crate::{
    engine::disk,
    store::{Batch, Found, Limit, Mark, OutboxRow, Reader, SqliteStore, Store, sqlite::FILE},
};

/// Several trees in every state, with timers, labels, failures and messages that were taken.
const IN_FILE: &str = "
    1 create order-1 shop/checkout timeout=90000
    2 claim order-1 A
    3 turn order-1 v1 A n1 label customer 42 +call order-1.charge bank/charge +record order-1.price resolved 1200 => go
    4 turn order-1 v1 A n2 +timer order-1.reminder 50000 +external order-1.approval => suspend
    5 claim order-1.charge B
    6 turn order-1.charge v2 B n1 +record order-1.charge.try rejected 7 => fail broken
    7 create approval
    8 settle approval resolved true
    9 create survey timeout=20
    10 create order-2 shop/checkout
    11 claim order-2 A
    12 turn order-2 v1 A n1 +own order-2.stock stock warehouse/take +await order-2.approval approval => suspend
    13 deliver
    14 claim stock C
    15 halt stock by hand
    16 create order-3 shop/checkout
    17 claim order-3 A
    18 turn order-3 v1 A n1 +detach order-3.mail mail post/send +claimed order-3.pack pack/pack => tie
    19 deliver
    20 cancel order-3 changed my mind
    21 deliver
    30 expire survey
    31 create order-4 shop/checkout arg=4 priority=3
    32 claim order-4 A
    33 release order-4 v1 A lost
    34 create refund bank/refund
    35 claim refund B
    36 turn refund v1 B n1 => fulfill rejected no-such-order
    37 create wish
    38 settle wish rejected nobody-has-it
    38 create order-6 shop/checkout
    38 claim order-6 A
    38 turn order-6 v1 A n1 +external order-6.approval +timer order-6.nap 70000 => suspend
    38 create stuck shop/checkout
    38 halt stuck by hand";
/// What came after, one commit each; the last message is written and not taken.
const IN_LOG: &str = "
    40 settle order-1.approval resolved true
    41 create order-5 shop/checkout
    42 claim order-5 D
    43 turn order-5 v1 D n1 +record order-5.price resolved 5 +timer order-5.nap 60000 => suspend
    44 continue stock
    45 claim mail C
    46 turn mail v1 C n1 => fulfill resolved sent
    48 turn order-1 v1 A n3 +own order-1.parcel parcel warehouse/send => go";
/// Everything that a promise, its task and its kind can be.
const WANTED: [&str; 13] = [
    "pending",
    "resolved",
    "rejected",
    "canceled",
    "timedout",
    "leased",
    "suspended",
    "halted",
    "done",
    "timer",
    "external",
    "proxy",
    "step",
];

/// What somebody who reads the whole store is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Truth {
    pub(super) rows: Vec<Found>,
    outbox: Vec<(Part, Mark, OutboxRow)>,
    inbox: Vec<(Part, Part, Mark)>,
}

/// The bytes of a data folder.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) file: Vec<u8>,
    pub(super) log: Vec<u8>,
}

/// What a clean end leaves, and what a kill some commits later leaves.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) closed: Image,
    pub(super) killed: Image,
    /// The partitions that anything is in.
    pub(super) parts: Vec<Part>,
    /// What the first holds, and what was added by each commit of the second's log.
    pub(super) truths: Vec<Truth>,
}

impl Truth {
    /// The messages and marks are those of these partitions: damage cannot make new ones, and what moves is missed.
    pub(super) fn read(
        store: &mut dyn Reader,
        parts: impl IntoIterator<Item = Part>,
    ) -> Result<Self, crate::store::LoadError> {
        let all = Limit {
            rows: usize::MAX,
            bytes: usize::MAX,
        };
        let (mut outbox, mut inbox) = (Vec::new(), Vec::new());
        for part in parts {
            let page = store.outbox(part, None, all)?;
            outbox.extend(page.rows.into_iter().map(|(mark, row)| (part, mark, row)));
            let marks = store.inbox(part)?.into_iter();
            inbox.extend(marks.map(|(source, mark)| (part, source, mark)));
        }
        let rows = store.rows(None, all)?.rows;
        Ok(Self {
            rows,
            outbox,
            inbox,
        })
    }
}

impl Image {
    pub(super) fn of(folder: &Path) -> Self {
        let read = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
        Self {
            file: read(FILE),
            log: read(&format!("{FILE}-wal")),
        }
    }

    /// Puts it into a folder, in the place of what is there.
    pub(super) fn put(&self, folder: &Path) {
        let at = |suffix: &str| folder.join(format!("{FILE}{suffix}"));
        let _none = fs::remove_file(at("-shm"));
        fs::write(folder.join("resonate.lock"), "as every store has it").unwrap();
        fs::write(at(""), &self.file).unwrap();
        fs::write(at("-wal"), &self.log).unwrap();
    }
}

/// A folder that needs no disk, where there is such a thing: nothing here is about syncs.
pub(super) fn quick_folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let place = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    tempfile::tempdir_in(place).unwrap()
}

/// Written by requests, so that it is what a server would write.
pub(super) fn fixture() -> Fixture {
    let folder = quick_folder();
    let open = || SqliteStore::open(folder.path(), limits::PARTS).unwrap();
    let mut writer = Writer::new(open());
    let _printed = run_on(&mut writer, IN_FILE);
    let Writer { store, .. } = &mut writer;
    // A clean end folds the log into the file.
    let Some(old) = store.take() else {
        panic!("it has a store")
    };
    drop(old);
    let closed = Image::of(folder.path());
    *store = Some(open());
    writer.truths = vec![writer.truth()];
    let _printed = run_on(&mut writer, IN_LOG);
    let killed = Image::of(folder.path());
    let seen: BTreeSet<&str> = writer.state.records().flat_map(names).collect();
    let missing: Vec<_> = WANTED.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "the fixture has no {missing:?}");
    assert!(
        !writer.state.messages().is_empty(),
        "no message is under way"
    );
    Fixture {
        closed,
        killed,
        parts: writer.seqs.into_keys().collect(),
        truths: writer.truths,
    }
}

struct Writer {
    store: Option<SqliteStore>,
    state: Memory,
    epoch: u64,
    seqs: BTreeMap<Part, u64>,
    places: BTreeMap<PromiseId, (u64, u64)>,
    /// The number of each root, and the next one below it.
    roots: BTreeMap<String, (u64, u64)>,
    sent: VecDeque<(Part, Mark)>,
    truths: Vec<Truth>,
}

impl Target for Writer {
    fn request(&mut self, now: Timestamp, request: Request) -> Applied {
        let part = request.target().part();
        let applied = self.state.request(now, request);
        assert!(applied.answer.is_ok(), "{:?}", applied.answer);
        self.write(part, &applied, None);
        applied
    }

    fn deliver_all(&mut self) -> Vec<Applied> {
        let mut all = Vec::new();
        while let Some(message) = self.state.messages().first() {
            let part = message.target().part();
            let applied = self.state.deliver().unwrap();
            let took = self.sent.pop_front();
            self.write(part, &applied, took);
            all.push(applied);
        }
        all
    }

    fn expire(&mut self, _: Timestamp) -> Vec<Applied> {
        panic!("this script names what expires")
    }

    fn check(&self) -> Result<(), String> {
        self.state
            .check()
            .map_err(|violations| format!("{violations:?}"))
    }
}

impl Writer {
    fn new(mut store: SqliteStore) -> Self {
        let epoch = store.take(&[]).unwrap()[0].epoch;
        Self {
            store: Some(store),
            state: Memory::default(),
            epoch,
            seqs: BTreeMap::new(),
            places: BTreeMap::new(),
            roots: BTreeMap::new(),
            sent: VecDeque::new(),
            truths: Vec::new(),
        }
    }

    fn store(&mut self) -> &mut SqliteStore {
        self.store.as_mut().unwrap()
    }

    fn truth(&mut self) -> Truth {
        let all = (0..limits::PARTS).map(Part);
        Truth::read(self.store(), all).unwrap()
    }

    fn write(&mut self, part: Part, applied: &Applied, took: Option<(Part, Mark)>) {
        let batch = self.batch(part, applied, took);
        self.store().commit(&[batch]).unwrap();
        let truth = self.truth();
        self.truths.push(truth);
    }

    fn batch(&mut self, part: Part, applied: &Applied, took: Option<(Part, Mark)>) -> Batch {
        let seq = self.seqs.entry(part).or_default();
        *seq += 1;
        let mut batch = Batch::new(part, self.epoch, *seq);
        for change in &applied.changed {
            let row = self.row(&change.after, &mut batch);
            batch.rows.push(row);
        }
        for (n, message) in (0..).zip(&applied.messages) {
            let row = disk::write_message(message, n);
            let mark = Mark {
                epoch: self.epoch,
                seq: batch.seq,
                n,
            };
            self.sent.push_back((part, mark));
            batch.outbox.push(row);
        }
        batch.inbox.extend(took);
        batch
    }

    fn row(&mut self, record: &Record, batch: &mut Batch) -> crate::store::Row {
        let id = &record.promise.id;
        let known = self.roots.len() as u64;
        let (root_no, next) = self.roots.entry(id.root().to_owned()).or_insert_with(|| {
            batch.roots.push((id.root().to_owned(), known));
            (known, 1)
        });
        let place = self.places.entry(id.clone()).or_insert_with(|| {
            if id.rest().is_empty() {
                return (*root_no, 0);
            }
            *next += 1;
            (*root_no, *next - 1)
        });
        disk::write_record(record, place.0, place.1)
    }
}

fn names(record: &Record) -> Vec<&'static str> {
    let kind = match &record.promise.kind {
        Kind::Timer => "timer",
        Kind::External => "external",
        Kind::Schedule(_) => "schedule",
        Kind::Proxy(_) => "proxy",
        Kind::Call(_) => "call",
        Kind::Step => "step",
    };
    let task = record.task.as_ref().map(Task::state_name);
    [record.promise.state_name(), kind]
        .into_iter()
        .chain(task)
        .collect()
}
