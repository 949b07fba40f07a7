//! A harness as a process, with a bug in it or without, and what became of it.

use std::{process::Stdio, time::Duration};

use resonate_core::mutants::Mutant;
use tokio::{
    process::Command,
    time::{Instant, timeout},
};

use crate::{build::Binaries, case::By};

/// How long a harness may take. What ends so has proved nothing.
const PATIENCE: Duration = Duration::from_secs(240);

/// How a harness ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None if it did not end in time.
    code: Option<i32>,
    output: String,
    by: By,
    pub(crate) took: Duration,
}

/// With which a test binary says that tests failed.
const TESTS_FAILED: i32 = 101;

pub(crate) async fn run(binaries: &Binaries, by: By, mutant: Option<Mutant>) -> Ended {
    let tests = by.tests();
    let mut command = Command::new(binaries.of(by.binary()));
    command
        .args(&tests)
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .envs(by.size())
        .env("RUST_BACKTRACE", "0")
        .env_remove(resonate_server::mutants::VARIABLE)
        .envs(mutant.map(|mutant| (resonate_server::mutants::VARIABLE, mutant.name())))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let begun = Instant::now();
    let output = timeout(PATIENCE, command.output()).await;
    let (code, output) = match output {
        Ok(output) => {
            let output = output.expect("the harness starts");
            let both = [output.stdout, output.stderr].concat();
            (
                output.status.code(),
                String::from_utf8_lossy(&both).into_owned(),
            )
        }
        Err(_) => (None, "it did not end".to_owned()),
    };
    Ended {
        code,
        output,
        by,
        took: begun.elapsed(),
    }
}

impl Ended {
    /// What the harness said, if it failed and said one of these things.
    pub(crate) fn expect_found(&self, says: &[&str]) -> Result<String, String> {
        match self.code {
            Some(TESTS_FAILED) => {}
            Some(0) => return Err("SURVIVED".to_owned()),
            code => return Err(format!("NOT FOUND, it ended with {code:?}")),
        }
        let found = self
            .verdicts()
            .find(|line| says.iter().any(|what| line.contains(what)));
        let found = found.ok_or("FAILED FOR ANOTHER REASON")?;
        Ok(found.trim().chars().take(150).collect())
    }

    /// The lines that say what was wrong. Of a simulation it is one; elsewhere all but the coloured ones, which compare
    /// what was expected with what was.
    fn verdicts(&self) -> impl Iterator<Item = &str> {
        let is_simulated = matches!(self.by, By::Simulator(_));
        self.output.lines().filter(move |line| {
            if is_simulated {
                line.starts_with("seed ")
            } else {
                !line.contains('\u{1b}')
            }
        })
    }

    pub(crate) fn expect_sound(&self) -> Result<String, String> {
        let all_passed = format!("ok. {} passed; 0 failed", self.by.tests().len());
        match self.code {
            Some(0) if self.output.contains(&all_passed) => Ok("passes".to_owned()),
            code => Err(format!("FAILED without a bug: {code:?}")),
        }
    }

    /// Its last words.
    pub(crate) fn tail(&self) -> String {
        let mut last: Vec<&str> = self.output.lines().rev().take(40).collect();
        last.reverse();
        last.join("\n")
    }
}
