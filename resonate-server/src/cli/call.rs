//! `resonate call`.

use std::sync::Arc;

use resonate_core::{Address, Create, NewPromise, Payload, PromiseId, RetryPolicy, Timestamp};
use resonate_proto::client::ServedFunction;
use serde_json::Value;

use super::{
    args::Call,
    code::{Code, Failed},
    output::Output,
    wait,
};
use crate::{api::grpc::caller::Caller, clock::Clock};

pub(super) async fn run(args: &Call, url: &str, out: Output) -> Result<Code, Failed> {
    let address: Address = args.function.parse().map_err(Failed::usage)?;
    let id = PromiseId::user_root(args.id.as_str()).map_err(Failed::usage)?;
    let param = arguments(args)?;
    let mut caller = Caller::connect(url).await?;
    check_function(&caller.functions().await?, &address, out)?;
    let timeout_at = args.timeout.map_or(Timestamp::NEVER, |after| {
        Clock::start().now().wall.after(after)
    });
    let call = resonate_core::Call {
        address,
        signature: 0,
        param,
        retry: args.attempts.map(|attempts| RetryPolicy {
            max_attempts: Some(attempts),
            ..RetryPolicy::DEFAULT
        }),
        priority: args.priority,
        start_at: Timestamp::ZERO,
    };
    let promise = NewPromise {
        id: id.clone(),
        call: Some(Arc::new(call)),
        timeout_at,
        labels: args.label.iter().cloned().collect(),
        tags: std::collections::BTreeMap::new(),
    };
    let reply = caller
        .create(&Create {
            promise,
            any: false,
        })
        .await?;
    if args.no_wait || !reply.record.promise.is_pending() {
        return Ok(wait::show(&reply.record, !args.no_wait, out));
    }
    let record = wait::settled(caller, url, &id, args.wait_for, out).await?;
    Ok(wait::show(&record, true, out))
}

/// The arguments as one JSON array, as functions take them.
pub(super) fn arguments(args: &Call) -> Result<Payload, Failed> {
    let json = args.json.iter().find(|value| !value.is_empty());
    if let Some(text) = json {
        if !args.args.is_empty() {
            let message = "--arg and --json with a value both give arguments; use one of them";
            return Err(Failed::usage(message));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Failed::usage(format!(
                "--json {text}: {error}; give an array of all arguments"
            ))
        })?;
        if !value.is_array() {
            return Err(Failed::usage(format!(
                "--json {text} is no array; write '[{text}]', or --arg '{text}'"
            )));
        }
        return Ok(Payload::json(text.clone()));
    }
    let mut values = Vec::new();
    for text in &args.args {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Failed::usage(format!(
                "--arg {text}: {error}; it is JSON, so text is written '\"{text}\"'"
            ))
        })?;
        values.push(value);
    }
    Ok(Payload::json(Value::Array(values).to_string()))
}

/// A service that is served and does not have the function: that is a mistake. A service that nobody serves may come.
fn check_function(served: &[ServedFunction], address: &Address, out: Output) -> Result<(), Failed> {
    let of_service: Vec<_> = served
        .iter()
        .filter(|one| one.workers > 0 && one.function.address.service == address.service)
        .collect();
    if of_service.is_empty() {
        out.note(&format!(
            "no worker serves {} now; the call waits until one does",
            address.service
        ));
        return Ok(());
    }
    if of_service
        .iter()
        .any(|one| one.function.address == *address)
    {
        return Ok(());
    }
    let nearest = of_service
        .iter()
        .map(|one| one.function.address.to_string())
        .min_by_key(|other| distance(&address.to_string(), other))
        .unwrap_or_default();
    Err(Failed::new(
        Code::Refused,
        format!(
            "no worker that serves {} has {address}; did you mean {nearest}?",
            address.service
        ),
    ))
}

/// How many characters differ: inserted, removed or replaced.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, mine) in one.chars().enumerate() {
        let mut next = vec![at + 1];
        for ((theirs, above_left), above) in other.iter().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or(0);
            let replaced = above_left + usize::from(mine != *theirs);
            next.push(replaced.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_differs_in_the_fewest_characters() {
        assert_eq!(distance("charge", "charge"), 0);
        assert_eq!(distance("chrage", "charge"), 2);
        assert_eq!(distance("charge", "refund"), 6);
        assert_eq!(distance("", "abc"), 3);
    }
}
