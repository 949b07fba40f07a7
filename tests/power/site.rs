//! A server under the recorder: its data folder, the log of what it does to the files, its faults.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::{
    disk::Disk,
    harness::{Process, free_port, resonate},
    log::{self, Marks, Op},
    mutants,
};

/// Where files are written to and read back fast. What is on the disk is the model's business, not the real disk's.
pub(crate) fn fast_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    folder.expect("a folder can be made")
}

/// The library of `recorder.c`, built by the compiler that built SQLite.
fn recorder() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/power/recorder.c");
        let built = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (own, library) = (
            built.join(format!("recorder-{}.so", std::process::id())),
            built.join("recorder.so"),
        );
        let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let mut cc = Command::new(compiler);
        cc.args([
            "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o",
        ])
        .arg(&own)
        .arg(&source)
        .arg("-ldl");
        assert!(
            cc.status().expect("there is a C compiler").success(),
            "{} does not compile",
            source.display()
        );
        // Whole or not at all: other test processes do the same.
        fs::rename(&own, &library).unwrap();
        library
    })
}

/// Which server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The real one: `resonate serve`.
    Real,
    /// One with a planted bug, in a process of this test binary.
    Mutant(&'static str),
}

/// What goes wrong below a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// `sync` or `write`.
    pub(crate) of: &'static str,
    /// The n-th fails, counted from 1,
    pub(crate) n: usize,
    /// with this error; 0 is a write of half the bytes, which is no error.
    pub(crate) errno: i32,
    /// And so many in a row.
    pub(crate) times: usize,
}

pub(crate) const EIO: i32 = 5;
pub(crate) const ENOSPC: i32 = 28;

/// A data folder that does not exist yet, and what is needed to serve it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) marks: Marks,
    log: PathBuf,
    listen: String,
    blind: bool,
    starts: usize,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = fast_folder();
        let log = folder.path().join("recorded");
        Self {
            marks: Marks::of(&log),
            log,
            folder,
            listen: format!("127.0.0.1:{}", free_port()),
            blind: false,
            starts: 0,
        }
    }

    /// Syncs of folders will do nothing.
    pub(crate) fn blind(mut self) -> Self {
        self.blind = true;
        self
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("data")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// The server as it is.
    pub(crate) fn start_unrecorded(&mut self) -> Process {
        let data = self.data();
        let data = data.to_str().expect("UTF-8");
        self.starts += 1;
        let name = format!("server-{}", self.starts);
        let args = ["serve", "--listen", &self.listen, "--data-dir", data];
        Process::start(self.folder.path(), &name, resonate(), &args)
    }

    pub(crate) fn start(&mut self, program: Program, fault: Option<Fault>) -> Process {
        let data = self.data();
        let data = data.to_str().expect("UTF-8");
        let mut args = vec![
            format!("LD_PRELOAD={}", recorder().display()),
            format!("POWER_LOG={}", self.log.display()),
            format!("POWER_FOLDER={data}"),
        ];
        args.extend(self.blind.then(|| "POWER_BLIND=1".to_owned()));
        args.extend(fault.map(
            |Fault {
                 of,
                 n,
                 errno,
                 times,
             }| format!("POWER_FAULT={of} {n} {errno} {times}"),
        ));
        match program {
            Program::Real => {
                let command = [
                    &resonate().display().to_string(),
                    "serve",
                    "--listen",
                    &self.listen,
                    "--data-dir",
                    data,
                ];
                args.extend(command.map(str::to_owned));
            }
            Program::Mutant(name) => args.extend(mutants::command(name, &self.listen, data)),
        }
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        self.marks.start();
        // Each start has its own output.
        self.starts += 1;
        Process::start(
            self.folder.path(),
            &format!("server-{}", self.starts),
            Path::new("env"),
            &args,
        )
    }

    /// What was recorded so far. The log must explain every byte of every file, or something was not seen.
    pub(crate) fn recorded(&self) -> Vec<Op> {
        let ops = log::read(&self.log);
        let mut disk = Disk::new(0);
        ops.iter().for_each(|op| disk.apply(op));
        let mut explained = Vec::new();
        for (name, bytes) in disk.seen() {
            let real =
                fs::read(self.data().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(
                real == *bytes,
                "{name}: the recorder did not see every write"
            );
            explained.push(name.clone());
        }
        for entry in fs::read_dir(self.data()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let is_known = name.ends_with("-shm") || explained.contains(&name);
            assert!(is_known, "{name}: the recorder did not see who made it");
        }
        ops
    }
}
