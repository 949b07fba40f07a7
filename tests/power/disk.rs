//! A disk as a power cut leaves it: what was synced is there, of everything else any part may be.
//!
//! [`Disk::apply`] follows a log; [`Disk::image`] says what could be read if the power went off now. The smallest thing a
//! disk writes whole is a sector; a length and a name are kept or lost on their own.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    draw::Draw,
    log::{Inode, Op},
};

pub(crate) const SECTOR: usize = 512;

/// What is on the disk, what is only on its way there, and what programs see.
#[derive(Debug)]
pub(crate) struct Disk {
    files: BTreeMap<Inode, File>,
    /// On the disk, and in the order in which they were changed since.
    names: Names,
    changed_names: Vec<(u64, NameChange)>,
    seen: Names,
    /// The data folder's own name: whether there is one, and whether it is on the disk.
    folder: (bool, bool),
    /// Numbers what is on its way.
    next: u64,
    /// Draws what a failed sync has written.
    draw: Draw,
}

type Names = BTreeMap<String, Inode>;

#[derive(Debug, Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<(u64, Change)>,
    seen: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Arc<[u8]>),
    Resize(usize),
}

#[derive(Debug)]
enum NameChange {
    Add(String, Inode),
    Remove(String),
    Rename(String, String),
}

/// Which of what is on its way has arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Nothing,
    Everything,
    /// What was done first, in its order, without gaps.
    Prefix,
    /// The same, and the next write only in part.
    Torn,
    /// Only what was done last.
    Suffix,
    /// Each sector, length and name by a coin, which falls on "arrived" so many times in 16.
    Any(u64),
}

impl How {
    /// Every way once; the next after the last is the first.
    pub(crate) const ALL: [Self; 8] = [
        Self::Any(8),
        Self::Torn,
        Self::Nothing,
        Self::Any(14),
        Self::Prefix,
        Self::Suffix,
        Self::Any(2),
        Self::Everything,
    ];
}

/// The files that are there after a power cut; none if not even the folder is.
#[derive(Debug, Default)]
pub(crate) struct Image(pub(crate) Vec<(String, Vec<u8>)>);

impl Disk {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            files: BTreeMap::new(),
            names: Names::new(),
            changed_names: Vec::new(),
            seen: Names::new(),
            folder: (false, false),
            next: 0,
            draw: Draw::new(seed),
        }
    }

    pub(crate) fn apply(&mut self, op: &Op) {
        self.next += 1;
        let no = self.next;
        match op {
            Op::Folder => self.folder.0 = true,
            Op::Create(name, inode) => {
                self.files.insert(*inode, File::default());
                self.change_names(NameChange::Add(name.clone(), *inode));
            }
            Op::Write { file, at, bytes } => {
                self.change(no, *file, Change::Write(*at, Arc::clone(bytes)))
            }
            Op::Resize(file, length) => self.change(no, *file, Change::Resize(*length)),
            Op::Sync(file) => self.file(*file).sync(|_, _| true),
            Op::SyncFailed(inode) => {
                // None of it, all of it, or any part: and then it counts as written, wherever it is.
                let (seed, sixteenths) = (self.draw.next(), self.draw.below(3) * 8);
                // Names are not lost by it: file systems keep them in a journal of their own.
                let Some(file) = self.files.get_mut(inode) else {
                    return;
                };
                file.sync(|no, sector| coin(seed, no, sector) < sixteenths);
            }
            Op::SyncNames { of_parent: true } => self.folder.1 = self.folder.0,
            Op::SyncNames { of_parent: false } => {
                for (_, change) in self.changed_names.drain(..) {
                    change.apply(&mut self.names);
                }
            }
            Op::Rename(from, to) => self.change_names(NameChange::Rename(from.clone(), to.clone())),
            Op::Unlink(name) => self.change_names(NameChange::Remove(name.clone())),
            Op::Mark(_) | Op::Start | Op::Fault(_) => {}
        }
    }

    fn file(&mut self, inode: Inode) -> &mut File {
        self.files
            .get_mut(&inode)
            .expect("what is written was created, and the recorder saw it")
    }

    fn change(&mut self, no: u64, inode: Inode, change: Change) {
        let file = self.file(inode);
        change.apply(&mut file.seen);
        file.pending.push((no, change));
    }

    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.seen);
        self.changed_names.push((self.next, change));
    }

    /// What programs see: each file that has a name, whole.
    pub(crate) fn seen(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        self.seen
            .iter()
            .map(|(name, inode)| (name, &self.files[inode].seen))
    }

    /// What could be read if the power went off now. `is_wanted` says which files matter.
    pub(crate) fn image(
        &self,
        how: How,
        draw: &mut Draw,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Image {
        let kept = self.kept(how, draw);
        if !self.folder.1 && !kept(0, NAME) {
            return Image::default();
        }
        let mut names = self.names.clone();
        for (no, change) in &self.changed_names {
            if kept(*no, NAME) {
                change.apply(&mut names);
            }
        }
        // A length that arrived before its bytes shows zeros, or what lay there before.
        let filling = if draw.below(2) == 0 { 0 } else { 0xA5 };
        let names = names.into_iter().filter(|(name, _)| is_wanted(name));
        let files = names.map(|(name, inode)| (name, self.files[&inode].image(&kept, filling)));
        Image(files.collect())
    }

    /// Which change, by its number and its sector, has arrived.
    fn kept(&self, how: How, draw: &mut Draw) -> impl Fn(u64, u64) -> bool + use<> {
        let pending = self
            .files
            .values()
            .flat_map(|file| file.pending.iter().map(|(no, _)| *no));
        let mut all: Vec<u64> = pending
            .chain(self.changed_names.iter().map(|(no, _)| *no))
            .collect();
        all.sort_unstable();
        let cut = match all.len() {
            0 => 0,
            count => all[usize::try_from(draw.below(count as u64)).unwrap()],
        };
        let seed = draw.next();
        move |no, sector| match how {
            How::Nothing => false,
            How::Everything => true,
            How::Prefix => no < cut,
            How::Torn => no < cut || no == cut && coin(seed, no, sector) < 8,
            How::Suffix => no >= cut,
            How::Any(sixteenths) => coin(seed, no, sector) < sixteenths,
        }
    }
}

/// What a length and a name are drawn as, instead of a sector.
const LENGTH: u64 = u64::MAX;
const NAME: u64 = u64::MAX - 1;

/// The same answer for the same change, below 16.
fn coin(seed: u64, no: u64, sector: u64) -> u64 {
    Draw::new(seed ^ no.rotate_left(20) ^ sector.wrapping_mul(0x9E37_79B9_7F4A_7C15)).below(16)
}

impl File {
    /// What is on its way arrives where `kept` says so, and is lost elsewhere.
    fn sync(&mut self, kept: impl Fn(u64, u64) -> bool) {
        self.durable = if self
            .pending
            .iter()
            .all(|(no, change)| change.is_kept(*no, &kept))
        {
            let mut durable = std::mem::take(&mut self.durable);
            self.pending
                .iter()
                .for_each(|(_, change)| change.apply(&mut durable));
            durable
        } else {
            self.image(&kept, 0)
        };
        self.pending.clear();
    }

    fn image(&self, kept: &impl Fn(u64, u64) -> bool, filling: u8) -> Vec<u8> {
        let (mut bytes, mut length) = (self.durable.clone(), self.durable.len());
        for (no, change) in &self.pending {
            match change {
                Change::Write(at, new) => {
                    let end = at + new.len();
                    if bytes.len() < end {
                        bytes.resize(end, filling);
                    }
                    let mut from = *at;
                    while from < end {
                        let to = end.min((from / SECTOR + 1) * SECTOR);
                        if kept(*no, (from / SECTOR) as u64) {
                            bytes[from..to].copy_from_slice(&new[from - at..to - at]);
                        }
                        from = to;
                    }
                    if kept(*no, LENGTH) {
                        length = length.max(end);
                    }
                }
                Change::Resize(to) if kept(*no, LENGTH) => {
                    length = *to;
                    bytes.truncate(length);
                }
                Change::Resize(_) => {}
            }
        }
        bytes.resize(length, filling);
        bytes
    }
}

impl Change {
    fn is_kept(&self, no: u64, kept: &impl Fn(u64, u64) -> bool) -> bool {
        match self {
            Self::Write(at, new) => {
                let sectors = at / SECTOR..(at + new.len()).div_ceil(SECTOR);
                kept(no, LENGTH) && sectors.into_iter().all(|sector| kept(no, sector as u64))
            }
            Self::Resize(_) => kept(no, LENGTH),
        }
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, new) => {
                let end = at + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(new);
            }
            Self::Resize(length) => bytes.resize(*length, 0),
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Add(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
        }
    }
}
