//! A file that every worker of a test appends to: what ran, how often and under which fencing token.

use std::{
    fmt::Display,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use resonate::state;

/// The open file, as a worker provides it to its functions.
#[derive(Debug)]
pub(crate) struct Effects {
    file: File,
    folder: PathBuf,
}

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) what: String,
    pub(crate) promise: String,
    /// The fencing token of the claim under which it ran.
    pub(crate) version: u64,
    pub(crate) process: u32,
}

impl Effects {
    pub(crate) fn open(folder: &Path) -> Self {
        let file = File::options().create(true).append(true).open(path(folder));
        Self {
            file: file.expect("the effects can be written"),
            folder: folder.to_owned(),
        }
    }

    /// The same file once more.
    pub(crate) fn again(&self) -> Self {
        Self::open(&self.folder)
    }

    /// True if the test has opened this gate.
    pub(crate) fn is_open(&self, gate: &str) -> bool {
        self.folder.join(gate).exists()
    }

    /// As a system outside does that remembers the highest fencing token it saw of a promise: what comes with a lower one
    /// is refused, which is all that is written of it.
    pub(crate) fn append_fenced(&self, what: impl Display, promise: &str, version: u64) {
        let is_later = |seen: &Effect| seen.promise == promise && version < seen.version;
        if read(&self.folder).iter().any(is_later) {
            self.append(format_args!("refused_{what}"), promise, version);
        } else {
            self.append(what, promise, version);
        }
    }

    /// Appends a line, as one write: those of several processes do not mix.
    pub(crate) fn append(&self, what: impl Display, promise: &str, version: u64) {
        let line = format!("{what} {promise} {version} {}\n", std::process::id());
        (&self.file)
            .write_all(line.as_bytes())
            .expect("the effects can be written");
    }
}

/// Says that the execution which asks has done this.
pub(crate) fn effect(what: impl Display) {
    let run = resonate::execution();
    state::<Effects>().append(what, run.id(), run.version());
}

/// Waits in a function until the test [opens](open_gate) this gate.
pub(crate) async fn gate(name: &str) {
    let effects = state::<Effects>();
    while !effects.is_open(name) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Lets everybody through who waits there, now and later.
pub(crate) fn open_gate(folder: &Path, name: &str) {
    File::create(folder.join(name)).expect("a gate can be opened");
}

/// Everything that was written in this folder so far.
pub(crate) fn read(folder: &Path) -> Vec<Effect> {
    let text = fs::read_to_string(path(folder)).unwrap_or_default();
    text.lines().map(parse).collect()
}

fn parse(line: &str) -> Effect {
    let words: Vec<_> = line.split(' ').collect();
    let [what, promise, version, process] = words[..] else {
        panic!("no effect: {line}")
    };
    Effect {
        what: what.to_owned(),
        promise: promise.to_owned(),
        version: version.parse().unwrap(),
        process: process.parse().unwrap(),
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("effects")
}
