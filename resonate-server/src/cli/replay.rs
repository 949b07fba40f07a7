//! `resonate replay`: a history over the functions of a program.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{
    args::Replay,
    code::{Code, Failed},
    output::Output,
    program::{self, Asked},
};

/// How long it may take: most of a history is not waited for.
const WAIT: Duration = Duration::from_secs(600);

#[derive(Deserialize)]
struct Replays {
    fits: bool,
    executions: Vec<Execution>,
}

#[derive(Deserialize)]
struct Execution {
    id: String,
    function: String,
    fit: String,
    fits: bool,
    said: String,
}

pub(super) async fn run(args: &Replay, out: Output) -> Result<Code, Failed> {
    // The program may be run in another folder by what wraps it.
    let file: PathBuf = args.file.canonicalize().map_err(|error| {
        Failed::usage(format!("{} cannot be read: {error}", args.file.display()))
    })?;
    let replays: Replays = program::ask(&args.with, Asked::Replay(&file), WAIT).await?;
    for Execution {
        id,
        function,
        fit,
        fits,
        said,
    } in &replays.executions
    {
        out.show(
            || {
                serde_json::json!({
                    "id": id, "function": function, "fit": fit, "fits": fits, "said": said,
                })
            },
            || format!("{id}  {function}  {said}"),
        );
    }
    let is_run = |execution: &&Execution| !matches!(&*execution.fit, "not_here" | "leaf");
    if !replays
        .executions
        .iter()
        .any(|execution| is_run(&execution))
    {
        out.note("nothing of this history was replayed: the program has none of its functions");
    }
    Ok(if replays.fits {
        Code::Ok
    } else {
        Code::NotResolved
    })
}
