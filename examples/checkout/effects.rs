//! `effects.log`: one line for each real run of a side effect, so that anybody can prove what ran how often.
//!
//! A line is appended, and on disk, before the side effect that it speaks of. All processes with one data folder append
//! to one file, so its lines are in the order in which things happened.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use resonate::prelude::*;

/// Which run of which promise: what a system outside needs to do a thing once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The idempotency key.
    pub(crate) promise: String,
    /// The fence: a later claim of the same promise has a higher one.
    pub(crate) version: u64,
    pub(crate) attempt: u32,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Effect {
    #[serde(flatten)]
    pub(crate) run: Run,
    pub(crate) what: What,
}

/// What a line speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// Money is taken.
    Charge,
    /// Money is given back.
    Refund,
    /// A label is written.
    Label,
    /// No side effect: whoever gave the order was told its outcome. Nothing of that order may run afterwards.
    Answer,
}

impl Run {
    /// The run that this code is part of.
    pub(crate) fn here() -> Self {
        let execution = resonate::execution();
        Self {
            promise: execution.id().to_owned(),
            version: execution.version(),
            attempt: execution.attempt(),
        }
    }
}

/// The open file.
#[derive(Debug)]
pub(crate) struct EffectLog {
    file: File,
}

impl EffectLog {
    /// Opens the log of a data folder, which is made if it is not there.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(data_dir)?;
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path(data_dir))?;
        Ok(Self { file })
    }

    /// Appends a line and waits until it is on disk.
    pub(crate) fn append(&self, run: &Run, what: What) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Effect {
            run: run.clone(),
            what,
        })?;
        line.push(b'\n');
        // One write: lines of several processes do not mix.
        (&self.file).write_all(&line)?;
        self.file.sync_data()
    }
}

/// All lines of a data folder's log, in the order in which things happened; none if there is no log.
pub(crate) fn read(data_dir: &Path) -> Result<Vec<Effect>> {
    let file = match File::open(path(data_dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    let mut effects = Vec::new();
    for (line, text) in BufReader::new(file).lines().enumerate() {
        let effect = serde_json::from_str(&text?).map_err(|error| {
            Error::from(error).context(format!("effects.log, line {}", line + 1))
        })?;
        effects.push(effect);
    }
    Ok(effects)
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("effects.log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_two_processes_are_kept_in_the_order_of_their_writing() {
        let folder = tempfile::tempdir().unwrap();
        let logs = [
            EffectLog::open(folder.path()).unwrap(),
            EffectLog::open(folder.path()).unwrap(),
        ];
        let run = |version| Run {
            promise: "order-0001.charge".to_owned(),
            version,
            attempt: 1,
        };
        for version in 1..=4 {
            logs[usize::try_from(version).unwrap() % 2]
                .append(&run(version), What::Charge)
                .unwrap();
        }
        let versions: Vec<u64> = read(folder.path())
            .unwrap()
            .iter()
            .map(|effect| effect.run.version)
            .collect();
        assert_eq!(versions, [1, 2, 3, 4]);
    }
}
