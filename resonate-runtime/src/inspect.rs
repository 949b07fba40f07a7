//! What a program says of itself to `resonate check` and `resonate replay`, which run it for that.
//!
//! A program knows its functions only at run time, so it is asked when it starts: with one of two environment variables set
//! it answers on standard output, in one line of JSON, and ends, before it connects to anything.

use std::{
    env, fs,
    io::{self, Write as _},
    process,
    sync::Arc,
};

use serde_json::{Value, json};

use crate::{function::Definition, history, registry::Registry, settings::Settings};

/// Set to anything: the program describes its functions.
const DESCRIBE: &str = "RESONATE_DESCRIBE";
/// A file with a history: the program replays it.
const REPLAY: &str = "RESONATE_REPLAY";
/// Of the answers.
const FORMAT: u32 = 1;

/// Answers and ends the process, if it was started for that.
pub(crate) async fn answer(registry: &Registry, services: &[String], settings: &Arc<Settings>) {
    let asked = |name| env::var_os(name).filter(|value| !value.is_empty());
    let answer = if asked(DESCRIBE).is_some() {
        describe(registry, services)
    } else if let Some(file) = asked(REPLAY) {
        match fs::read_to_string(&file) {
            Ok(text) => replay(&text, registry, settings).await,
            Err(error) => failed(&format!("{} cannot be read: {error}", file.display())),
        }
    } else {
        return;
    };
    // Who asked has gone away; there is nothing else to do.
    let written = writeln!(io::stdout().lock(), "\n{answer}").is_ok();
    end(i32::from(!written))
}

#[expect(clippy::exit, reason = "the program was started for the answer alone")]
fn end(code: i32) -> ! {
    process::exit(code)
}

/// All functions that are linked in; `served` are those that this program would execute.
fn describe(registry: &Registry, services: &[String]) -> Value {
    let function = |function: &Definition| {
        let parameters = function.parameters.iter();
        let parameters = parameters.map(|one| json!({ "name": one.name, "type": one.ty }));
        let is_served =
            function.run.is_some() && services.iter().any(|service| service == function.service);
        json!({
            "function": function.address().to_string(),
            "parameters": parameters.collect::<Vec<_>>(),
            "result": function.result,
            "signature": format!("{:016x}", function.signature()),
            "body": format!("{:016x}", function.body_fingerprint),
            "served": is_served,
            "location": function.location(),
        })
    };
    let functions: Vec<_> = registry.iter().map(function).collect();
    json!({ "resonate": "functions", "format": FORMAT, "services": services, "functions": functions })
}

async fn replay(text: &str, registry: &Registry, settings: &Arc<Settings>) -> Value {
    let replays = match history::replay(text, registry, settings).await {
        Ok(replays) => replays,
        Err(bad) => return failed(&bad.to_string()),
    };
    let executions = replays.executions().iter().map(|replayed| {
        json!({
            "id": replayed.id(),
            "function": replayed.function(),
            "fit": replayed.fit().name(),
            "fits": replayed.fits(),
            "said": replayed.fit().to_string(),
        })
    });
    json!({
        "resonate": "replays", "format": FORMAT, "fits": replays.fits(), "executions": executions.collect::<Vec<_>>(),
    })
}

fn failed(why: &str) -> Value {
    json!({ "resonate": "error", "format": FORMAT, "error": why })
}
