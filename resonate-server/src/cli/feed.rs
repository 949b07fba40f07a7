//! `resonate tail` and `resonate send`: what an execution emits and is sent.

use resonate_core::{Payload, PromiseId, SettleKey};
use resonate_proto::client::{SendTo, Tail};
use serde_json::json;

use super::{
    args, change,
    code::{Code, Failed},
    output::Output,
    record,
    wait::patiently,
};
use crate::api::grpc::caller::Caller;

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
    change::json("", &args.message)
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
        let id = id.clone();
        let tail = Tail { id, from };
        let page = patiently(&mut caller, url, out, async |caller| {
            caller.tail(&tail).await
        });
        let page = page.await?;
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
