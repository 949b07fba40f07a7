//! A file system of a fixed size, in a mount namespace of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    harness::{Process, pause, resonate},
    site::fast_folder,
};

const SIZE: &str = "size=56m";

/// A small disk. It goes away with the process that holds its namespace.
pub(crate) struct Small {
    pub(crate) folder: TempDir,
    holder: Child,
}

impl Small {
    /// None where nobody may mount, and then it says so.
    pub(crate) fn mount() -> Option<Self> {
        let folder = fast_folder();
        let (disk, ready) = (folder.path().join("disk"), folder.path().join("ready"));
        fs::create_dir(&disk).unwrap();
        let hold = format!(
            "mount -t tmpfs -o {SIZE} small '{}' && : > '{}' && exec sleep 3600",
            disk.display(),
            ready.display()
        );
        let held = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &hold])
            .stdin(Stdio::null())
            .spawn();
        let Ok(holder) = held else {
            println!("skipped: there is no unshare");
            return None;
        };
        let mut small = Self { folder, holder };
        while !ready.exists() {
            if small.holder.try_wait().unwrap().is_some() {
                println!("skipped: a file system of a fixed size may not be mounted here");
                return None;
            }
            pause(Duration::from_millis(5));
        }
        Some(small)
    }

    fn disk(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.disk().join("data")
    }

    /// The arguments of `nsenter` that run a command where the disk is.
    fn inside(&self, command: &[&str]) -> Vec<String> {
        let holder = self.holder.id().to_string();
        let enter = [
            "--target",
            &holder,
            "--user",
            "--mount",
            "--preserve-credentials",
            "--",
        ];
        enter
            .iter()
            .chain(command)
            .map(ToString::to_string)
            .collect()
    }

    pub(crate) fn run(&self, command: &str) -> bool {
        let mut enter = Command::new("nsenter");
        enter
            .args(self.inside(&["sh", "-c", command]))
            .stderr(Stdio::null());
        enter.status().unwrap().success()
    }

    pub(crate) fn fill(&self) {
        assert!(
            !self.run(&format!(
                "cat /dev/zero > '{}/filler'",
                self.disk().display()
            )),
            "the disk is never full"
        );
    }

    pub(crate) fn empty(&self) {
        assert!(self.run(&format!("rm '{}/filler'", self.disk().display())));
    }

    pub(crate) fn has_reserve(&self) -> bool {
        self.run(&format!(
            "test -e '{}/resonate.reserve'",
            self.data().display()
        ))
    }

    pub(crate) fn serve(&self, name: &str, listen: &str) -> Process {
        let (program, data) = (
            resonate().display().to_string(),
            self.data().display().to_string(),
        );
        let args = self.inside(&[&program, "serve", "--listen", listen, "--data-dir", &data]);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        Process::start(self.folder.path(), name, Path::new("nsenter"), &args)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ended = self.holder.kill();
        let _waited = self.holder.wait();
    }
}
