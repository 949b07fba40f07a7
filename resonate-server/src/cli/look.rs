//! `resonate get`, `url`, `list`, `workers`, `functions`, `info`.

use resonate_core::{PromiseId, RetryPolicy, Timestamp, flow::Rate, keys::PerKey};
use resonate_proto::{
    client::{FunctionFilter, Search, ServedFunction, StateFilter},
    stream::{Defaults, Function},
};
use serde_json::{Value, json};

use super::{
    args::{Get, List, One},
    code::{Code, Failed},
    held_up::{self, HeldUp},
    moment::{long, moment},
    output::{Output, table},
    record, wait,
};
use crate::{api::grpc::caller::Caller, clock::Clock};

pub(super) async fn get(args: &Get, url: &str, out: Output) -> Result<Code, Failed> {
    let id = PromiseId::new(args.id.as_str()).map_err(Failed::usage)?;
    let mut caller = Caller::connect(url).await?;
    if args.wait {
        let record = wait::settled(caller, url, &id, args.wait_for, out).await?;
        return Ok(wait::show(&record, true, out));
    }
    let record = caller.get(&id).await?.record;
    let held_up = held_up::of(&mut caller, &record).await?;
    let json = || {
        let mut json = record::to_json(&record);
        if let (Some(object), false) = (json.as_object_mut(), held_up.is_empty()) {
            let held_up = held_up.iter().map(HeldUp::to_json).collect();
            object.insert("held_up".to_owned(), held_up);
        }
        json
    };
    let text = || {
        let held_up = held_up.iter().map(HeldUp::to_text);
        let lines = held_up.map(|line| format!("  held up   {line}"));
        std::iter::once(record::to_text(&record))
            .chain(lines)
            .collect::<Vec<_>>()
            .join("\n")
    };
    out.show(json, text);
    Ok(Code::Ok)
}

pub(super) async fn url(args: &One, server: &str, out: Output) -> Result<Code, Failed> {
    let id = PromiseId::new(args.id.as_str()).map_err(Failed::usage)?;
    let url = Caller::connect(server).await?.url_of(&id).await?;
    out.show(
        || json!({ "id": id.to_string(), "url": url }),
        || url.clone(),
    );
    Ok(Code::Ok)
}

pub(super) async fn list(args: &List, url: &str, out: Output) -> Result<Code, Failed> {
    let state = args
        .state
        .as_deref()
        .map(|name| StateFilter::named(name).ok_or_else(|| no_state(name)))
        .transpose()?;
    let function = args
        .function
        .as_deref()
        .map(|text| FunctionFilter::parse(text).ok_or_else(|| no_filter(text)))
        .transpose()?;
    let mut search = Search {
        state,
        function,
        prefix: args.prefix.clone(),
        roots_only: args.roots,
        limit: None,
        cursor: String::new(),
    };
    let mut caller = Caller::connect(url).await?;
    let mut records = Vec::new();
    while records.len() < args.limit {
        search.limit = u32::try_from(args.limit - records.len()).ok();
        let page = caller.search(&search).await?;
        records.extend(page.records);
        search.cursor = page.cursor;
        if search.cursor.is_empty() {
            break;
        }
    }
    if out.is_json() {
        records
            .iter()
            .for_each(|found| out.line(&record::to_json(found).to_string()));
        return Ok(Code::Ok);
    }
    let rows: Vec<_> = records
        .iter()
        .map(|found| {
            let promise = &found.promise;
            [
                promise.id.to_string(),
                record::state(found).to_owned(),
                record::subject(found),
                moment(promise.created_at),
            ]
        })
        .collect();
    out.line(&table(["ID", "STATE", "WHAT", "CREATED"], &rows));
    if !search.cursor.is_empty() {
        out.note(&format!(
            "there may be more than {}; narrow the search, or raise --limit",
            args.limit
        ));
    }
    Ok(Code::Ok)
}

fn no_state(name: &str) -> Failed {
    let known: Vec<_> = StateFilter::ALL
        .into_iter()
        .map(StateFilter::name)
        .collect();
    Failed::usage(format!(
        "{name:?} is no state; choose one of {}",
        known.join(", ")
    ))
}

fn no_filter(text: &str) -> Failed {
    Failed::usage(format!(
        "{text:?} is no function; write service/function, or service/ for all of a service"
    ))
}

pub(super) async fn workers(url: &str, out: Output) -> Result<Code, Failed> {
    let workers = Caller::connect(url).await?.workers().await?;
    if out.is_json() {
        for worker in workers {
            let line = json!({
                "session": worker.session.to_string(), "name": worker.name, "address": worker.address,
                "services": worker.services, "capacity": worker.capacity, "leased": worker.leased,
                "connected_at_ms": worker.connected_at.as_millis(), "last_seen_ms": worker.last_seen.as_millis(),
                "draining": worker.draining, "version": worker.version,
            });
            out.line(&line.to_string());
        }
        return Ok(Code::Ok);
    }
    let now = Clock::start().now().wall;
    let rows: Vec<_> = workers
        .into_iter()
        .map(|worker| {
            let seen = format!("{} ago", long(worker.last_seen.until(now)));
            let state = if worker.draining { "draining" } else { "" };
            let tasks = format!("{}/{}", worker.leased, worker.capacity);
            [
                worker.name,
                worker.address,
                worker.services.join(","),
                tasks,
                seen,
                state.to_owned(),
            ]
        })
        .collect();
    out.line(&table(
        ["NAME", "ADDRESS", "SERVICES", "TASKS", "SEEN", ""],
        &rows,
    ));
    Ok(Code::Ok)
}

pub(super) async fn functions(url: &str, out: Output) -> Result<Code, Failed> {
    let functions = Caller::connect(url).await?.functions().await?;
    if out.is_json() {
        functions
            .iter()
            .for_each(|function| out.line(&function_json(function).to_string()));
        return Ok(Code::Ok);
    }
    let rows: Vec<_> = functions.iter().map(function_row).collect();
    out.line(&table(
        [
            "FUNCTION",
            "WORKERS",
            "READY",
            "RUNNING",
            "SIGNATURE",
            "CALLS",
            "",
        ],
        &rows,
    ));
    Ok(Code::Ok)
}

fn function_json(served: &ServedFunction) -> Value {
    let Function {
        address,
        parameters,
        result,
        location,
        defaults,
        ..
    } = &served.function;
    let parameters: Vec<_> = parameters
        .iter()
        .map(|one| json!({ "name": one.name, "type": one.ty }))
        .collect();
    let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millis);
    json!({
        "function": address.to_string(), "parameters": parameters, "result": result, "location": location,
        "workers": served.workers, "ready": served.ready, "waiting_since_ms": millis(served.waiting_since),
        "running": served.running, "opens_at_ms": millis(served.opens_at),
        "timeout_ms": defaults.timeout.map(|timeout| timeout.as_millis()),
        "retry": defaults.retry.as_ref().map(record::retry_json), "priority": defaults.priority,
        "concurrency": defaults.allowed.concurrency, "rate_limit": defaults.allowed.rate.map(rate),
    })
}

fn function_row(served: &ServedFunction) -> [String; 7] {
    let Function {
        address,
        parameters,
        result,
        defaults,
        ..
    } = &served.function;
    let parameters: Vec<_> = parameters
        .iter()
        .map(|one| format!("{}: {}", one.name, one.ty))
        .collect();
    let signature = if result.is_empty() {
        String::new()
    } else {
        format!("({}) -> {result}", parameters.join(", "))
    };
    let running = match defaults.allowed.concurrency {
        Some(most) => format!("{}/{most}", served.running),
        None => served.running.to_string(),
    };
    let since = served
        .waiting_since
        .filter(|_| served.workers == 0)
        .map(|at| format!("nobody serves it, since {}", moment(at)));
    [
        address.to_string(),
        served.workers.to_string(),
        served.ready.to_string(),
        running,
        signature,
        said(defaults),
        since.unwrap_or_default(),
    ]
}

/// What the function says of its calls, as far as it is not what all say.
fn said(said: &Defaults) -> String {
    let retry = said.retry.filter(|retry| *retry != RetryPolicy::DEFAULT);
    let attempts = retry.map(|retry| match retry.max_attempts {
        Some(1) => "1 attempt".to_owned(),
        Some(max) => format!("{max} attempts"),
        None => format!(
            "retries from {} to {}",
            long(retry.initial),
            long(retry.max)
        ),
    });
    let timeout = said
        .timeout
        .map(|timeout| format!("timeout {}", long(timeout)));
    let priority = (said.priority != 0).then(|| format!("priority {}", said.priority));
    let at_once = said
        .allowed
        .concurrency
        .map(|most| format!("{most} at once"));
    let per_key = said.allowed.per_key.map(per_key);
    let said: Vec<_> = [
        attempts,
        timeout,
        priority,
        at_once,
        said.allowed.rate.map(rate),
        per_key,
    ]
    .into_iter()
    .flatten()
    .collect();
    said.join(", ")
}

/// What it says of calls with the same key.
fn per_key(per_key: PerKey) -> String {
    let PerKey {
        at_once,
        rate,
        latest_wins,
        debounce,
    } = per_key;
    let said = [
        latest_wins.then(|| "the latest".to_owned()),
        (!latest_wins).then(|| format!("{} at once", at_once.unwrap_or(1))),
        rate.map(self::rate),
        debounce.map(|pause| format!("after {}", long(pause))),
    ];
    let said: Vec<_> = said.into_iter().flatten().collect();
    format!("per key {}", said.join(" "))
}

/// As the attribute has it, if it can: `100/s`.
pub(super) fn rate(rate: Rate) -> String {
    let per = match rate.per.as_millis() {
        1_000 => "s".to_owned(),
        60_000 => "min".to_owned(),
        3_600_000 => "h".to_owned(),
        86_400_000 => "d".to_owned(),
        _ => long(rate.per),
    };
    format!("{}/{per}", rate.starts)
}

pub(super) async fn info(url: &str, out: Output) -> Result<Code, Failed> {
    let info = Caller::connect(url).await?.info().await?;
    out.show(
        || {
            json!({
                "version": info.version, "protocol": info.protocol, "store": info.store, "partitions": info.partitions,
                "payload_bytes_max": info.payload_bytes_max, "lease_ms": info.lease.as_millis(), "commits": info.commits,
                "requests": info.requests, "cpu_us": info.cpu.as_micros(), "resident_bytes": info.resident_bytes,
                "started_at_ms": info.started_at.as_millis(), "ready_after_us": info.ready_after.as_micros(),
            })
        },
        || {
            let up = long(info.started_at.until(Clock::start().now().wall));
            format!(
                "resonate {}, protocol {}, {}\n  up        {up}, ready after {:?}\n  requests  {} in {} commits\n  cpu       {:?}\n  memory    {} KiB",
                info.version, info.protocol, info.store, info.ready_after, info.requests, info.commits, info.cpu,
                info.resident_bytes / 1024
            )
        },
    );
    Ok(Code::Ok)
}
