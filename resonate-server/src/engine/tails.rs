//! Who reads what executions emit: each asks for what comes from an offset on, and is answered once there is something.
//!
//! As every answer, this one leaves after the commit of what it says. A reader asks again with the next offset, so it
//! never gets an item twice, and none is sent ahead to one that does not read.

use std::collections::BTreeMap;

use resonate_core::{PromiseId, Reply, Request};
use tokio::sync::oneshot;

use super::{Engine, EngineError, Release, Tailed, Told, round::Round};

/// Those who wait for something new, by the execution.
pub(super) type Tails = BTreeMap<PromiseId, Vec<Reader>>;

/// Who waits for what comes from an offset on.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) id: PromiseId,
    pub(super) from: u64,
    pub(super) to: oneshot::Sender<Tailed>,
}

impl Engine {
    /// Answers a reader, or lets it wait.
    pub(super) fn tail(&mut self, round: &mut Round, reader: Reader) -> Result<(), EngineError> {
        let (id, from) = (reader.id.clone(), reader.from);
        let part = id.part();
        let answer = match self.apply(round, Request::Tail { id, from })? {
            Ok(Reply::Stream(page)) if page.items.is_empty() && !page.is_over => {
                let waiting = self.tails.entry(reader.id.clone()).or_default();
                waiting.push(reader);
                return Ok(());
            }
            Ok(Reply::Stream(page)) => Ok(page),
            Ok(other) => {
                return Err(EngineError::Answer {
                    asked: "a page of a stream",
                    answer: Box::new(other),
                });
            }
            Err(refusal) => Err(refusal.into()),
        };
        let told = Told {
            at: Some(self.parts.place(part)),
            answer,
        };
        let to = reader.to;
        round.releases.push(Release::Tailed { to, told });
        Ok(())
    }

    /// Answers those for whom this round has something.
    pub(super) fn answer_tails(&mut self, round: &mut Round) -> Result<(), EngineError> {
        while let Some(reader) = round.awake.pop() {
            self.tail(round, reader)?;
        }
        Ok(())
    }
}
