//! `resonate tree`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use resonate_core::{PromiseId, Record};
use tokio::time::sleep;

use super::{
    args::Tree,
    code::{Code, Failed},
    output::Output,
    record,
};
use crate::api::grpc::caller::Caller;

const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Characters of a result that fit beside a promise.
const RESULT_WIDTH: usize = 60;

pub(super) async fn run(args: &Tree, url: &str, out: Output) -> Result<Code, Failed> {
    let id = PromiseId::new(args.id.as_str()).map_err(Failed::usage)?;
    let mut caller = Caller::connect(url).await?;
    let mut shown = String::new();
    loop {
        let records = caller.tree(&id).await?;
        let text = if out.is_json() {
            lines(&records)
        } else {
            draw(&id, &records)
        };
        if text != shown {
            if args.watch && !out.is_json() {
                out.again(&text)
            } else {
                out.line(&text)
            }
        }
        shown = text;
        let is_over = records.iter().all(|record| !record.promise.is_pending());
        if !args.watch || is_over {
            return Ok(Code::Ok);
        }
        sleep(AGAIN_AFTER).await;
    }
}

fn lines(records: &[Arc<Record>]) -> String {
    records
        .iter()
        .map(|record| record::to_json(record).to_string())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The tree with branches, calls in the order in which they were made. Not recursive: trees may be deep.
fn draw(top: &PromiseId, records: &[Arc<Record>]) -> String {
    let mut below: BTreeMap<&PromiseId, Vec<&Record>> = BTreeMap::new();
    let mut root = None;
    for record in records {
        match record.promise.parent() {
            Some(parent) if record.promise.id != *top => {
                below.entry(parent).or_default().push(record)
            }
            _ => root = Some(&**record),
        }
    }
    let mut lines = Vec::new();
    let mut open: Vec<(&Record, String, String)> = root
        .map(|root| (root, String::new(), String::new()))
        .into_iter()
        .collect();
    while let Some((record, first, rest)) = open.pop() {
        lines.push(format!("{first}{}", describe(record)));
        let mut calls = below.remove(&record.promise.id).unwrap_or_default();
        calls.sort_by_key(|call| {
            call.promise
                .origin
                .as_ref()
                .map(|origin| (origin.generation, origin.position))
        });
        for (from_end, call) in calls.into_iter().rev().enumerate() {
            let (branch, on) = if from_end == 0 {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            open.push((call, format!("{rest}{branch}"), format!("{rest}{on}")));
        }
    }
    lines.join("\n")
}

fn describe(record: &Record) -> String {
    let mut text = format!(
        "{}  {}  {}",
        record.promise.id,
        record::state(record),
        record::subject(record)
    );
    if let Some(progress) = record::progress(record) {
        text = format!("{text}  {progress}");
    }
    let result = record::result(record).replace('\n', " ");
    if !result.is_empty() {
        let short: String = result.chars().take(RESULT_WIDTH).collect();
        let more = if short.len() < result.len() {
            "…"
        } else {
            ""
        };
        text = format!("{text}  {short}{more}");
    }
    if let Some(task) = &record.task
        && let resonate_core::TaskState::Halted(halted) = &task.state
    {
        text = format!("{text}  {}", halted.reason);
    }
    text
}
