//! A data folder that is not what was written: what each command says of it, and with which code it ends.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::harness::{Server, resonate};

/// A store with one promise, closed; its file, and where in it the promise's name stands.
fn closed(folder: &Path) -> (PathBuf, usize) {
    let mut server = Server::start(folder, &[]);
    let call = [
        "call",
        "s/f",
        "--id",
        "the-promise",
        "--arg",
        "\"the argument\"",
        "--no-wait",
    ];
    server.json(&call);
    server.process.signal("TERM");
    assert!(
        server.process.wait().success(),
        "{}",
        server.process.output()
    );
    let file = folder.join("server").join("resonate.db");
    let bytes = fs::read(&file).unwrap();
    let argument = b"the argument";
    let at = bytes
        .windows(argument.len())
        .rposition(|window| window == argument);
    (file, at.expect("the argument is in the file"))
}

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(resonate());
    command.args(args).stdin(Stdio::null());
    command.output().expect("the command starts")
}

fn change(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn damage_is_named_by_file_table_and_key_and_nothing_is_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (file, at) = closed(folder.path());
    let data = file.parent().unwrap().to_str().unwrap().to_owned();
    let sound = run(&["verify", "--data-dir", &data]);
    assert!(sound.status.success(), "{sound:?}");
    change(&file, at);

    let verified = run(&["verify", "--data-dir", &data, "--json"]);
    assert_eq!(verified.status.code(), Some(65), "{verified:?}");
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    let problems = report["problems"].as_array().unwrap();
    let named = problems.iter().any(|problem| {
        problem["table"] == "promise"
            && problem["file"].as_str().unwrap().ends_with("resonate.db")
            && problem["key"].as_str().unwrap().contains("child_no 0")
    });
    assert!(named, "{report}");

    let served = run(&["serve", "--data-dir", &data, "--listen", "127.0.0.1:0"]);
    assert_eq!(served.status.code(), Some(65), "{served:?}");
    let said = String::from_utf8_lossy(&served.stderr);
    assert!(
        said.contains("table promise") && said.contains("restore a backup"),
        "{said}"
    );

    let to = folder.path().join("backup.db");
    let backup = run(&["backup", "--data-dir", &data, "--to", to.to_str().unwrap()]);
    assert_eq!(backup.status.code(), Some(65), "{backup:?}");
    assert!(!to.exists(), "a damaged backup was made");
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = closed(folder.path());
    let data = file.parent().unwrap().to_str().unwrap().to_owned();
    let to = folder.path().join("backup.db");
    let made = run(&["backup", "--data-dir", &data, "--to", to.to_str().unwrap()]);
    assert!(made.status.success(), "{made:?}");
    let bytes = fs::read(&to).unwrap();
    let argument = b"the argument";
    let at = bytes
        .windows(argument.len())
        .rposition(|window| window == argument);
    change(&to, at.unwrap());
    let into = folder.path().join("restored");
    let restored = run(&[
        "restore",
        "--from",
        to.to_str().unwrap(),
        "--data-dir",
        into.to_str().unwrap(),
    ]);
    assert_eq!(restored.status.code(), Some(65), "{restored:?}");
    assert!(!into.exists(), "a data folder was made of it");
}

#[test]
fn a_store_whose_file_has_gone_is_not_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = closed(folder.path());
    let data = file.parent().unwrap().to_str().unwrap().to_owned();
    fs::remove_file(&file).unwrap();
    let served = run(&["serve", "--data-dir", &data, "--listen", "127.0.0.1:0"]);
    assert_eq!(served.status.code(), Some(65), "{served:?}");
    let said = String::from_utf8_lossy(&served.stderr);
    assert!(said.contains("a store was made here"), "{said}");
}
