//! Histories from elsewhere, run over the functions of this program: does today's code fit what runs in production?
//!
//! `fit` is what came of it; [`offline`](crate::worker::execution::offline) runs the bodies. Only executions that called, stepped or waited have a history; a leaf has none, and is not run.

mod fit;

use std::{collections::BTreeMap, sync::Arc};

use resonate_core::{
    Address, Encoding, End, FailureKind, Kind, Outcome, Payload, PromiseId, Record,
};
use resonate_proto::history::{BadHistory, read};

pub use self::fit::{Fit, Replayed, Replays};
use crate::{
    function::Definition,
    registry::Registry,
    settings::Settings,
    worker::execution::offline::{self, Came},
};

/// Replays every execution of a history that this program has the function of.
pub(crate) async fn replay(
    text: &str,
    registry: &Registry,
    settings: &Arc<Settings>,
) -> Result<Replays, BadHistory> {
    let records = read(text)?;
    let functions: BTreeMap<Address, &'static Definition> = registry
        .iter()
        .map(|function| (function.address(), function))
        .collect();
    let children = children(&records);
    let mut executions = Vec::new();
    for record in &records {
        let Kind::Call(call) = &record.promise.kind else {
            continue;
        };
        let own = children.get(&record.promise.id);
        let own = own.map_or(&[] as &[Record], Vec::as_slice);
        let function = functions.get(&call.address).copied();
        let fit = match function.and_then(|function| Some((function, function.run?))) {
            _ if own.is_empty() => Fit::Leaf,
            None => Fit::NotHere,
            Some((function, _)) if function.options.object.is_some() => Fit::Stateful,
            // Who calls without knowing the function says 0.
            Some((function, _)) if ![0, function.signature()].contains(&call.signature) => {
                Fit::Retyped
            }
            Some((function, run)) => {
                let came = offline::run(function, run, (record, call), own, settings).await;
                judge(record, came)
            }
        };
        executions.push(Replayed {
            id: record.promise.id.to_string(),
            function: call.address.to_string(),
            fit,
        });
    }
    Ok(Replays { executions })
}

/// What each execution has asked for in the generation that it is in.
fn children(records: &[Record]) -> BTreeMap<PromiseId, Vec<Record>> {
    let generations: BTreeMap<&PromiseId, u32> = records
        .iter()
        .map(|record| (&record.promise.id, record.promise.generation))
        .collect();
    let mut children: BTreeMap<PromiseId, Vec<Record>> = BTreeMap::new();
    for record in records {
        let Some(origin) = &record.promise.origin else {
            continue;
        };
        if generations.get(&origin.parent) == Some(&origin.generation) {
            let own = children.entry(origin.parent.clone()).or_default();
            own.push(record.clone());
        }
    }
    children
}

/// What it means for an execution that its body came so far.
fn judge(record: &Record, came: Came) -> Fit {
    let was = record.promise.settled().map(|settled| &settled.outcome);
    let (end, said) = match came {
        Came::Waits => return Fit::Waits,
        Came::Beyond => return ended(was, "it goes on".to_owned()),
        Came::Ended { end, said } => (end, said),
    };
    let is = match end {
        End::Halt { reason, .. } => {
            return Fit::Diverged(match said {
                Some(said) => format!("{reason}; it ended with: {said}"),
                None => reason,
            });
        }
        End::Fulfill(outcome) => told(&outcome),
        End::Fail {
            answer: Some(answer),
            ..
        } => told(&Outcome::Rejected(answer)),
        // Its end has not been seen yet, whatever it is; but no code should panic.
        End::Fail { failure, .. } if was.is_none() && failure.kind == FailureKind::Panicked => {
            return Fit::Fails(failure.message);
        }
        End::Fail { failure, .. } => told(&Outcome::Failed(failure)),
        End::ContinueAs(_) => "it begins anew with other arguments".to_owned(),
        End::GoOn | End::Suspend { .. } | End::Release => return Fit::Same,
    };
    ended(was, is)
}

fn ended(was: Option<&Outcome>, is: String) -> Fit {
    match was {
        // It has not ended, or was ended from outside: there is no end of its own to compare with.
        None | Some(Outcome::Canceled { .. } | Outcome::TimedOut) => Fit::Same,
        Some(was) if told(was) == is => Fit::Same,
        Some(was) => Fit::EndsOtherwise { was: told(was), is },
    }
}

/// How an execution ended, for people and to compare.
fn told(outcome: &Outcome) -> String {
    let value = |payload: &Payload| {
        if payload.encoding == Encoding::JSON {
            String::from_utf8_lossy(&payload.data).into_owned()
        } else {
            let (bytes, digest) = (payload.data.len(), payload.digest());
            format!("{bytes} bytes of {} ({digest:016x})", payload.encoding.0)
        }
    };
    match outcome {
        Outcome::Resolved(payload) => value(payload),
        Outcome::Rejected(payload) => format!("the error {}", value(payload)),
        Outcome::Failed(failure) => format!("the failure: {}", failure.message),
        Outcome::Canceled { .. } | Outcome::TimedOut => outcome.state().to_owned(),
    }
}
