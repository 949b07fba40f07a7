//! `resonate verify`: a store against its checksums and its rules.

use serde_json::{Value, json};

use super::{
    args::Verify,
    code::{Code, Failed},
    output::{Output, table},
};
use crate::verify::{Problem, Report, Source, VerifyError, verify};

pub(super) fn run(args: &Verify, out: Output) -> Result<Code, Failed> {
    let source = match &args.file {
        Some(file) => Source::File(file),
        None => Source::Folder(&args.data_dir),
    };
    let report = verify(source)?;
    let of = match &args.file {
        Some(file) => ("verified", json!(file.display().to_string())),
        None => ("verified", json!(args.data_dir.display().to_string())),
    };
    out.show(|| shown(&report, of), || told(&report));
    Ok(if report.problems.is_empty() {
        Code::Ok
    } else {
        Code::Damaged
    })
}

impl From<VerifyError> for Failed {
    fn from(error: VerifyError) -> Self {
        let code = if error.is_damage() {
            Code::Damaged
        } else {
            Code::Broken
        };
        Self::new(code, error)
    }
}

/// A report, as an object, and what it is of.
pub(super) fn shown(report: &Report, (name, of): (&str, Value)) -> Value {
    let problem = |problem: &Problem| json!({ "file": problem.file.display().to_string(), "table": problem.table, "key": problem.key, "why": problem.why });
    let problems: Vec<_> = report.problems.iter().map(problem).collect();
    json!({
        name: of,
        "rows": report.rows,
        "trees": report.trees,
        "messages": report.messages,
        "partitions": report.partitions,
        "timeline": report.timeline.map(|timeline| timeline.to_string()),
        "server_running": report.is_served,
        "problems": problems,
    })
}

fn told(report: &Report) -> String {
    let served = if report.is_served {
        "a server runs on it; this is how it was a moment ago\n"
    } else {
        ""
    };
    if report.problems.is_empty() {
        return format!("{served}{}, no problems", counted(report));
    }
    let rows: Vec<_> = report
        .problems
        .iter()
        .map(|problem| {
            let Problem {
                file,
                table,
                key,
                why,
            } = problem.clone();
            [file.display().to_string(), table.to_owned(), key, why]
        })
        .collect();
    let problems = table(["FILE", "TABLE", "KEY", "PROBLEM"], &rows);
    // Records are looked at only below rows that are sound, so there may be no counts.
    format!(
        "{served}{problems}\n{} problems; restore a backup",
        report.problems.len()
    )
}

/// What a report counts, for people.
pub(super) fn counted(report: &Report) -> String {
    let Report {
        rows,
        trees,
        messages,
        ..
    } = report;
    format!("{rows} promises in {trees} trees, {messages} messages")
}
