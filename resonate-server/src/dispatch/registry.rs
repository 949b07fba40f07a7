//! What functions look like, as the workers of the fleet know them. Pure.
//!
//! A worker whose parameters or result differ from what others serve or call under the same address is refused when it
//! says hello, so the difference is met at its start and not at a call.

use std::collections::BTreeMap;

use resonate_core::{Address, SessionId};
use resonate_proto::stream::Function;

use super::fleet::Fleet;

/// Two workers believe different things of one function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{address} differs: {what} here ({here}), {other_what} in the worker {other} ({there}); \
     make them equal, or give the changed function another version"
)]
pub(crate) struct SignatureDiffers {
    address: Address,
    what: String,
    here: String,
    other_what: String,
    other: String,
    there: String,
}

/// Compares what a worker registers with what the others of the fleet registered.
///
/// # Errors
/// Names the first parameter that differs.
pub(crate) fn compare(
    fleet: &Fleet,
    session: SessionId,
    functions: &[Function],
) -> Result<(), Box<SignatureDiffers>> {
    for function in functions {
        for (other, worker) in fleet.workers() {
            if other == session {
                continue;
            }
            let Some(known) = worker.functions.get(&function.address) else {
                continue;
            };
            if let Some((what, other_what)) = difference(function, known) {
                return Err(Box::new(SignatureDiffers {
                    address: function.address.clone(),
                    what,
                    here: place(function),
                    other_what,
                    other: worker.name.clone(),
                    there: place(known),
                }));
            }
        }
    }
    Ok(())
}

/// The first thing that differs, as the one and as the other has it. Names of parameters may differ; types may not.
fn difference(one: &Function, other: &Function) -> Option<(String, String)> {
    let count = one.parameters.len().max(other.parameters.len());
    for at in 0..count {
        let (mine, theirs) = (one.parameters.get(at), other.parameters.get(at));
        if mine.map(|parameter| &parameter.ty) != theirs.map(|parameter| &parameter.ty) {
            let say = |parameter: Option<&resonate_proto::stream::Parameter>| match parameter {
                Some(parameter) => format!(
                    "parameter {} is `{}: {}`",
                    at + 1,
                    parameter.name,
                    parameter.ty
                ),
                None => format!("there is no parameter {}", at + 1),
            };
            return Some((say(mine), say(theirs)));
        }
    }
    (one.result != other.result).then(|| {
        (
            format!("the result is `{}`", one.result),
            format!("the result is `{}`", other.result),
        )
    })
}

fn place(function: &Function) -> String {
    let role = if function.served {
        "served"
    } else {
        "declared"
    };
    if function.location.is_empty() {
        role.to_owned()
    } else {
        format!("{role} at {}", function.location)
    }
}

/// Every function that somebody serves or declares, the served one first, and how many workers execute it.
pub(crate) fn functions(fleet: &Fleet) -> BTreeMap<Address, (Function, u32)> {
    let mut all: BTreeMap<Address, (Function, u32)> = BTreeMap::new();
    for (_, worker) in fleet.workers() {
        for (address, function) in &worker.functions {
            let executes = u32::from(worker.executes(address) && worker.stream.is_some());
            let (known, workers) = all
                .entry(address.clone())
                .or_insert_with(|| (function.clone(), 0));
            *workers += executes;
            if function.served && !known.served {
                *known = function.clone();
            }
        }
    }
    all
}
