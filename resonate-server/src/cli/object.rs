//! `resonate object get`, `list`, `delete`.

use std::sync::Arc;

use resonate_core::{ObjectName, PromiseId, Record};
use resonate_proto::client::{FunctionFilter, PromiseReply, Search};
use serde_json::{Value, json};

use super::{
    args::{Object, Objects, One},
    code::{Code, Failed},
    moment::moment,
    output::{Output, table},
    record,
};
use crate::api::grpc::caller::Caller;

pub(super) async fn run(command: &Object, url: &str, out: Output) -> Result<Code, Failed> {
    match command {
        Object::Get(args) => get(args, url, out).await,
        Object::List(args) => list(args, url, out).await,
        Object::Delete(args) => delete(args, url, out).await,
    }
}

async fn get(args: &One, url: &str, out: Output) -> Result<Code, Failed> {
    let id = id(&args.id)?;
    let mut caller = Caller::connect(url).await?;
    let object = caller.get(&id).await?.record;
    if object.promise.object().is_none() {
        let why = format!("`{id}` is no object but a promise; `resonate get {id}` shows it");
        return Err(Failed::new(Code::Refused, why));
    }
    let calls = pending_calls(&mut caller, &id).await?;
    let json = || {
        let mut json = to_json(&object);
        if let Some(fields) = json.as_object_mut() {
            let calls = calls.iter().map(|call| {
                json!({ "id": call.promise.id.as_str(), "function": record::subject(call), "state": record::state(call) })
            });
            fields.insert("calls".to_owned(), calls.collect());
        }
        json
    };
    let text = || {
        let calls = calls.iter().map(|call| {
            let (what, state) = (record::subject(call), record::state(call));
            format!("  call      {}  {what}  {state}", call.promise.id)
        });
        let lines = std::iter::once(to_text(&object)).chain(calls);
        lines.collect::<Vec<_>>().join("\n")
    };
    out.show(json, text);
    Ok(Code::Ok)
}

/// The calls of an object that run or wait for their turn, in that order.
async fn pending_calls(caller: &mut Caller, id: &PromiseId) -> Result<Vec<Arc<Record>>, Failed> {
    let is_call =
        |record: &Arc<Record>| record.promise.is_pending() && record.promise.access().is_some();
    let mut calls = caller.tree(id).await?;
    calls.retain(is_call);
    calls.sort_by_key(|call| call.promise.origin.as_ref().map(|origin| origin.position));
    Ok(calls)
}

async fn list(args: &Objects, url: &str, out: Output) -> Result<Code, Failed> {
    let of = args
        .of
        .as_deref()
        .map(|text| FunctionFilter::parse(text).ok_or_else(|| no_filter(text)))
        .transpose()?;
    let mut search = Search {
        state: None,
        function: of,
        prefix: String::new(),
        roots_only: true,
        limit: None,
        cursor: String::new(),
    };
    let mut caller = Caller::connect(url).await?;
    let mut objects = Vec::new();
    loop {
        let page = caller.search(&search).await?;
        let is_object = |record: &Arc<Record>| record.promise.object().is_some();
        objects.extend(page.records.into_iter().filter(is_object));
        search.cursor = page.cursor;
        if search.cursor.is_empty() || objects.len() >= args.limit {
            break;
        }
    }
    let is_cut = objects.len() > args.limit || !search.cursor.is_empty();
    objects.truncate(args.limit);
    if out.is_json() {
        objects
            .iter()
            .for_each(|object| out.line(&to_json(object).to_string()));
        return Ok(Code::Ok);
    }
    let row = |object: &Arc<Record>| {
        let kept = object.promise.object();
        let version = kept.map_or(0, |object| object.version);
        let state = kept.and_then(|object| object.state.as_ref());
        [
            object.promise.id.to_string(),
            version.to_string(),
            state.map_or("none".to_owned(), |state| {
                format!("{} bytes", state.bytes())
            }),
            moment(object.promise.created_at),
        ]
    };
    let rows: Vec<_> = objects.iter().map(row).collect();
    out.line(&table(["ID", "VERSION", "STATE", "CREATED"], &rows));
    if is_cut {
        out.note(&format!(
            "there may be more than {}; narrow the search, or raise --limit",
            args.limit
        ));
    }
    Ok(Code::Ok)
}

async fn delete(args: &One, url: &str, out: Output) -> Result<Code, Failed> {
    let id = id(&args.id)?;
    let reply = Caller::connect(url).await?.delete_object(&id).await?;
    let PromiseReply { record, new, .. } = reply;
    out.show(|| to_json(&record), || to_text(&record));
    if !new {
        out.note("it had no state already");
    }
    Ok(Code::Ok)
}

fn to_json(record: &Record) -> Value {
    let name = ObjectName::of(&record.promise.id);
    let object = record.promise.object();
    let timeout_at = record.promise.timeout_at;
    json!({
        "id": record.promise.id.as_str(),
        "service": name.as_ref().map(|name| &*name.service),
        "type": name.as_ref().map(|name| &*name.ty),
        "key": name.as_ref().map(|name| &name.key),
        "version": object.map(|object| object.version),
        "state": object.and_then(|object| object.state.as_ref()).map(record::payload_json),
        "created_at_ms": record.promise.created_at.as_millis(),
        "expires_at_ms": (!timeout_at.is_never()).then(|| timeout_at.as_millis()),
    })
}

fn to_text(record: &Record) -> String {
    let promise = &record.promise;
    let object = promise.object();
    let state = object.and_then(|object| object.state.as_ref());
    let state = state.map_or(
        "none; the next call begins with the default".to_owned(),
        record::payload_text,
    );
    let mut lines = vec![
        format!("{}  object", promise.id),
        format!("  state     {state}"),
        format!("  version   {}", object.map_or(0, |object| object.version)),
        format!("  created   {}", moment(promise.created_at)),
    ];
    if !promise.timeout_at.is_never() {
        lines.push(format!("  expires   {}", moment(promise.timeout_at)));
    }
    lines.join("\n")
}

fn id(text: &str) -> Result<PromiseId, Failed> {
    PromiseId::new(text).map_err(Failed::usage)
}

fn no_filter(text: &str) -> Failed {
    Failed::usage(format!(
        "{text:?} is no type of objects; write service/Type, or service/ for all of a service"
    ))
}
