//! Counts a directory tree with one durable call for each file, and compares with a plain loop.
//!
//! `tree` is the durable part; `direct` is the plain loop; `count` is what both do with a file.

mod count;
mod direct;
#[path = "../shared/say.rs"]
mod say;
mod sources;
mod tree;
mod walk;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use resonate::prelude::*;
use tokio::time::Instant;

use self::{count::Totals, say::say};

/// Licence lines that are printed.
const LICENCES: usize = 10;

/// Counts lines, bytes, words and licences of all files below some directories.
#[derive(Debug, Parser)]
#[command(name = "index", version)]
struct Arguments {
    /// The directories; the sources of this project's dependencies if they are left out.
    paths: Vec<String>,
    /// Only the first so many files.
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    limit: u64,
    /// Keeps what is done in this folder, so that a second start goes on; in memory if it is left out.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// The name of this count: the same name is the same count.
    #[arg(long, default_value = "index")]
    id: String,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let Arguments {
        paths,
        limit,
        data_dir,
        id,
    } = Arguments::parse();
    let paths = if paths.is_empty() {
        sources::of_dependencies()?
    } else {
        paths
    };
    let first = paths.first().map_or("", String::as_str);
    say!("{} directories, the first is {first}", paths.len());
    let builder = match data_dir {
        Some(folder) => Resonate::builder().data_dir(folder),
        None => Resonate::builder().in_memory(),
    };
    let resonate = builder.start().await?;
    let began = Instant::now();
    let totals = tree::index(&paths, limit).id(id).await?;
    print(&totals);
    say!("durable  {:>8.2?}  one call for each file", began.elapsed());
    resonate.shutdown().await;

    let began = Instant::now();
    let direct = tokio::task::spawn_blocking(move || direct::index(&paths, limit)).await??;
    say!("direct   {:>8.2?}  a plain loop", began.elapsed());
    if totals == direct {
        say!("both are equal");
        return Ok(ExitCode::SUCCESS);
    }
    say!("THEY DIFFER; the plain loop found:");
    print(&direct);
    Ok(ExitCode::FAILURE)
}

fn print(totals: &Totals) {
    let Totals {
        files,
        lines,
        bytes,
        words,
        not_utf8,
        unreadable,
        licences,
    } = totals;
    say!("{files} files, {lines} lines, {words} words, {bytes} bytes");
    say!("{not_utf8} files are not UTF-8, {unreadable} cannot be read");
    let mut licences: Vec<(&String, &u64)> = licences.iter().collect();
    licences.sort_by_key(|(licence, files)| (std::cmp::Reverse(**files), *licence));
    for (licence, files) in licences.iter().take(LICENCES) {
        say!("{files:>8}  {licence}");
    }
    if licences.len() > LICENCES {
        say!(
            "          and {} other licence lines",
            licences.len() - LICENCES
        );
    }
}
