//! `resonate resolve`, `reject`, `cancel`, `halt`, `continue`.

use resonate_core::{Outcome, Payload, PromiseId};
use resonate_proto::client::{Cancel, Continue, Halt, PromiseReply, Settle};

use super::{
    args::{self, One, WithReason},
    code::{Code, Failed},
    output::Output,
    record,
};
use crate::api::grpc::caller::{CallError, Caller};

pub(super) async fn resolve(args: &args::Settle, url: &str, out: Output) -> Result<Code, Failed> {
    settle(args, Outcome::Resolved(value(args)?), url, out).await
}

pub(super) async fn reject(args: &args::Settle, url: &str, out: Output) -> Result<Code, Failed> {
    settle(args, Outcome::Rejected(value(args)?), url, out).await
}

async fn settle(
    args: &args::Settle,
    outcome: Outcome,
    url: &str,
    out: Output,
) -> Result<Code, Failed> {
    let settle = Settle {
        id: id(&args.id)?,
        outcome,
        key: None,
    };
    show(Caller::connect(url).await?.settle(&settle).await, out)
}

pub(super) fn value(args: &args::Settle) -> Result<Payload, Failed> {
    let text = args
        .json
        .iter()
        .find(|value| !value.is_empty())
        .map_or("null", String::as_str);
    let checked: Result<serde_json::Value, _> = serde_json::from_str(text);
    match checked {
        Ok(_) => Ok(Payload::json(text.to_owned())),
        Err(error) => Err(Failed::usage(format!(
            "--json {text}: {error}; text is written '\"{text}\"'"
        ))),
    }
}

pub(super) async fn cancel(args: &WithReason, url: &str, out: Output) -> Result<Code, Failed> {
    let cancel = Cancel {
        id: id(&args.id)?,
        reason: args.reason.clone(),
        key: None,
    };
    show(Caller::connect(url).await?.cancel(&cancel).await, out)
}

pub(super) async fn halt(args: &WithReason, url: &str, out: Output) -> Result<Code, Failed> {
    let halt = Halt {
        id: id(&args.id)?,
        reason: args.reason.clone(),
        key: None,
    };
    show(Caller::connect(url).await?.halt(&halt).await, out)
}

pub(super) async fn go_on(args: &One, url: &str, out: Output) -> Result<Code, Failed> {
    let go_on = Continue {
        id: id(&args.id)?,
        key: None,
    };
    show(Caller::connect(url).await?.go_on(&go_on).await, out)
}

fn id(text: &str) -> Result<PromiseId, Failed> {
    PromiseId::new(text).map_err(Failed::usage)
}

fn show(reply: Result<PromiseReply, CallError>, out: Output) -> Result<Code, Failed> {
    let PromiseReply { record, new, .. } = reply?;
    out.show(|| record::to_json(&record), || record::to_text(&record));
    if !new {
        out.note("it was so already");
    }
    Ok(Code::Ok)
}
