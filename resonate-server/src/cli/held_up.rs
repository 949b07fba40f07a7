//! What keeps a pending promise waiting that nothing but a person can change: below it, tasks that are halted, and calls
//! of functions that nobody serves.

use resonate_core::{Address, Halted, PromiseId, Record, TaskState};
use resonate_proto::client::{FunctionFilter, Search, StateFilter};
use serde_json::{Value, json};

use crate::api::grpc::caller::{CallError, Caller};

/// So many are told; who has mended those asks again.
const TOLD: usize = 10;

/// One task that a person must look at.
#[derive(Debug)]
pub(super) struct HeldUp {
    id: PromiseId,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Halted(Box<Halted>),
    Unserved(Address),
}

/// What holds up this promise; itself is among them only if nobody serves it, since its own halt is shown anyway.
pub(super) async fn of(caller: &mut Caller, record: &Record) -> Result<Vec<HeldUp>, CallError> {
    let mut held_up = Vec::new();
    if !record.promise.is_pending() || record.task.is_none() {
        return Ok(held_up);
    }
    let top = &record.promise.id;
    let halted = search(top, StateFilter::Halted, None);
    find(caller, top, halted, &mut held_up, &|found| {
        let TaskState::Halted(halted) = &found.task.as_ref()?.state else {
            return None;
        };
        (found.promise.id != *top).then(|| Why::Halted(halted.clone()))
    })
    .await?;
    for function in caller.functions().await? {
        if function.workers > 0 || function.ready == 0 {
            continue;
        }
        let address = function.function.address;
        let filter = FunctionFilter {
            service: address.service.to_string(),
            function: Some(address.function.to_string()),
        };
        let waiting = search(top, StateFilter::Pending, Some(filter));
        find(caller, top, waiting, &mut held_up, &|found| {
            let is_ready = matches!(found.task.as_ref()?.state, TaskState::Pending { .. });
            let is_of = found.promise.call()?.address == address;
            (is_ready && is_of).then(|| Why::Unserved(address.clone()))
        })
        .await?;
    }
    Ok(held_up)
}

fn search(top: &PromiseId, state: StateFilter, function: Option<FunctionFilter>) -> Search {
    Search {
        state: Some(state),
        function,
        prefix: top.root().to_owned(),
        roots_only: false,
        limit: None,
        cursor: String::new(),
    }
}

/// Adds those that were searched for, stand at `top` or below, and for which there is a reason.
async fn find(
    caller: &mut Caller,
    top: &PromiseId,
    mut search: Search,
    held_up: &mut Vec<HeldUp>,
    why: &impl Fn(&Record) -> Option<Why>,
) -> Result<(), CallError> {
    loop {
        let page = caller.search(&search).await?;
        for record in page.records {
            if held_up.len() == TOLD {
                return Ok(());
            }
            let id = &record.promise.id;
            if let Some(why) = why(&record).filter(|_| id.root() == top.root())
                && is_at_or_below(caller, &record, top).await?
            {
                let id = id.clone();
                held_up.push(HeldUp { id, why });
            }
        }
        if page.cursor.is_empty() {
            return Ok(());
        }
        search.cursor = page.cursor;
    }
}

/// Up from a promise, caller by caller: ids of deep calls do not say below whom they are.
async fn is_at_or_below(
    caller: &mut Caller,
    record: &Record,
    top: &PromiseId,
) -> Result<bool, CallError> {
    if record.promise.id == *top {
        return Ok(true);
    }
    let mut next = record.promise.parent().cloned();
    while let Some(parent) = next {
        if parent == *top {
            return Ok(true);
        }
        next = caller.get(&parent).await?.record.promise.parent().cloned();
    }
    Ok(false)
}

impl HeldUp {
    pub(super) fn to_json(&self) -> Value {
        let id = self.id.as_str();
        match &self.why {
            Why::Halted(halted) => json!({
                "id": id, "why": "halted", "cause": halted.cause.name(), "reason": halted.reason,
                "do": format!("resonate continue {id}"),
            }),
            Why::Unserved(address) => json!({
                "id": id, "why": "unserved", "function": address.to_string(), "do": format!("resonate cancel {id}"),
            }),
        }
    }

    /// A line for people: which, why, and what to do.
    pub(super) fn to_text(&self) -> String {
        let id = &self.id;
        match &self.why {
            Why::Halted(halted) => {
                let (cause, reason) = (halted.cause.name(), &halted.reason);
                let cure = format!("`resonate continue {id}`");
                if reason.contains(&cure) {
                    return format!("{id} is halted, {cause}: {reason}");
                }
                format!("{id} is halted, {cause}: {reason}; {cure} lets it go on")
            }
            Why::Unserved(address) => format!(
                "{id} waits for {address}, which no worker serves; start one, or `resonate cancel {id}`"
            ),
        }
    }
}
