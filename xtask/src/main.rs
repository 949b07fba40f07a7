//! Tasks of this repository that take longer than a test: `cargo xtask torture --minutes 60`, `cargo xtask fuzz`.
//!
//! [`harness`] is what can be run and how much of it fits into a time, [`run`] runs one and reads its figures, [`fuzz`]
//! needs a nightly compiler, [`score`] writes down what came of all of it.

mod fuzz;
mod harness;
mod run;
mod score;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use self::{
    harness::Size,
    run::{Ended, Outcome},
    score::Campaign,
};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of this repository")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs every harness against faults for about this long, and writes the figures to docs/reliability.md and
    /// tests/campaign.jsonl.
    Torture {
        /// How long in all, without building.
        #[arg(long, default_value_t = 60)]
        minutes: u64,
        /// What every change has to pass instead: fixed sizes and seeds, and it fails if less than that was done.
        /// Writes nothing.
        #[arg(long, conflicts_with = "minutes")]
        change: bool,
        /// Only these harnesses, by name.
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// Prints the figures and writes them nowhere.
        #[arg(long)]
        dry: bool,
    },
    /// Runs every fuzz target by coverage, from its seeds.
    Fuzz {
        /// How long each.
        #[arg(long, default_value_t = 15)]
        seconds: u64,
    },
}

fn main() -> Result<ExitCode> {
    let root = root();
    match Arguments::parse().task {
        Task::Torture {
            change: true, only, ..
        } => torture(&root, Size::Change, &only, true),
        Task::Torture {
            minutes, only, dry, ..
        } => torture(&root, Size::Minutes(minutes), &only, dry),
        // Zero lets the fuzzer draw one, which it prints.
        Task::Fuzz { seconds } => Ok(code(fuzz::all(&root, seconds, 0)?.how != Outcome::Failed)),
    }
}

fn torture(root: &Path, size: Size, only: &[String], dry: bool) -> Result<ExitCode> {
    let mut campaign = Campaign::begin(root, size)?;
    let wanted = |name: &str| only.is_empty() || only.iter().any(|only| only == name);
    for harness in harness::all(size, campaign.seed) {
        if wanted(harness.name) {
            campaign.add(run::run(root, &harness)?);
        }
    }
    if wanted("fuzz") {
        let seconds = harness::fuzz_seconds(size);
        // Where a campaign begins to look differs from one to the next, so the low half is enough.
        let seed = u32::try_from(campaign.seed & u64::from(u32::MAX)).unwrap_or_default();
        let ended = fuzz::all(root, seconds, seed).unwrap_or_else(|error| {
            println!("== fuzz: {error:#}");
            Ended::failed("fuzz")
        });
        campaign.add(ended);
    }
    print!("{}", campaign.report());
    if !dry {
        print!("{}", bugs(root)?);
        campaign.record(root)?;
    }
    let missing = if only.is_empty() {
        campaign.missing()
    } else {
        Vec::new()
    };
    for missing in &missing {
        println!("too little was done: {missing}");
    }
    Ok(code(missing.is_empty() && !campaign.has_failed()))
}

/// The table of bugs that were found so far.
fn bugs(root: &Path) -> Result<String> {
    let path = root.join("docs/bugs.md");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let rows = text.lines().filter(|line| line.starts_with('|'));
    Ok(rows.map(|row| format!("{row}\n")).collect())
}

fn code(is_well: bool) -> ExitCode {
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}
