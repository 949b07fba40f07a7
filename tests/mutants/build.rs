//! The binaries of the other harnesses, built as this one is.

use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

/// Where the test binaries are, by name.
#[derive(Debug)]
pub(crate) struct Binaries(BTreeMap<String, PathBuf>);

const HARNESSES: [&str; 4] = ["sim", "power", "process", "linearizable"];

impl Binaries {
    /// Builds what is not up to date.
    pub(crate) fn build() -> Self {
        let this = env::current_exe().expect("the test has a path");
        let folder = this
            .ancestors()
            .nth(2)
            .expect("tests lie in <target>/<profile>/deps");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        // Of the whole workspace, so that cargo chooses the features that it chooses for all tests.
        cargo.args([
            "test",
            "--workspace",
            "--no-run",
            "--locked",
            "--features",
            "mutants",
        ]);
        cargo.args(["--message-format", "json-render-diagnostics"]);
        for name in HARNESSES {
            cargo.args(["--test", name]);
        }
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        if let Some(target) = folder.parent() {
            cargo.arg("--target-dir").arg(target);
        }
        let built = cargo.stderr(Stdio::inherit()).output().expect("cargo runs");
        assert!(built.status.success(), "the harnesses do not build");
        let lines = String::from_utf8(built.stdout).expect("cargo prints UTF-8");
        let mut binaries: BTreeMap<_, _> = lines.lines().filter_map(binary).collect();
        binaries.insert("mutants".to_owned(), this);
        Self(binaries)
    }

    pub(crate) fn of(&self, name: &str) -> &PathBuf {
        &self.0[name]
    }
}

/// A line that tells of a test binary.
fn binary(line: &str) -> Option<(String, PathBuf)> {
    let told: Value = serde_json::from_str(line).ok()?;
    let name = told["target"]["name"].as_str()?;
    let path = told["executable"].as_str()?;
    HARNESSES
        .contains(&name)
        .then(|| (name.to_owned(), path.into()))
}
