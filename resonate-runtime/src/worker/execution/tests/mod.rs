//! Executions over the reference server, on paused time.

mod children;
mod ends;
mod functions;
mod lost;
mod server;
mod steps;
mod waiting;

use std::{sync::Arc, time::Duration};

use resonate_core::{Outcome, PromiseId, Record};

use self::server::Server;
use crate::function::Definition;

/// Runs a root of this function until nothing moves any more.
async fn run(server: &Arc<Server>, definition: &'static Definition) -> Option<String> {
    server.create("order", definition);
    settle().await;
    server.outcome("order")
}

/// Lets everything run that can, for twenty milliseconds.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

fn id(text: &str) -> PromiseId {
    PromiseId::new(text).unwrap()
}

fn shown(record: &Record) -> Option<String> {
    let settled = record.promise.settled()?;
    Some(match &settled.outcome {
        Outcome::Resolved(payload) => String::from_utf8_lossy(&payload.data).into_owned(),
        Outcome::Rejected(payload) => {
            format!("rejected {}", String::from_utf8_lossy(&payload.data))
        }
        Outcome::Failed(failure) => format!("{}: {}", failure.kind.name(), failure.message),
        Outcome::Canceled { .. } => "canceled".to_owned(),
        Outcome::TimedOut => "timedout".to_owned(),
    })
}
