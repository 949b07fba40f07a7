//! `resonate resolve`, `reject`, `cancel`, `halt`, `continue`.

use resonate_core::{Outcome, Payload, PromiseId, Refusal, Restart};
use resonate_proto::client::{Cancel, Continue, Fork, Halt, PromiseReply, Settle};

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
    json("--json ", text)
}

/// A value that was given as JSON, behind this flag.
pub(super) fn json(flag: &str, text: &str) -> Result<Payload, Failed> {
    let checked: Result<serde_json::Value, _> = serde_json::from_str(text);
    match checked {
        Ok(_) => Ok(Payload::json(text.to_owned())),
        Err(error) => Err(Failed::usage(format!(
            "{flag}{text}: {error}; text is written '\"{text}\"'"
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

pub(super) async fn restart(args: &args::Restart, url: &str, out: Output) -> Result<Code, Failed> {
    let id = id(&args.id)?;
    let mut caller = Caller::connect(url).await?;
    let restart = Restart {
        at: first_again(&mut caller, &id, &args.from).await?,
        version: args.from.function_version,
        key: None,
        id,
    };
    match caller.restart(&restart).await {
        Err(CallError::Refused(Refusal::AlreadySettled { id, outcome })) => {
            let state = outcome.state();
            let message = format!(
                "`{id}` is {state} already, and stays so; `resonate fork {id}` begins another one with what it had"
            );
            Err(Failed::new(Code::Refused, message))
        }
        reply => show(reply, out),
    }
}

pub(super) async fn fork(args: &args::Fork, url: &str, out: Output) -> Result<Code, Failed> {
    let of = id(&args.id)?;
    let to = match &args.to {
        Some(to) => to.clone(),
        None => format!("{}-fork", args.id.replace(['.', ':'], "-")),
    };
    let mut caller = Caller::connect(url).await?;
    let fork = Fork {
        at: first_again(&mut caller, &of, &args.from).await?,
        version: args.from.function_version,
        id: of,
        to: id(&to)?,
    };
    show(caller.fork(&fork).await, out)
}

/// The call that is named in full, or as it is called in its caller.
async fn first_again(
    caller: &mut Caller,
    of: &PromiseId,
    from: &args::From,
) -> Result<Option<PromiseId>, Failed> {
    match &from.at {
        None => Ok(None),
        Some(at) if at.contains('.') => id(at).map(Some),
        Some(at) => {
            let generation = caller.get(of).await?.record.promise.generation;
            Ok(Some(of.child(generation, at, 0)))
        }
    }
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
