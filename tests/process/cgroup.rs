//! A memory cgroup around one process, where the machine permits it: version 1 or 2.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// A group with a limit. It is removed when dropped, after its processes have ended.
#[derive(Debug)]
pub(crate) struct Cgroup {
    folder: PathBuf,
    is_v2: bool,
    enter: String,
}

impl Cgroup {
    /// A group of processes that have at most so many bytes, or why there is none.
    pub(crate) fn limited(bytes: usize) -> Result<Self, String> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let nth = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("resonate-{}-{nth}", std::process::id());
        let v1 = Path::new("/sys/fs/cgroup/memory");
        let is_v2 = !v1.exists();
        let parent = if is_v2 {
            let root = PathBuf::from("/sys/fs/cgroup");
            // It may be on already, and then nothing is permitted and nothing needed.
            let _on = fs::write(root.join("cgroup.subtree_control"), "+memory");
            root
        } else {
            v1.to_owned()
        };
        let folder = parent.join(name);
        let failed = |error: std::io::Error| format!("no memory cgroup here: {error}");
        fs::create_dir(&folder).map_err(failed)?;
        let enter = format!("echo $$ > {}/cgroup.procs; exec \"$@\"", folder.display());
        let group = Self {
            folder,
            is_v2,
            enter,
        };
        let limit = if is_v2 {
            "memory.max"
        } else {
            "memory.limit_in_bytes"
        };
        fs::write(group.folder.join(limit), bytes.to_string()).map_err(failed)?;
        Ok(group)
    }

    /// The command that runs what follows it in the group.
    pub(crate) fn under(&self) -> [&str; 4] {
        ["sh", "-c", &self.enter, "sh"]
    }

    /// How many of its processes the kernel has killed for want of memory.
    pub(crate) fn killed(&self) -> u64 {
        let file = if self.is_v2 {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        let text = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// The most bytes it had, files in memory included.
    pub(crate) fn most_bytes(&self) -> u64 {
        let file = if self.is_v2 {
            "memory.peak"
        } else {
            "memory.max_usage_in_bytes"
        };
        let text = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A group of a process that is not dropped yet stays, empty, until the machine is restarted.
        let _gone = fs::remove_dir(&self.folder);
    }
}
