//! What an execution is shown must be durable before: whatever its body awaited, also what ran in its own process.

use std::sync::Arc;

use resonate_core::{Kind, Link, Outcome, Payload, PromiseId, Record, Seq};

use crate::{
    ledger::Shown,
    model::Model,
    program::{Answer, CANCELED, TIMED_OUT, UNKNOWN},
};

impl Model {
    /// A body sees only what was recorded, and as it was recorded.
    pub(crate) fn may_see(&self, shown: &Shown<'_>) -> Result<(), String> {
        let Shown {
            id,
            generation,
            what,
            no,
            answer,
            ..
        } = *shown;
        let caller = PromiseId::new(id).unwrap();
        let before = || format!("{caller} is shown {what}{no} before it is durable");
        // A call that its caller has not told of yet has nothing of its own to be shown.
        let now = self.known(&caller).ok_or_else(before)?.promise.generation;
        let child = self.child(&caller, shown);
        let Some(child) = child else {
            // Nobody remembers what an earlier generation saw.
            return if generation < now {
                Ok(())
            } else {
                Err(before())
            };
        };
        let Some(settled) = child.promise.settled() else {
            return Err(before());
        };
        if is_of(&settled.outcome, what, answer) {
            return Ok(());
        }
        Err(format!(
            "{caller} is shown {what}{no} as {answer:?}, and {:?} is durable",
            settled.outcome
        ))
    }

    /// The child that stands for what is shown.
    fn child(&self, caller: &PromiseId, shown: &Shown<'_>) -> Option<Arc<Record>> {
        let Shown {
            generation,
            what,
            no,
            ..
        } = *shown;
        let no = no.to_string();
        let named = |name: &str| {
            let id = caller.child(generation, &format!("{name}{no}"), 0);
            self.known(&id).cloned()
        };
        let mut settled = self.settled_below(caller, Seq::ZERO).filter(|child| {
            let origin = child.promise.origin.as_ref();
            origin.is_some_and(|origin| origin.generation == generation)
        });
        match what {
            "step" => named("s"),
            "gate" => named("g"),
            "told" | "detached" => settled
                .find(|child| match &child.promise.kind {
                    Kind::Proxy(Link::Tell { id, .. }) => id.as_str().ends_with(&format!(".g{no}")),
                    Kind::Proxy(Link::Call { promise, .. }) => {
                        promise.id.as_str().ends_with(&format!("-d{no}"))
                    }
                    Kind::Proxy(Link::Await { .. })
                    | Kind::Call(_)
                    | Kind::Step
                    | Kind::Timer
                    | Kind::External
                    | Kind::Schedule(_) => false,
                })
                .cloned(),
            // Timers have no names of their own.
            "sleep" => settled.find(|child| is_timer(child)).cloned(),
            _ => settled
                .find(|child| child.promise.labels.get("no") == Some(&no))
                .cloned(),
        }
    }
}

/// True if this is what becomes of such an outcome.
fn is_of(outcome: &Outcome, what: &str, answer: &Answer) -> bool {
    match (outcome, answer) {
        (Outcome::Resolved(value), Ok(shown)) => match what {
            // It stands for something else.
            "large" | "told" | "detached" | "sleep" => true,
            _ => number(value) == Some(*shown),
        },
        (Outcome::Resolved(_), Err(_)) => false,
        (Outcome::Canceled { .. }, Ok(shown)) => *shown == CANCELED,
        (Outcome::TimedOut, Ok(shown)) => *shown == TIMED_OUT,
        (Outcome::Failed(_), Ok(shown)) => *shown == UNKNOWN,
        (Outcome::Rejected(_), Ok(_)) => false,
        (_, Err(_)) => true,
    }
}

fn number(value: &Payload) -> Option<u64> {
    serde_json::from_slice(&value.data).ok()
}

/// True for a timer that has fired.
fn is_timer(record: &Record) -> bool {
    let settled = record.promise.settled();
    matches!(record.promise.kind, Kind::Timer)
        && settled.is_some_and(|settled| matches!(settled.outcome, Outcome::Resolved(_)))
}
