//! Asks a program what it is: runs it with an environment variable that makes it answer in a line of JSON and end.

use std::{ffi::OsStr, path::Path, process::Stdio, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{process::Command, time::timeout};

use super::code::{Code, Failed};

/// Of the answers that this version reads.
const FORMAT: u64 = 1;

/// What a program is asked.
pub(super) enum Asked<'a> {
    /// Which functions are linked into it.
    Describe,
    /// To replay the history in this file.
    Replay(&'a Path),
}

/// Runs a program for an answer. What else it prints is not looked at.
pub(super) async fn ask<T: DeserializeOwned>(
    program: &Path,
    asked: Asked<'_>,
    wait: Duration,
) -> Result<T, Failed> {
    let (name, value, kind) = match asked {
        Asked::Describe => ("RESONATE_DESCRIBE", OsStr::new("1"), "functions"),
        Asked::Replay(file) => ("RESONATE_REPLAY", file.as_os_str(), "replays"),
    };
    let mut command = Command::new(program);
    command
        .env(name, value)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let run = command
        .spawn()
        .map_err(|error| Failed::usage(format!("{} cannot be run: {error}", program.display())))?;
    let output = timeout(wait, run.wait_with_output()).await.map_err(|_| {
        Failed::new(
            Code::TooLong,
            format!(
                "{} has not answered within {} s; it answers when it starts a `Resonate`",
                program.display(),
                wait.as_secs()
            ),
        )
    })?;
    let output = output.map_err(|error| Failed::new(Code::Broken, error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let Some(answer) = text.lines().rev().find_map(answer) else {
        return Err(Failed::usage(format!(
            "{} ended without an answer ({}); it must start a `Resonate`, of this version or a newer one",
            program.display(),
            output.status
        )));
    };
    read(answer, kind).map_err(|why| Failed::usage(format!("{}: {why}", program.display())))
}

/// A line that is an answer.
fn answer(line: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(line).ok()?;
    value.get("resonate").is_some().then_some(value)
}

/// Reads an answer of this kind.
pub(super) fn read<T: DeserializeOwned>(answer: Value, kind: &str) -> Result<T, String> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    if let Some(error) = text("error") {
        return Err(error.to_owned());
    }
    if text("resonate") != Some(kind) {
        return Err(format!("it has no {kind}"));
    }
    match answer.get("format").and_then(Value::as_u64) {
        Some(1..=FORMAT) => {}
        _ => return Err("its answer is of a newer format; use a newer `resonate`".to_owned()),
    }
    serde_json::from_value(answer).map_err(|error| error.to_string())
}
