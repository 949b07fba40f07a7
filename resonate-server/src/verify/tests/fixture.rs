//! A small store with something of everything, as a server that was killed leaves it: a file, and a log beside it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
};

use resonate_core::{
    Applied, Memory, Part, PromiseId, Record, Request, TaskState, limits, testing::random::Draw,
};
use tempfile::TempDir;

use crate::{
    engine::disk,
    store::{Batch, Found, Limit, Mark, OutboxRow, Reader, SqliteStore, Store, sqlite::FILE},
};

/// How many of the requests are in the file; the others are in the log.
const IN_FILE: usize = 60;
const IN_LOG: usize = 20;

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

/// An image, and what it held after each commit that is in the log; first what was in the file alone.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) image: Image,
    pub(super) truths: Vec<Truth>,
}

impl Truth {
    pub(super) fn read(store: &mut dyn Reader) -> Result<Self, crate::store::LoadError> {
        let all = Limit {
            rows: usize::MAX,
            bytes: usize::MAX,
        };
        let (mut outbox, mut inbox) = (Vec::new(), Vec::new());
        for part in (0..limits::PARTS).map(Part) {
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

/// The smallest seed whose state has something of everything.
pub(super) fn fixture() -> Fixture {
    (0..10_000)
        .find_map(Writer::run)
        .expect("a seed that has it all")
}

struct Writer {
    store: SqliteStore,
    state: Memory,
    epoch: u64,
    seqs: BTreeMap<Part, u64>,
    places: BTreeMap<PromiseId, (u64, u64)>,
    roots: BTreeMap<String, (u64, u64)>,
    sent: VecDeque<(Part, Mark)>,
}

impl Writer {
    fn run(seed: u32) -> Option<Fixture> {
        let requests = drawn(seed)?;
        let folder = quick_folder();
        let mut store = SqliteStore::open(folder.path(), limits::PARTS).unwrap();
        let epoch = store.take(&[]).unwrap()[0].epoch;
        let mut writer = Self {
            store,
            state: Memory::default(),
            epoch,
            seqs: BTreeMap::new(),
            places: BTreeMap::new(),
            roots: BTreeMap::new(),
            sent: VecDeque::new(),
        };
        let (in_file, in_log) = requests.split_at(IN_FILE);
        in_file.iter().for_each(|request| writer.write(request));
        // A clean end folds the log into the file.
        drop(writer.store);
        writer.store = SqliteStore::open(folder.path(), limits::PARTS).unwrap();
        let mut truths = vec![Truth::read(&mut writer.store).unwrap()];
        for request in in_log {
            writer.write(request);
            let truth = Truth::read(&mut writer.store).unwrap();
            if truths.last() != Some(&truth) {
                truths.push(truth);
            }
        }
        let image = Image::of(folder.path());
        Some(Fixture { image, truths })
    }

    fn write(&mut self, request: &Step) {
        let (applied, part, took) = match request {
            Step::Ask(at, request) => {
                let part = request.target().part();
                (self.state.request(*at, (**request).clone()), part, None)
            }
            Step::Deliver => {
                let messages = self.state.messages();
                let Some(message) = messages.first() else {
                    return;
                };
                let (part, took) = (message.target().part(), self.sent.pop_front());
                (self.state.deliver().expect("there is one"), part, took)
            }
        };
        let batch = self.batch(part, &applied, took);
        self.store.commit(&[batch]).unwrap();
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

enum Step {
    Ask(resonate_core::Timestamp, Box<Request>),
    Deliver,
}

/// The requests of a seed, if what comes of them has something of everything.
fn drawn(seed: u32) -> Option<Vec<Step>> {
    let byte =
        |n: u32| (n.wrapping_mul(2_654_435_761) ^ seed.wrapping_mul(40_503)).to_be_bytes()[1];
    let bytes: Vec<u8> = (0..20_000).map(byte).collect();
    let (mut draw, mut state, mut steps) = (Draw::new(&bytes), Memory::default(), Vec::new());
    while steps.len() < IN_FILE + IN_LOG {
        let step = if steps.len() % 4 == 3 && !state.messages().is_empty() {
            state.deliver()?;
            Step::Deliver
        } else {
            let (at, request) = draw.request(&state)?;
            let before = state.clone();
            let applied = state.request(at, request.clone());
            if applied.changed.is_empty() {
                state = before;
                continue;
            }
            Step::Ask(at, Box::new(request))
        };
        steps.push(step);
    }
    let has_waiting = !state.messages().is_empty();
    let seen: BTreeSet<&str> = state.records().flat_map(names).collect();
    let wanted = [
        "pending",
        "resolved",
        "rejected",
        "canceled",
        "timedout",
        "leased",
        "suspended",
        "halted",
        "timer",
        "external",
        "proxy",
    ];
    (has_waiting && wanted.iter().all(|name| seen.contains(name))).then_some(steps)
}

fn names(record: &Record) -> Vec<&'static str> {
    let mut names = vec![record.promise.state_name()];
    names.extend(record.task.as_ref().map(resonate_core::Task::state_name));
    names.extend(match &record.promise.kind {
        resonate_core::Kind::Timer => Some("timer"),
        resonate_core::Kind::External => Some("external"),
        resonate_core::Kind::Proxy(_) => Some("proxy"),
        resonate_core::Kind::Call(_) | resonate_core::Kind::Step => None,
    });
    let is_tied =
        |task: &resonate_core::Task| matches!(task.state, TaskState::Suspended { tied: Some(_) });
    names.extend(record.task.as_ref().is_some_and(is_tied).then_some("tied"));
    names
}
