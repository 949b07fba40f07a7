//! An execution over a history alone: its body runs as a replay would run it, without a server, and nothing starts.
//!
//! What the history does not hold stays asked for: no step and no call of it runs, no turn is written.

use std::{
    sync::{Arc, atomic::AtomicU64},
    task::Wake as _,
};

use resonate_core::{Call, End, Record};
use tokio::{
    task::{unconstrained, yield_now},
    time::{Instant, timeout},
};

use super::{
    alarm::{self, Alarm},
    birth,
    body::Body,
};
use crate::{
    context::Context,
    function::{Definition, Running},
    limits,
    plumbing::Input,
    replay::{Driven, Ending, diverged, verdict},
    settings::Settings,
};

/// How far a body came.
#[derive(Debug)]
pub(crate) enum Came {
    /// It ended. `said` is how, before it was compared with the history.
    Ended { end: End, said: Option<String> },
    /// It was shown the whole history and goes on beyond it.
    Beyond,
    /// It waits for something that is no part of the history.
    Waits,
}

/// Runs a body over the children that the history holds of it.
pub(crate) async fn run(
    definition: &'static Definition,
    body: fn(Input) -> Running,
    (record, call): (&Record, &Call),
    children: &[Record],
    settings: &Arc<Settings>,
) -> Came {
    let alarm = Alarm::fired();
    let version = record.task.as_ref().map_or(0, |task| task.version.0);
    let context = Arc::new(Context::new(
        birth::subject(record, call, definition),
        birth::replay(&record.promise, call, children),
        Arc::clone(settings),
        alarm::waker(&alarm),
        Arc::new(AtomicU64::new(version)),
    ));
    let input = Input::new(definition, call.param.clone(), settings.codecs.clone());
    let (since, now) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut body = Body::new(body(input), alarm, since, now);
    let came = unconstrained(drive(&mut body, &context)).await;
    body.close(&context);
    came
}

async fn drive(body: &mut Body, context: &Arc<Context>) -> Came {
    loop {
        match body.drive(context) {
            Driven::Ended(ending) => {
                let said = said(&ending);
                let end = context.with(|inner| verdict(ending, &inner.replay, context.id()));
                return Came::Ended { end, said };
            }
            Driven::Busy => yield_now().await,
            Driven::Resting => {
                if let Some(came) = rest(body, context).await {
                    return came;
                }
            }
        }
    }
}

/// The body can do nothing more by itself. Decides as a worker does, but that nothing more will settle.
async fn rest(body: &mut Body, context: &Context) -> Option<Came> {
    let (own_waiters, has_unshown, missing) = context.with(|inner| {
        inner.replay.drop_unwanted();
        let replay = &inner.replay;
        (inner.own_waiters(), replay.has_unshown(), replay.missing())
    });
    let Some(mismatch) = missing else {
        return Some(Came::Beyond);
    };
    if !body.has_foreign_holders(own_waiters) {
        return Some(if has_unshown {
            let end = diverged(&mismatch);
            Came::Ended { end, said: None }
        } else {
            Came::Beyond
        });
    }
    let rung = timeout(limits::OFFLINE_WAIT, body.alarm().rung()).await;
    if rung.is_err() && !body.alarm().is_fired() {
        if !has_unshown {
            return Some(Came::Waits);
        }
        context.with(|inner| inner.replay.unblock());
        body.alarm().wake_by_ref();
    }
    None
}

/// What a body ended with that had no value.
fn said(ending: &Ending) -> Option<String> {
    match ending {
        Ending::Failed { failure, .. } => Some(failure.message.clone()),
        Ending::Panicked(text) => Some(format!("it panicked: {text}")),
        Ending::Resolved(_)
        | Ending::Rejected { .. }
        | Ending::ContinueAs(_)
        | Ending::Diverged(_)
        | Ending::Impossible(_) => None,
    }
}
