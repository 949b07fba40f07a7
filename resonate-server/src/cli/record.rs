//! A promise as people and scripts read it.

use resonate_core::{
    Failure, Kind, Link, Outcome, Payload, Record, RetryPolicy, Task, TaskState, Timestamp,
};
use serde_json::{Map, Value, json};

use super::moment::{long, moment};

/// What a record says, for scripts. Absent is what does not apply.
pub(crate) fn to_json(record: &Record) -> Value {
    let promise = &record.promise;
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            object.insert(name.to_owned(), value);
        }
    };
    put("id", json!(promise.id.as_str()));
    put("kind", json!(kind(&promise.kind)));
    put("state", json!(promise.state_name()));
    put("task", record.task.as_ref().map_or(Value::Null, task_json));
    if let Some(call) = promise.call() {
        put("function", json!(call.address.to_string()));
        put("arguments", payload_json(&call.param));
        put("retry", call.retry.as_ref().map_or(Value::Null, retry_json));
        put("priority", json!(call.priority));
    }
    put(
        "parent",
        json!(promise.parent().map(resonate_core::PromiseId::as_str)),
    );
    put(
        "location",
        json!(promise.origin.as_ref().map(|origin| &*origin.location)),
    );
    put("created_at_ms", json!(promise.created_at.as_millis()));
    put("timeout_at_ms", time(promise.timeout_at));
    if let Some(settled) = promise.settled() {
        put("settled_at_ms", json!(settled.at.as_millis()));
        put("seq", json!(settled.seq.0));
        match &settled.outcome {
            Outcome::Resolved(value) => put("value", payload_json(value)),
            Outcome::Rejected(error) => put("error", payload_json(error)),
            Outcome::Failed(failure) => put("failure", failure_json(failure)),
            Outcome::Canceled { reason } => {
                put("reason", json!(reason));
                let first = settled.because_of.as_ref();
                put(
                    "because_of",
                    json!(first.map(resonate_core::PromiseId::as_str)),
                );
            }
            Outcome::TimedOut => {}
        }
    }
    if promise.generation > 1 {
        put("generation", json!(promise.generation));
    }
    if !promise.labels.is_empty() {
        put("labels", json!(promise.labels));
    }
    if let Some(feeds) = &promise.feeds {
        let progress = feeds.progress.as_ref();
        put(
            "progress",
            json!(progress.map(|told| json!({ "done": told.done, "total": told.total }))),
        );
        put("emitted", json!(feeds.stream.next));
        put("unread", json!(feeds.inbox.next - feeds.inbox.first));
    }
    Value::Object(object)
}

fn time(at: Timestamp) -> Value {
    if at.is_never() {
        Value::Null
    } else {
        json!(at.as_millis())
    }
}

fn task_json(task: &Task) -> Value {
    let mut object = json!({
        "state": task.state_name(),
        "version": task.version.0,
        "attempts": task.attempts,
        "failures": task.failures,
        "losses": task.losses,
        "stalls": task.stalls,
    });
    if let Some(object) = object.as_object_mut() {
        if let Some(session) = task.session() {
            object.insert("session".to_owned(), json!(session.to_string()));
        }
        if let Some(failure) = &task.last_failure {
            object.insert("last_failure".to_owned(), failure_json(failure));
        }
        if let TaskState::Halted(halted) = &task.state {
            object.insert(
                "halted".to_owned(),
                json!({ "cause": halted.cause.name(), "reason": halted.reason }),
            );
        }
    }
    object
}

pub(crate) fn retry_json(retry: &RetryPolicy) -> Value {
    json!({
        "initial_ms": retry.initial.as_millis(), "max_ms": retry.max.as_millis(),
        "max_attempts": retry.max_attempts, "factor_percent": retry.factor_percent,
    })
}

fn failure_json(failure: &Failure) -> Value {
    json!({
        "kind": failure.kind.name(),
        "message": failure.message,
        "promise": failure.promise.as_ref().map(resonate_core::PromiseId::as_str),
        "causes": failure.causes,
    })
}

/// JSON as it is; of other encodings only what they are.
pub(crate) fn payload_json(payload: &Payload) -> Value {
    if payload.encoding == resonate_core::Encoding::JSON
        && let Ok(value) = serde_json::from_slice(&payload.data)
    {
        return value;
    }
    json!({
        "encoding": encoding(payload), "key": payload.headers.get("key"), "bytes": payload.data.len(),
    })
}

pub(crate) fn payload_text(payload: &Payload) -> String {
    if payload.encoding == resonate_core::Encoding::JSON {
        return String::from_utf8_lossy(&payload.data).into_owned();
    }
    let key = payload.headers.get("key");
    let key = key.map_or(String::new(), |key| format!(", key {key}"));
    format!("{} bytes of {}{key}", payload.data.len(), encoding(payload))
}

/// What it is, and what is inside of that: `encrypted/json`.
fn encoding(payload: &Payload) -> String {
    let inside = payload.headers.get("format");
    let inside = inside.map_or(String::new(), |inside| format!("/{inside}"));
    format!("{}{inside}", payload.encoding.0)
}

/// What it is: a function's address, or a kind.
pub(crate) fn subject(record: &Record) -> String {
    match &record.promise.kind {
        Kind::Call(call) => call.address.to_string(),
        Kind::Proxy(link) => match link {
            Link::Call { .. } => format!("→ {}", link.target()),
            Link::Await { id } => format!("awaits {id}"),
            Link::Tell { id, .. } => format!("tells {id}"),
            Link::Send { id, .. } => format!("sends to {id}"),
        },
        Kind::Step | Kind::Timer | Kind::External | Kind::Receive => {
            kind(&record.promise.kind).to_owned()
        }
    }
}

fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Call(_) => "call",
        Kind::Step => "step",
        Kind::Timer => "timer",
        Kind::External => "external",
        Kind::Receive => "receive",
        Kind::Proxy(_) => "proxy",
    }
}

/// The promise's state, or its task's while that says more.
pub(crate) fn state(record: &Record) -> &'static str {
    match &record.task {
        Some(task) if record.promise.is_pending() => match task.state {
            TaskState::Pending { .. } if task.is_asleep => "waiting",
            TaskState::Pending { .. } => "ready",
            TaskState::Leased { .. } => "running",
            TaskState::Suspended { .. } => "waiting",
            TaskState::Halted(_) => "halted",
            TaskState::Done => "done",
        },
        _ => record.promise.state_name(),
    }
}

/// The result in one line; empty while there is none.
pub(crate) fn result(record: &Record) -> String {
    match record.promise.settled().map(|settled| &settled.outcome) {
        None | Some(Outcome::TimedOut) => String::new(),
        Some(Outcome::Resolved(value)) => payload_text(value),
        Some(Outcome::Rejected(error)) => payload_text(error),
        Some(Outcome::Failed(failure)) => format!("{}: {}", failure.kind.name(), failure.message),
        Some(Outcome::Canceled { reason }) => reason.clone(),
    }
}

/// How far it says it is.
pub(crate) fn progress(record: &Record) -> Option<String> {
    let progress = record.promise.feeds.as_ref()?.progress?;
    Some(format!("{} of {}", progress.done, progress.total))
}

/// All of it, for people.
pub(crate) fn to_text(record: &Record) -> String {
    let promise = &record.promise;
    let mut lines = vec![format!("{}  {}", promise.id, state(record))];
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("  {name:<10}{value}"));
        }
    };
    line("what", subject(record));
    if let Some(call) = promise.call() {
        line("arguments", payload_text(&call.param));
    }
    line("progress", progress(record).unwrap_or_default());
    if let Some(feeds) = &promise.feeds {
        let (emitted, unread) = (feeds.stream.next, feeds.inbox.next - feeds.inbox.first);
        let counted = |count: u64, what: &str| match count {
            0 => String::new(),
            count => format!("{count} {what}"),
        };
        line(
            "emitted",
            counted(emitted, "so far; `resonate tail` shows what"),
        );
        line("inbox", counted(unread, "not read yet"));
    }
    line("result", result(record));
    if let Some(Outcome::Failed(failure)) = promise.settled().map(|settled| &settled.outcome) {
        failure
            .causes
            .iter()
            .for_each(|cause| line("because", cause.clone()));
    }
    if let Some(task) = &record.task {
        task_lines(task, &mut line);
    }
    if promise.generation > 1 {
        line("begun", format!("{} times", promise.generation));
    }
    if let Some(origin) = &promise.origin {
        line(
            "called by",
            format!("{} at {}", origin.parent, origin.location),
        );
    }
    line("created", moment(promise.created_at));
    if let Some(settled) = promise.settled() {
        let took = long(promise.created_at.until(settled.at));
        line("settled", format!("{}, after {took}", moment(settled.at)));
    } else if !promise.timeout_at.is_never() {
        line("times out", moment(promise.timeout_at));
    }
    promise
        .labels
        .iter()
        .for_each(|(name, value)| line("label", format!("{name}={value}")));
    lines.join("\n")
}

fn task_lines(task: &Task, line: &mut impl FnMut(&str, String)) {
    match &task.state {
        // Only what undoes something has no time at which it is ready.
        TaskState::Pending { ready_at } if ready_at.is_never() => {
            line("sleeps", "it runs only if its caller ends badly".to_owned());
        }
        TaskState::Pending { ready_at } if task.is_asleep => {
            line("looks", format!("again at {}", moment(*ready_at)));
        }
        TaskState::Pending { ready_at } => line("ready", format!("since {}", moment(*ready_at))),
        TaskState::Leased { session, since } => {
            line("runs", format!("on {session} since {}", moment(*since)))
        }
        TaskState::Halted(halted) => {
            let (cause, reason) = (halted.cause.name(), &halted.reason);
            line("halted", format!("{cause}: {reason}"));
            if task.awaits_another_body() {
                let how = "by itself, when a worker with another body of the function connects";
                line("goes on", how.to_owned());
            }
        }
        TaskState::Suspended { .. } | TaskState::Done => {}
    }
    line("claims", task.version.to_string());
    if task.attempts > 0 {
        line("attempts", attempts(task));
    }
    if let Some(failure) = &task.last_failure {
        line(
            "last",
            format!("{}: {}", failure.kind.name(), failure.message),
        );
    }
}

fn attempts(task: &Task) -> String {
    let mut text = format!("{} over, {} failed", task.attempts, task.failures);
    if task.losses > 0 {
        text += &format!("; {} panicked or lost in a row", task.losses);
    }
    if task.stalls > 0 {
        text += &format!(
            ", {} of them as it blocked its thread for a whole lease",
            task.stalls
        );
    }
    text
}
