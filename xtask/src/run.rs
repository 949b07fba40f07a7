//! Runs one harness: its output is shown as it comes, and its figures are kept.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::harness::Harness;

/// What came of a harness.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) name: &'static str,
    pub(crate) how: Outcome,
    pub(crate) figures: Vec<Value>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// It is not there, or not possible here.
    Skipped,
}

impl Ended {
    pub(crate) fn skipped(name: &'static str) -> Self {
        Self::without_figures(name, Outcome::Skipped)
    }

    pub(crate) fn failed(name: &'static str) -> Self {
        Self::without_figures(name, Outcome::Failed)
    }

    fn without_figures(name: &'static str, how: Outcome) -> Self {
        Self {
            name,
            how,
            figures: Vec::new(),
        }
    }
}

/// Runs it to its end, however that is.
pub(crate) fn run(root: &Path, harness: &Harness) -> Result<Ended> {
    let name = harness.name;
    if !root.join(harness.place).exists() {
        println!("== {name}: skipped, there is no {}", harness.place);
        return Ok(Ended::skipped(name));
    }
    let sizes = harness.sized.iter();
    let sizes: Vec<_> = sizes.map(|(name, size)| format!("{name}={size}")).collect();
    println!(
        "== {name}: {} cargo {} -- {}",
        sizes.join(" "),
        harness.cargo.join(" "),
        harness.only.join(" ")
    );
    let mut command = Command::new("cargo");
    command
        .current_dir(root)
        .args(&harness.cargo)
        .args(["--", "--nocapture"])
        .args(&harness.only)
        .envs(
            harness
                .sized
                .iter()
                .map(|(name, size)| (name, size.to_string())),
        )
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("cargo does not start")?;
    let mut figures = Vec::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.context("the output of a test cannot be read")?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            figures.extend(read(&line));
        }
    }
    let status = child.wait().context("cargo does not end")?;
    let how = if status.success() {
        Outcome::Passed
    } else {
        Outcome::Failed
    };
    println!("== {name}: {how:?} ({status})");
    Ok(Ended { name, how, figures })
}

/// The figures of a line: JSON after the word `FIGURES`, or alone. Test threads share the output, so the name of a test
/// may stand before it.
pub(crate) fn read(line: &str) -> Option<Value> {
    let text = match line.split_once("FIGURES ") {
        Some((_, text)) => text,
        None => line.get(line.find('{')?..)?,
    };
    let value: Value = serde_json::from_str(text.trim_end()).ok()?;
    value.is_object().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_in_what_a_test_prints() {
        let kills = serde_json::json!({ "kind": "kills", "kills": 3 });
        for line in [
            r#"FIGURES {"kind":"kills","kills":3}"#,
            r#"test kills::some_test ... FIGURES {"kind":"kills","kills":3}"#,
            r#"{"kind":"kills","kills":3}"#,
            r#"test a ... {"kind":"kills","kills":3}"#,
        ] {
            assert_eq!(read(line).as_ref(), Some(&kills));
        }
        for line in ["test a ... ok", "FIGURES 3", "{ 3 }", ""] {
            assert_eq!(read(line), None);
        }
    }
}
