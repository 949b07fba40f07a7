//! A file that every worker of a test appends to: what ran, how often and under which fencing token.

use std::{
    fmt::Display,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use resonate::state;

/// The open file, as a worker provides it to its functions.
#[derive(Debug)]
pub(crate) struct Effects(File);

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
    pub(crate) fn open(path: &Path) -> Self {
        let file = File::options().create(true).append(true).open(path);
        Self(file.expect("the effects can be written"))
    }

    /// Appends a line, as one write: those of several processes do not mix.
    pub(crate) fn append(&self, what: impl Display, promise: &str, version: u64) {
        let line = format!("{what} {promise} {version} {}\n", std::process::id());
        (&self.0)
            .write_all(line.as_bytes())
            .expect("the effects can be written");
    }
}

/// Says that the execution which asks has done this.
pub(crate) fn effect(what: impl Display) {
    let run = resonate::execution();
    state::<Effects>().append(what, run.id(), run.version());
}

/// Everything that was written to this file so far.
pub(crate) fn read(path: &Path) -> Vec<Effect> {
    let text = fs::read_to_string(path).unwrap_or_default();
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

/// Where a test keeps them.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join("effects")
}
