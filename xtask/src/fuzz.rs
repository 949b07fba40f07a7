//! Every fuzz target for a while, by coverage. Needs a nightly compiler and cargo-fuzz; without them one line says so.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::run::{Ended, Outcome};

/// Runs all targets, each for so long; the seed says where each begins to look.
pub(crate) fn all(root: &Path, seconds: u64, seed: u32) -> Result<Ended> {
    if let Some(why) = missing() {
        println!("== fuzz: skipped, {why}");
        return Ok(Ended::skipped("fuzz"));
    }
    let build = Command::new("cargo")
        .current_dir(root)
        .args(["+nightly", "fuzz", "build"])
        .status();
    ensure!(
        build.is_ok_and(|status| status.success()),
        "the fuzz targets do not build"
    );
    let mut ended = Ended {
        name: "fuzz",
        how: Outcome::Passed,
        figures: Vec::new(),
    };
    for target in targets(root)? {
        println!("== fuzz {target}: {seconds} s");
        let (executions, found) = one(root, &target, seconds, seed)?;
        if let Some(found) = found {
            println!("{found}");
            ended.how = Outcome::Failed;
        }
        let figures = json!({ "kind": "fuzz", "target": target, "executions": executions, "seconds": seconds });
        println!("FIGURES {figures}");
        ended.figures.push(figures);
    }
    Ok(ended)
}

fn missing() -> Option<&'static str> {
    let runs = |args: &[&str]| {
        let output = Command::new("cargo").args(args).output();
        output.is_ok_and(|output| output.status.success())
    };
    if !runs(&["+nightly", "--version"]) {
        return Some("there is no nightly compiler (rustup toolchain install nightly)");
    }
    let is_there = runs(&["+nightly", "fuzz", "--version"]);
    (!is_there).then_some("there is no cargo-fuzz (cargo install cargo-fuzz)")
}

fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut targets = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        targets.extend(name.strip_suffix(".rs").map(ToOwned::to_owned));
    }
    targets.sort();
    Ok(targets)
}

/// How often it was executed, and what the fuzzer said if it found something.
fn one(root: &Path, target: &str, seconds: u64, seed: u32) -> Result<(u64, Option<String>)> {
    let corpus = format!("fuzz/corpus/{target}");
    fs::create_dir_all(root.join(&corpus)).with_context(|| corpus.clone())?;
    let seeds = format!("fuzz/seeds/{target}");
    let (time, seed) = (
        format!("-max_total_time={seconds}"),
        format!("-seed={seed}"),
    );
    let output = Command::new("cargo")
        .current_dir(root)
        .args(["+nightly", "fuzz", "run", target, &corpus, &seeds, "--"])
        .args([
            &time,
            &seed,
            "-print_final_stats=1",
            "-timeout=20",
            "-rss_limit_mb=1024",
        ])
        .output()
        .context("cargo fuzz does not start")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let executions = said
        .lines()
        .filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .filter_map(|number| number.trim().parse::<u64>().ok())
        .sum();
    Ok((executions, (!output.status.success()).then_some(said)))
}
