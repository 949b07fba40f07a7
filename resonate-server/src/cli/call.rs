//! `resonate call`.

use std::sync::Arc;

use resonate_core::{Address, Create, NewPromise, Payload, PromiseId, RetryPolicy, Timestamp};
use resonate_proto::{client::ServedFunction, stream::Function};
use serde_json::Value;

use super::{
    args::Call,
    code::{Code, Failed},
    output::Output,
    wait,
};
use crate::{api::grpc::caller::Caller, clock::Clock};

/// Characters of the arguments that a message repeats.
const SHOWN: usize = 100;

pub(super) async fn run(args: &Call, url: &str, out: Output) -> Result<Code, Failed> {
    let address: Address = args.function.parse().map_err(Failed::usage)?;
    let id = PromiseId::user_root(args.id.as_str()).map_err(Failed::usage)?;
    let values = arguments(args)?;
    let mut caller = Caller::connect(url).await?;
    check_function(&caller.functions().await?, &address, &values, out)?;
    let timeout_at = args.timeout.map_or(Timestamp::NEVER, |after| {
        Clock::start().now().wall.after(after)
    });
    let call = resonate_core::Call {
        address,
        signature: 0,
        param: Payload::json(as_typed(args, &values)),
        retry: args.attempts.map(|attempts| RetryPolicy {
            max_attempts: Some(attempts),
            ..RetryPolicy::DEFAULT
        }),
        priority: args.priority,
        start_at: Timestamp::ZERO,
        access: None,
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

/// The arguments, in order.
pub(super) fn arguments(args: &Call) -> Result<Vec<Value>, Failed> {
    if let Some(text) = whole(args) {
        if !args.args.is_empty() {
            let message = "--arg and --json with a value both give arguments; use one of them";
            return Err(Failed::usage(message));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Failed::usage(format!(
                "--json {text}: {error}; give an array of all arguments"
            ))
        })?;
        let Value::Array(values) = value else {
            return Err(Failed::usage(format!(
                "--json {text} is no array; write '[{text}]', or --arg '{text}'"
            )));
        };
        return Ok(values);
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
    Ok(values)
}

/// All arguments as one text, if they were given so.
fn whole(args: &Call) -> Option<&String> {
    args.json.iter().find(|value| !value.is_empty())
}

/// As one JSON array, as functions take them; byte for byte as it was typed, since it is compared if the id is used again.
fn as_typed(args: &Call, values: &[Value]) -> String {
    whole(args)
        .cloned()
        .unwrap_or_else(|| Value::from(values).to_string())
}

/// A service that is served and does not have the function: that is a mistake. A service that nobody serves may come.
/// Nor can a call succeed whose arguments are not as many as the function has parameters.
fn check_function(
    served: &[ServedFunction],
    address: &Address,
    values: &[Value],
    out: Output,
) -> Result<(), Failed> {
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
    if let Some(one) = of_service
        .iter()
        .find(|one| one.function.address == *address)
    {
        return check_count(&one.function, values);
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

fn check_count(function: &Function, values: &[Value]) -> Result<(), Failed> {
    let parameters = &function.parameters;
    if parameters.len() == values.len() {
        return Ok(());
    }
    let listed: Vec<_> = parameters
        .iter()
        .map(|one| format!("{}: {}", one.name, one.ty))
        .collect();
    let (takes, given) = (parameters.len(), values.len());
    let given_values = Value::from(values).to_string();
    let shown: String = given_values.chars().take(SHOWN).collect();
    let more = if shown.len() < given_values.len() {
        "..."
    } else {
        ""
    };
    Err(Failed::usage(format!(
        "{} takes {takes} {}, ({}), and got {given}: {shown}{more}; give one --arg for each, in order",
        function.address,
        if takes == 1 { "argument" } else { "arguments" },
        listed.join(", "),
    )))
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
