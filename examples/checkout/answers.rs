//! `answers.jsonl`: what became of each order, as the shop was told. A second start asks only for what is missing.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use resonate::prelude::*;

use crate::{
    effects::{EffectLog, Run, What},
    orders::Reason,
    shop::{CheckoutError, Shipped},
};

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Shipped(Shipped),
    Declined(Reason),
    /// It should not have.
    Failed(String),
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    order: String,
    outcome: Outcome,
}

/// The open file, and all that is in it.
#[derive(Debug)]
pub(crate) struct Answers {
    file: File,
    effects: EffectLog,
    known: BTreeMap<String, Outcome>,
}

impl Answers {
    /// Opens the answers of a data folder; both are made if they are not there.
    pub(crate) fn open(data_dir: &Path) -> Result<Self> {
        let effects = EffectLog::open(data_dir)?;
        let known = read(data_dir)?;
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path(data_dir))?;
        let ends_torn = fs::read(path(data_dir))?
            .last()
            .is_some_and(|last| *last != b'\n');
        if ends_torn {
            // The line that a crash has torn is not read; the next one begins below it.
            file.write_all(b"\n")?;
        }
        Ok(Self {
            file,
            effects,
            known,
        })
    }

    /// Writes down what became of an order.
    pub(crate) fn record(&mut self, order: &str, outcome: Outcome) -> Result<()> {
        let told = Run {
            promise: order.to_owned(),
            version: 0,
            attempt: 0,
        };
        self.effects.append(&told, What::Answer)?;
        let mut line = serde_json::to_vec(&Answer {
            order: order.to_owned(),
            outcome: outcome.clone(),
        })?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.known.insert(order.to_owned(), outcome);
        Ok(())
    }

    pub(crate) fn find(&self, order: &str) -> Option<&Outcome> {
        self.known.get(order)
    }
}

/// All answers of a data folder; none if there are none yet.
pub(crate) fn read(data_dir: &Path) -> Result<BTreeMap<String, Outcome>> {
    let text = match fs::read_to_string(path(data_dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    let mut known = BTreeMap::new();
    // A line that a crash has torn is asked for again.
    for answer in text
        .lines()
        .filter_map(|line| serde_json::from_str::<Answer>(line).ok())
    {
        known.insert(answer.order, answer.outcome);
    }
    Ok(known)
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("answers.jsonl")
}

impl From<Result<Shipped, CheckoutError>> for Outcome {
    fn from(result: Result<Shipped, CheckoutError>) -> Self {
        match result {
            Ok(shipped) => Self::Shipped(shipped),
            Err(CheckoutError::Declined(reason)) => Self::Declined(reason),
            Err(CheckoutError::Failed(error)) => Self::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_asked_for_again_and_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let declined = Outcome::Declined(Reason::LostCard);
        fs::write(path(folder.path()), "{\"order\":\"order-0001\",\"outc").unwrap();
        let mut answers = Answers::open(folder.path()).unwrap();
        assert_eq!(answers.find("order-0001"), None);
        answers.record("order-0002", declined.clone()).unwrap();
        let again = Answers::open(folder.path()).unwrap();
        assert_eq!(
            (again.find("order-0001"), again.find("order-0002")),
            (None, Some(&declined))
        );
    }
}
