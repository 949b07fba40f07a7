//! What happened, line by line: hashed, so that two runs can be compared; kept for the last moments, so that a failure can
//! be read; printed, if somebody wants to see it.

use std::{
    collections::{VecDeque, hash_map::DefaultHasher},
    fmt::{self, Write as _},
    hash::Hasher as _,
    time::Duration,
};

/// Lines that are kept.
const KEPT: usize = 60;

/// The trace of a run.
#[derive(Default)]
pub(crate) struct Trace {
    hasher: DefaultHasher,
    last: VecDeque<String>,
    is_shown: bool,
}

impl Trace {
    pub(crate) fn new(is_shown: bool) -> Self {
        Self {
            is_shown,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, elapsed: Duration, what: fmt::Arguments<'_>) {
        let mut line = if self.last.len() < KEPT {
            String::new()
        } else {
            self.last.pop_front().unwrap_or_default()
        };
        line.clear();
        let written = write!(line, "{:>12.3} {what}", elapsed.as_secs_f64());
        written.expect("writing to a string does not fail");
        self.hasher.write(line.as_bytes());
        if self.is_shown {
            eprintln!("{line}");
        }
        self.last.push_back(line);
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// The last of them, if they were not shown already.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        if self.is_shown {
            return Vec::new();
        }
        self.last.iter().cloned().collect()
    }
}
