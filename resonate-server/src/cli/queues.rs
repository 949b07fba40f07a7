//! `resonate queues`: what waits, what runs, and why what waits does.

use resonate_core::{Timestamp, keys::KeyLook, queue::TenantWaiting};
use resonate_proto::client::ServedFunction;
use serde_json::{Value, json};

use super::{
    code::{Code, Failed},
    look::rate,
    moment::long,
    output::{Output, table},
};
use crate::{api::grpc::caller::Caller, clock::Clock};

pub(super) async fn queues(url: &str, out: Output) -> Result<Code, Failed> {
    let functions = Caller::connect(url).await?.functions().await?;
    let now = Clock::start().now().wall;
    if out.is_json() {
        functions
            .iter()
            .for_each(|function| out.line(&to_json(function, now).to_string()));
        return Ok(Code::Ok);
    }
    let busy: Vec<_> = functions.iter().filter(|one| is_busy(one)).collect();
    let rows: Vec<_> = busy.iter().map(|function| row(function, now)).collect();
    out.line(&table(
        ["FUNCTION", "WAITING", "RUNNING", "OLDEST", "WHY"],
        &rows,
    ));
    for function in busy {
        let address = &function.function.address;
        let keys = function.keys.most.iter().map(|key| key_line(key, now));
        let tenants = function.tenants.iter().filter(|one| !one.tenant.is_empty());
        let lines = keys.chain(tenants.map(tenant_line));
        lines.for_each(|line| out.line(&format!("{address} {line}")));
    }
    Ok(Code::Ok)
}

fn is_busy(served: &ServedFunction) -> bool {
    served.ready + served.keys.waiting + u64::from(served.running) > 0
        || !served.keys.most.is_empty()
}

/// Since when the oldest waits, for a worker or for a key.
fn since(served: &ServedFunction) -> Option<Timestamp> {
    let both = served.waiting_since.into_iter().chain(served.keys.since);
    both.min()
}

/// Why what waits does; none if nothing waits.
fn why(served: &ServedFunction, now: Timestamp) -> Option<&'static str> {
    let most = served.function.defaults.allowed.concurrency;
    if served.ready + served.keys.waiting == 0 {
        None
    } else if served.workers == 0 {
        Some("no worker serves it")
    } else if served.ready == 0 {
        Some("key")
    } else if most.is_some_and(|most| served.running >= most) {
        Some("concurrency")
    } else if served.opens_at.is_some_and(|at| at > now) {
        Some("rate limit")
    } else {
        Some("no worker has room")
    }
}

fn row(served: &ServedFunction, now: Timestamp) -> [String; 5] {
    let most = served.function.defaults.allowed.concurrency;
    [
        served.function.address.to_string(),
        (served.ready + served.keys.waiting).to_string(),
        most.map_or(served.running.to_string(), |most| {
            format!("{}/{most}", served.running)
        }),
        since(served).map_or(String::new(), |since| long(since.until(now))),
        why(served, now).unwrap_or_default().to_owned(),
    ]
}

fn key_line(key: &KeyLook, now: Timestamp) -> String {
    let KeyLook {
        text,
        holders,
        held,
        waiting,
        opens_at,
    } = key;
    let name = if text.is_empty() { "all calls" } else { text };
    let held_by = match (holders.as_slice(), *held) {
        ([], _) => "free".to_owned(),
        (some, held) => {
            let ids: Vec<_> = some.iter().map(ToString::to_string).collect();
            let rest = held.saturating_sub(ids.len() as u64);
            let rest = if rest > 0 {
                format!(" and {rest} more")
            } else {
                String::new()
            };
            format!("held by {}{rest}", ids.join(", "))
        }
    };
    let opens = opens_at.map_or(String::new(), |at| {
        format!(", the next may start in {}", long(now.until(at)))
    });
    format!("key {name}: {held_by}, {waiting} waiting{opens}")
}

fn tenant_line(tenant: &TenantWaiting) -> String {
    let TenantWaiting {
        tenant,
        tasks,
        weight,
    } = tenant;
    format!("tenant {tenant}: {tasks} ready, weight {weight}")
}

fn to_json(served: &ServedFunction, now: Timestamp) -> Value {
    let allowed = served.function.defaults.allowed;
    let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millis);
    let keys = served.keys.most.iter().map(|key| {
        let holders: Vec<_> = key.holders.iter().map(ToString::to_string).collect();
        json!({
            "key": &*key.text, "holders": holders, "held": key.held, "waiting": key.waiting,
            "opens_at_ms": millis(key.opens_at),
        })
    });
    let tenants = served
        .tenants
        .iter()
        .map(|one| json!({ "tenant": &*one.tenant, "ready": one.tasks, "weight": one.weight }));
    let per_key = allowed.per_key.map(|per_key| {
        json!({
            "per_key": per_key.at_once.unwrap_or(1), "rate_per_key": per_key.rate.map(rate),
            "latest_wins": per_key.latest_wins, "debounce_ms": per_key.debounce.map(|pause| pause.as_millis()),
        })
    });
    json!({
        "function": served.function.address.to_string(), "workers": served.workers,
        "ready": served.ready, "waiting_for_key": served.keys.waiting, "running": served.running,
        "waiting_since_ms": millis(since(served)), "why": why(served, now),
        "concurrency": allowed.concurrency, "rate_limit": allowed.rate.map(rate), "keys_allow": per_key,
        "opens_at_ms": millis(served.opens_at), "keys": keys.collect::<Vec<_>>(), "tenants": tenants.collect::<Vec<_>>(),
    })
}
