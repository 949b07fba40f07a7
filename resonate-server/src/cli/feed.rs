//! `resonate tail` and `resonate send`: what an execution emits and is sent.

use std::time::Duration;

use resonate_core::{Payload, PromiseId, SettleKey, StreamPage};
use resonate_proto::client::{SendTo, Tail};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    args,
    code::{Code, Failed},
    output::Output,
    record,
};
use crate::api::grpc::caller::{CallError, Caller};

/// How long a server may be away while somebody reads.
const AWAY: Duration = Duration::from_secs(30);
const AGAIN_AFTER: Duration = Duration::from_millis(500);

pub(super) async fn send(args: &args::Send, url: &str, out: Output) -> Result<Code, Failed> {
    let send = SendTo {
        id: PromiseId::new(args.id.as_str()).map_err(Failed::usage)?,
        message: message(args)?,
        key: args.key.as_deref().map(SettleKey::of),
    };
    let reply = Caller::connect(url).await?.send(&send).await?;
    out.show(
        || json!({ "id": send.id.as_str(), "new": reply.new }),
        || format!("sent to {}", send.id),
    );
    if !reply.new {
        out.note("it was sent already, under this key");
    }
    Ok(Code::Ok)
}

pub(super) fn message(args: &args::Send) -> Result<Payload, Failed> {
    let text = args.message.as_str();
    let checked: Result<serde_json::Value, _> = serde_json::from_str(text);
    match checked {
        Ok(_) => Ok(Payload::json(text.to_owned())),
        Err(error) => Err(Failed::usage(format!(
            "{text}: {error}; text is written '\"{text}\"'"
        ))),
    }
}

pub(super) async fn tail(args: &args::Tail, url: &str, out: Output) -> Result<Code, Failed> {
    let id = PromiseId::new(args.id.as_str()).map_err(Failed::usage)?;
    let mut caller = Caller::connect(url).await?;
    let until = match args.no_follow {
        true => Some(emitted(&mut caller, &id).await?),
        false => None,
    };
    let mut from = args.from;
    while until.is_none_or(|until| from < until) {
        let page = page(&mut caller, url, &id, from, out).await?;
        if page.offset > from {
            let last = page.offset - 1;
            out.note(&format!("the items {from} to {last} are not kept any more"));
        }
        for (offset, item) in (page.offset..).zip(&page.items) {
            out.show(
                || json!({ "offset": offset, "item": record::payload_json(item) }),
                || record::payload_text(item),
            );
        }
        from = page.next();
        if page.is_over {
            break;
        }
    }
    Ok(Code::Ok)
}

/// How many items there are now.
async fn emitted(caller: &mut Caller, id: &PromiseId) -> Result<u64, Failed> {
    let record = caller.get(id).await?.record;
    let feeds = record.promise.feeds.as_ref();
    Ok(feeds.map_or(0, |feeds| feeds.stream.next))
}

/// What comes from an offset on; a server that is away for a moment is waited for.
async fn page(
    caller: &mut Caller,
    url: &str,
    id: &PromiseId,
    from: u64,
    out: Output,
) -> Result<StreamPage, Failed> {
    let tail = Tail {
        id: id.clone(),
        from,
    };
    let mut away_since: Option<Instant> = None;
    loop {
        let error = match caller.tail(&tail).await {
            Ok(page) => return Ok(page),
            Err(error @ CallError::Unreachable { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        let since = *away_since.get_or_insert_with(|| {
            out.note("the server is away; waiting for it");
            Instant::now()
        });
        if since.elapsed() > AWAY {
            return Err(error.into());
        }
        sleep(AGAIN_AFTER).await;
        if let Ok(again) = Caller::connect(url).await {
            *caller = again;
        }
    }
}
