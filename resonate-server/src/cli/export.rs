//! `resonate export`: the history of a tree as lines of JSON, for `resonate replay` and for tests.

use std::{sync::Arc, time::Duration};

use resonate_core::{PromiseId, Record};
use resonate_proto::history;
use tokio::time::sleep;

use super::{
    args::One,
    code::{Code, Failed},
    output::Output,
};
use crate::api::grpc::caller::Caller;

/// How often a tree is read that changes meanwhile.
const TRIES: usize = 5;
const AGAIN_AFTER: Duration = Duration::from_millis(200);

pub(super) async fn run(args: &One, url: &str, out: Output) -> Result<Code, Failed> {
    let id = PromiseId::new(args.id.as_str()).map_err(Failed::usage)?;
    let records = still(&mut Caller::connect(url).await?, &id).await?;
    out.line(&history::write(&id, records.iter().map(|record| &**record)));
    Ok(Code::Ok)
}

/// The tree as it was at one moment. It is read page by page, beside the log, so it is read until it is twice the same.
async fn still(caller: &mut Caller, id: &PromiseId) -> Result<Vec<Arc<Record>>, Failed> {
    let mut before = caller.tree(id).await?;
    for _ in 0..TRIES {
        let now = caller.tree(id).await?;
        if now == before {
            return Ok(now);
        }
        before = now;
        sleep(AGAIN_AFTER).await;
    }
    let message = format!(
        "`{id}` changes faster than it can be read; try again later, or `resonate halt {id}` before"
    );
    Err(Failed::new(Code::Refused, message))
}
