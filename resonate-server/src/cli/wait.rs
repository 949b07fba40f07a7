//! Waiting for a promise; a server that is away for a moment is waited for too.

use std::{sync::Arc, time::Duration};

use resonate_core::{Outcome, PromiseId, Record};
use tokio::time::{Instant, sleep, timeout};

use super::{
    code::{Code, Failed},
    output::Output,
    record,
};
use crate::api::grpc::caller::{CallError, Caller};

/// How long a server may be away while somebody waits.
const AWAY: Duration = Duration::from_secs(30);
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The record, once it has settled.
pub(super) async fn settled(
    mut caller: Caller,
    url: &str,
    id: &PromiseId,
    wait_for: Option<Duration>,
    out: Output,
) -> Result<Arc<Record>, Failed> {
    let waiting = patiently(&mut caller, url, out, async |caller| {
        caller.settled(id).await
    });
    let Some(wait_for) = wait_for else {
        return waiting.await;
    };
    let too_long = || {
        let message = format!(
            "{id} has not settled in {}; it goes on: `resonate get {id} --wait`",
            super::moment::long(wait_for)
        );
        Failed::new(Code::TooLong, message)
    };
    timeout(wait_for, waiting).await.map_err(|_| too_long())?
}

/// Asks, and asks again as long as the server is only away, up to [`AWAY`] at a stretch.
pub(super) async fn patiently<T>(
    caller: &mut Caller,
    url: &str,
    out: Output,
    mut ask: impl AsyncFnMut(&mut Caller) -> Result<T, CallError>,
) -> Result<T, Failed> {
    let mut away_since: Option<Instant> = None;
    loop {
        let error = match ask(caller).await {
            Ok(answer) => return Ok(answer),
            Err(error @ CallError::Unreachable { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        let since = *away_since.get_or_insert_with(|| {
            out.note("the server is away; waiting for it");
            Instant::now()
        });
        if since.elapsed() > AWAY {
            return Err(error.into());
        }
        sleep(AGAIN_AFTER).await;
        if let Ok(again) = Caller::connect(url).await {
            *caller = again;
            away_since = None;
        }
    }
}

/// Shows a record. One that was waited for decides the exit code.
pub(super) fn show(record: &Record, was_awaited: bool, out: Output) -> Code {
    out.show(|| record::to_json(record), || record::to_text(record));
    match record.promise.settled().map(|settled| &settled.outcome) {
        Some(
            Outcome::Rejected(_)
            | Outcome::Failed(_)
            | Outcome::Canceled { .. }
            | Outcome::TimedOut,
        ) if was_awaited => Code::NotResolved,
        Some(_) | None => Code::Ok,
    }
}
