//! Any store, with faults where a script wants them. The script is a list or a closure; a seed is the caller's.

use std::fmt;

use resonate_core::{CapabilityKey, Part, Timeline};

use super::{
    Reader, Store,
    batch::{Batch, OutboxRow, Trim},
    error::{CommitError, Damage, LoadError, WriteError},
    record::{Due, Floor, Found, Head, Key, Limit, Mark, Page, Tree},
    search::{Hits, Search},
};

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// [`Store::take`].
    Take,
    /// [`Store::commit`].
    Commit,
    /// [`Store::trim`].
    Trim,
    /// [`Store::upkeep`].
    Upkeep,
    /// [`Store::has_room`]; whatever the fault, the answer is no.
    Room,
    /// [`Store::close`].
    Close,
    /// [`Reader::tree`].
    Tree,
    /// [`Reader::due`].
    Due,
    /// [`Reader::search`].
    Search,
    /// [`Reader::outbox`].
    Outbox,
    /// [`Reader::inbox`].
    Inbox,
    /// [`Reader::rows`].
    Rows,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No room: nothing is written. Reading goes through.
    Full,
    /// Another program holds the file: nothing is written. Reading goes through.
    Busy,
    /// A row that had to be read is damaged; nothing is written.
    Damaged,
    /// An I/O error before anything was done. From now on the store is poisoned.
    Failed,
    /// It is done, then the answer is an I/O error: the caller cannot know. From now on the store is poisoned.
    Lost,
}

/// A store that fails when its script says so. Second readers, from [`Store::reader`], are without faults.
pub struct Faulty {
    inner: Box<dyn Store>,
    script: Box<dyn FnMut(Verb) -> Option<Fault> + Send>,
    poisoned: bool,
}

impl Faulty {
    /// Asks `script` before each call that is not answered `Poisoned` anyway.
    #[must_use]
    pub fn new(
        inner: Box<dyn Store>,
        script: impl FnMut(Verb) -> Option<Fault> + Send + 'static,
    ) -> Self {
        Self {
            inner,
            script: Box::new(script),
            poisoned: false,
        }
    }

    /// One fault after the other: each at the n-th call of its verb, counted from 0 since the fault before it.
    #[must_use]
    pub fn scripted(inner: Box<dyn Store>, faults: impl Into<Vec<(Verb, usize, Fault)>>) -> Self {
        let mut faults = faults.into().into_iter();
        let mut next = faults.next();
        Self::new(inner, move |verb| {
            let (awaited, countdown, fault) = next.as_mut()?;
            if *awaited != verb {
                return None;
            }
            if *countdown > 0 {
                *countdown -= 1;
                return None;
            }
            let fault = *fault;
            next = faults.next();
            Some(fault)
        })
    }

    fn read<T>(
        &mut self,
        verb: Verb,
        read: impl FnOnce(&mut dyn Store) -> Result<T, LoadError>,
    ) -> Result<T, LoadError> {
        if self.poisoned {
            return Err(LoadError::Poisoned);
        }
        match (self.script)(verb) {
            None | Some(Fault::Full | Fault::Busy) => read(&mut *self.inner),
            Some(Fault::Damaged) => Err(damage().into()),
            Some(Fault::Failed | Fault::Lost) => {
                self.poisoned = true;
                let (file, source) = (FILE.into(), SAYING.into());
                Err(LoadError::Failed { file, source })
            }
        }
    }

    fn write<T, E: From<WriteError>>(
        &mut self,
        verb: Verb,
        write: impl FnOnce(&mut dyn Store) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.poisoned {
            return Err(WriteError::Poisoned.into());
        }
        let (file, source) = (FILE.into(), SAYING.into());
        Err(match (self.script)(verb) {
            None => return write(&mut *self.inner),
            Some(Fault::Full) => WriteError::Full { file, source },
            Some(Fault::Busy) => WriteError::Busy { file },
            Some(Fault::Damaged) => damage().into(),
            Some(Fault::Failed) => {
                self.poisoned = true;
                WriteError::Failed { file, source }
            }
            Some(Fault::Lost) => {
                self.poisoned = true;
                drop(write(&mut *self.inner)); // whatever came of it, nobody hears of it
                WriteError::Failed { file, source }
            }
        }
        .into())
    }
}

const FILE: &str = "faulty";
const SAYING: &str = "as the script wants it";

fn damage() -> Damage {
    Damage {
        file: FILE.into(),
        table: "any",
        key: "any row".to_owned(),
        why: SAYING.to_owned(),
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Faulty");
        shown
            .field("inner", &self.inner)
            .field("poisoned", &self.poisoned);
        shown.finish_non_exhaustive()
    }
}

impl Reader for Faulty {
    fn tree(
        &mut self,
        part: Part,
        root: &str,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Option<Tree>, LoadError> {
        self.read(Verb::Tree, |inner| inner.tree(part, root, after, limit))
    }

    fn due(&mut self, due: &Due, limit: Limit) -> Result<Page<Found>, LoadError> {
        self.read(Verb::Due, |inner| inner.due(due, limit))
    }

    fn search(&mut self, search: &Search, limit: Limit) -> Result<Hits, LoadError> {
        self.read(Verb::Search, |inner| inner.search(search, limit))
    }

    fn outbox(
        &mut self,
        part: Part,
        after: Option<Mark>,
        limit: Limit,
    ) -> Result<Page<(Mark, OutboxRow)>, LoadError> {
        self.read(Verb::Outbox, |inner| inner.outbox(part, after, limit))
    }

    fn inbox(&mut self, part: Part) -> Result<Vec<(Part, Mark)>, LoadError> {
        self.read(Verb::Inbox, |inner| inner.inbox(part))
    }

    fn rows(&mut self, after: Option<Key>, limit: Limit) -> Result<Page<Found>, LoadError> {
        self.read(Verb::Rows, |inner| inner.rows(after, limit))
    }
}

impl Store for Faulty {
    fn take(&mut self, floors: &[Floor]) -> Result<Vec<Head>, WriteError> {
        self.write(Verb::Take, |inner| inner.take(floors))
    }

    fn timeline(&self) -> Timeline {
        self.inner.timeline()
    }

    fn capability_key(&self) -> CapabilityKey {
        self.inner.capability_key()
    }

    fn commit(&mut self, lane: &[Batch]) -> Result<(), CommitError> {
        self.write(Verb::Commit, |inner| inner.commit(lane))
    }

    fn trim(&mut self, what: &[Trim], limit: usize) -> Result<usize, WriteError> {
        self.write(Verb::Trim, |inner| inner.trim(what, limit))
    }

    fn upkeep(&mut self) -> Result<(), WriteError> {
        self.write(Verb::Upkeep, |inner| inner.upkeep())
    }

    fn has_room(&mut self) -> bool {
        (self.script)(Verb::Room).is_none() && self.inner.has_room()
    }

    fn close(&mut self) -> Result<(), WriteError> {
        self.write(Verb::Close, |inner| inner.close())
    }

    fn reader(&self) -> Result<Box<dyn Reader>, LoadError> {
        self.inner.reader()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryDisk, conformance::Disk};

    struct Healthy(MemoryDisk);

    impl Disk for Healthy {
        fn open(&self) -> Box<dyn Store> {
            Box::new(Faulty::new(Box::new(self.0.open()), |_| None))
        }
    }

    crate::store::conformance::conforms!(Healthy(MemoryDisk::new(8)));

    fn commits(faults: &[(Verb, usize, Fault)], numbers: &[u64]) -> (MemoryDisk, Vec<String>) {
        let disk = MemoryDisk::new(1);
        let mut store = Faulty::scripted(Box::new(disk.open()), faults);
        store.take(&[]).unwrap();
        let commit = |number: &u64| match store.commit(&[Batch::new(Part(0), 1, *number)]) {
            Ok(()) => "committed".to_owned(),
            Err(CommitError::Fenced(_)) => "fenced".to_owned(),
            Err(CommitError::Write(error)) => format!("{error:?}")
                .split([' ', '('])
                .next()
                .unwrap()
                .to_owned(),
        };
        let answers = numbers.iter().map(commit).collect();
        (disk, answers)
    }

    fn number(disk: &MemoryDisk) -> u64 {
        disk.open().take(&[]).unwrap()[0].seq
    }

    #[test]
    fn a_script_strikes_call_by_call() {
        let faults = [
            (Verb::Commit, 1, Fault::Full),
            (Verb::Commit, 0, Fault::Busy),
            (Verb::Commit, 0, Fault::Damaged),
        ];
        let (disk, answers) = commits(&faults, &[1, 2, 2, 2, 2]);
        assert_eq!(
            answers,
            ["committed", "Full", "Busy", "Damaged", "committed"]
        );
        assert_eq!(number(&disk), 2);
    }

    #[test]
    fn after_an_io_error_nothing_is_answered_and_nothing_was_written() {
        let (disk, answers) = commits(&[(Verb::Commit, 1, Fault::Failed)], &[1, 2, 2]);
        assert_eq!(answers, ["committed", "Failed", "Poisoned"]);
        assert_eq!(number(&disk), 1);
    }

    #[test]
    fn a_lost_answer_is_an_io_error_after_the_commit() {
        let (disk, answers) = commits(&[(Verb::Commit, 1, Fault::Lost)], &[1, 2, 2]);
        assert_eq!(answers, ["committed", "Failed", "Poisoned"]);
        assert_eq!(number(&disk), 2);
    }

    #[test]
    fn reading_fails_by_damage_and_by_io_but_not_by_room() {
        let faults = [
            (Verb::Inbox, 0, Fault::Full),
            (Verb::Inbox, 0, Fault::Damaged),
            (Verb::Tree, 0, Fault::Failed),
        ];
        let mut store = Faulty::scripted(Box::new(MemoryDisk::new(1).open()), faults);
        assert_eq!(store.inbox(Part(0)).unwrap(), []);
        assert!(matches!(store.inbox(Part(0)), Err(LoadError::Damaged(_))));
        assert!(matches!(
            store.tree(Part(0), "a", None, Limit::default()),
            Err(LoadError::Failed { .. })
        ));
        assert!(matches!(store.inbox(Part(0)), Err(LoadError::Poisoned)));
        assert!(matches!(store.take(&[]), Err(WriteError::Poisoned)));
        assert!(matches!(store.upkeep(), Err(WriteError::Poisoned)));
    }
}
