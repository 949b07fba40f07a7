//! `resonate check`: the functions of a program beside what the server has running.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use resonate_core::Address;
use resonate_proto::{
    client::{FunctionFilter, Search, StateFilter},
    stream::Function,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    args::Check,
    code::{Code, Failed},
    output::{Output, table},
    program::{self, Asked},
};
use crate::api::grpc::caller::Caller;

/// How long a program may take to start.
const WAIT: Duration = Duration::from_secs(30);
/// Running executions that are counted of one service.
const COUNTED: usize = 100_000;

/// What a program says of itself.
#[derive(Debug, Deserialize)]
struct Program {
    services: Vec<String>,
    functions: Vec<Described>,
}

/// One function of a program.
#[derive(Debug, Deserialize)]
struct Described {
    function: String,
    parameters: Vec<Parameter>,
    result: String,
    signature: String,
    body: String,
    served: bool,
}

#[derive(Debug, Deserialize)]
struct Parameter {
    name: String,
    #[serde(rename = "type")]
    ty: String,
}

/// What runs of a function: how many, and the signatures their callers believe in.
#[derive(Debug, Default)]
struct Running {
    executions: usize,
    signatures: Vec<u64>,
}

/// What there is to say of a function.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    /// It runs, and no worker says what its body was.
    TypesFit,
    New,
    BodyChanged,
    Differs(String),
    Gone,
}

pub(super) async fn run(args: &Check, url: &str, out: Output) -> Result<Code, Failed> {
    let program = described(&args.program).await?;
    let mut caller = Caller::connect(url).await?;
    let served: BTreeMap<Address, Function> = caller
        .functions()
        .await?
        .into_iter()
        .map(|served| (served.function.address.clone(), served.function))
        .collect();
    let mut running = BTreeMap::new();
    for service in &program.services {
        running.append(&mut count(&mut caller, service).await?);
    }
    let verdicts = judge(&program, &served, &running)?;
    show(&verdicts, &running, out);
    let is_broken = verdicts
        .iter()
        .any(|(_, verdict)| matches!(verdict, Verdict::Differs(_) | Verdict::Gone));
    Ok(if is_broken {
        Code::NotResolved
    } else {
        Code::Ok
    })
}

/// A program, or a file with what it said.
async fn described(path: &Path) -> Result<Program, Failed> {
    if path.extension().is_some_and(|ending| ending == "json") {
        let bad = |why: String| Failed::usage(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
        let value = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        return program::read(value, "functions").map_err(bad);
    }
    program::ask(path, Asked::Describe, WAIT).await
}

/// The executions of a service that have not ended, by function.
async fn count(caller: &mut Caller, service: &str) -> Result<BTreeMap<Address, Running>, Failed> {
    let mut search = Search {
        state: Some(StateFilter::Pending),
        function: Some(FunctionFilter {
            service: service.to_owned(),
            function: None,
        }),
        prefix: String::new(),
        roots_only: false,
        limit: None,
        cursor: String::new(),
    };
    let mut running: BTreeMap<Address, Running> = BTreeMap::new();
    let mut counted = 0;
    while counted < COUNTED {
        let page = caller.search(&search).await?;
        counted += page.records.len();
        for call in page
            .records
            .iter()
            .filter_map(|record| record.promise.call())
        {
            let running = running.entry(call.address.clone()).or_default();
            running.executions += 1;
            if !running.signatures.contains(&call.signature) {
                running.signatures.push(call.signature);
            }
        }
        search.cursor = page.cursor;
        if search.cursor.is_empty() {
            break;
        }
    }
    Ok(running)
}

/// What there is to say, by function.
fn judge(
    program: &Program,
    served: &BTreeMap<Address, Function>,
    running: &BTreeMap<Address, Running>,
) -> Result<Vec<(Address, Verdict)>, Failed> {
    let mut verdicts = BTreeMap::new();
    for function in &program.functions {
        let address: Address = function.function.parse().map_err(Failed::usage)?;
        let known = served
            .get(&address)
            .filter(|known| !known.result.is_empty());
        let verdict = match known.and_then(|known| difference(function, known)) {
            Some(differs) => Verdict::Differs(differs),
            None => match running.get(&address) {
                _ if !function.served => Verdict::Same,
                Some(running) if running.is_of_another(function) => Verdict::Differs(
                    "the executions that run were called with other types; give the changed function another version"
                        .to_owned(),
                ),
                None if known.is_none() => Verdict::New,
                Some(_) if !known.is_some_and(|known| known.served) => Verdict::TypesFit,
                _ if known.is_some_and(|known| known.served && hex(known.body_fingerprint) != function.body) => {
                    Verdict::BodyChanged
                }
                _ => Verdict::Same,
            },
        };
        verdicts.insert(address, verdict);
    }
    for address in running.keys() {
        verdicts.entry(address.clone()).or_insert(Verdict::Gone);
    }
    Ok(verdicts.into_iter().collect())
}

impl Running {
    /// True if some were called with other types. Who does not know a function says 0.
    fn is_of_another(&self, function: &Described) -> bool {
        let mut signatures = self.signatures.iter().filter(|one| **one != 0);
        signatures.any(|one| hex(*one) != function.signature)
    }
}

fn hex(number: u64) -> String {
    format!("{number:016x}")
}

/// The first parameter, or the result, whose type differs. Names may.
fn difference(new: &Described, known: &Function) -> Option<String> {
    let most = new.parameters.len().max(known.parameters.len());
    for at in 0..most {
        let (is, was) = (new.parameters.get(at), known.parameters.get(at));
        if is.map(|one| &one.ty) == was.map(|one| &one.ty) {
            continue;
        }
        let is = is.map_or_else(
            || "missing".to_owned(),
            |one| format!("`{}: {}`", one.name, one.ty),
        );
        let was = was.map_or_else(
            || "missing".to_owned(),
            |one| format!("`{}: {}`", one.name, one.ty),
        );
        return Some(format!(
            "parameter {} was {was}, is {is}; give the changed function another version",
            at + 1
        ));
    }
    (new.result != known.result).then(|| {
        format!(
            "the result was `{}`, is `{}`; give the changed function another version",
            known.result, new.result
        )
    })
}

impl Verdict {
    const fn name(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::TypesFit => "types_fit",
            Self::New => "new",
            Self::BodyChanged => "body_changed",
            Self::Differs(_) => "differs",
            Self::Gone => "gone",
        }
    }

    fn text(&self, executions: usize) -> String {
        match (self, executions) {
            (Self::Same, _) => "as it is".to_owned(),
            (Self::TypesFit, _) => {
                "its types are as they are; no worker is there to compare its body with".to_owned()
            }
            (Self::New, _) => "new".to_owned(),
            (Self::BodyChanged, 0) => "its body changed, and nothing of it runs".to_owned(),
            (Self::BodyChanged, _) => {
                "its body changed; try it: `resonate export ID`, `resonate replay FILE --with PROGRAM`"
                    .to_owned()
            }
            (Self::Differs(what), _) => what.clone(),
            (Self::Gone, _) => {
                "not in the program any more; keep it until nothing of it runs".to_owned()
            }
        }
    }
}

fn show(verdicts: &[(Address, Verdict)], running: &BTreeMap<Address, Running>, out: Output) {
    let executions = |address| running.get(address).map_or(0, |running| running.executions);
    if out.is_json() {
        for (address, verdict) in verdicts {
            let executions = executions(address);
            let line: Value = json!({
                "function": address.to_string(), "verdict": verdict.name(), "running": executions,
                "said": verdict.text(executions),
            });
            out.line(&line.to_string());
        }
        return;
    }
    let rows: Vec<_> = verdicts
        .iter()
        .map(|(address, verdict)| {
            let executions = executions(address);
            [
                address.to_string(),
                executions.to_string(),
                verdict.text(executions),
            ]
        })
        .collect();
    out.line(&table(["FUNCTION", "RUNNING", "WHAT"], &rows));
}
