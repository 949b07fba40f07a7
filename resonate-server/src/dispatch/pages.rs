//! What is sent to a worker, cut into pieces that fit a message.

use std::{sync::Arc, vec};

use resonate_core::{
    Call, Claimed, Kind, Link, PromiseId, Record, Settlement, TaskVersion, limits,
    mutants::{Mutant, planted},
};
use resonate_proto::stream::{Dispatch, ToWorker, TurnAnswer, record_bytes};

use super::stream::Push;

/// An item, cut into pieces that fit a message.
#[derive(Debug)]
pub(super) enum Pages {
    Whole(Option<Box<ToWorker>>),
    Dispatch(Box<DispatchPages>),
    Settled(Box<SettledPages>),
}

impl Pages {
    pub(super) fn new(push: Push) -> Self {
        let item = match push {
            Push::Dispatch(claimed) => {
                return Self::Dispatch(Box::new(DispatchPages::new(*claimed)));
            }
            Push::Item(item) => item,
        };
        match *item {
            ToWorker::Settlements {
                task,
                version,
                settled,
            } => Self::Settled(Box::new(SettledPages {
                task,
                version,
                settled: settled.into_iter(),
                answer: None,
            })),
            ToWorker::TurnAnswer(TurnAnswer {
                task,
                version,
                n,
                answer: Ok(mut reply),
            }) => {
                let settled = std::mem::take(&mut reply.settled).into_iter();
                let answer = TurnAnswer {
                    task: task.clone(),
                    version,
                    n,
                    answer: Ok(reply),
                };
                Self::Settled(Box::new(SettledPages {
                    task,
                    version,
                    settled,
                    answer: Some(answer),
                }))
            }
            ToWorker::Welcome(_)
            | ToWorker::Dispatch(_)
            | ToWorker::TurnAnswer(_)
            | ToWorker::Drop { .. }
            | ToWorker::HeartbeatAnswer { .. }
            | ToWorker::Refused { .. } => Self::Whole(Some(item)),
        }
    }

    /// True for what must not wait behind others.
    pub(super) fn goes_first(&self) -> bool {
        let Self::Whole(Some(item)) = self else {
            return false;
        };
        matches!(
            **item,
            ToWorker::Welcome(_) | ToWorker::HeartbeatAnswer { .. }
        )
    }

    /// The next piece and about how many bytes it has.
    pub(super) fn next(&mut self) -> Option<(ToWorker, usize)> {
        match self {
            Self::Whole(item) => item.take().map(|item| (*item, ITEM_BYTES)),
            Self::Dispatch(pages) => pages.next(),
            Self::Settled(pages) => pages.next(),
        }
    }
}

/// What an item takes besides what is counted.
const ITEM_BYTES: usize = 256;
/// What a child takes besides its record.
const CHILD_BYTES: usize = 16;

/// Every page names the task; the last one carries its arguments.
#[derive(Debug)]
pub(super) struct DispatchPages {
    record: Arc<Record>,
    warm: bool,
    children: vec::IntoIter<Arc<Record>>,
    is_over: bool,
}

impl DispatchPages {
    fn new(claimed: Claimed) -> Self {
        let Claimed {
            record,
            warm,
            children,
        } = claimed;
        Self {
            record,
            warm,
            children: children.into_iter(),
            is_over: false,
        }
    }

    fn next(&mut self) -> Option<(ToWorker, usize)> {
        if self.is_over {
            return None;
        }
        let mut record = Record::clone(&self.record);
        record.promise.awaiters.clear();
        let whole = record_bytes(&record);
        let named = stripped(&record);
        let (mut bytes, mut children) = (ITEM_BYTES + record_bytes(&named), Vec::new());
        while let Some(child) = self.children.as_slice().first() {
            let child = stripped(child);
            let next = CHILD_BYTES + record_bytes(&child);
            // Even the largest child fits beside a task that is only named.
            let is_full = if planted(Mutant::PagedByCount) {
                children.len() >= limits::PAGE
            } else {
                bytes + next > limits::TURN_BYTES
            };
            if !children.is_empty() && is_full {
                break;
            }
            bytes += next;
            children.push(child);
            self.children.next();
        }
        let fits = children.is_empty() || bytes + whole <= limits::TURN_BYTES;
        self.is_over = self.children.as_slice().is_empty() && fits;
        if self.is_over {
            bytes += whole;
        } else {
            record = named;
        }
        let dispatch = Dispatch {
            record,
            warm: self.warm,
            children,
            more: !self.is_over,
        };
        Some((ToWorker::Dispatch(dispatch), bytes))
    }
}

/// Settlements, the last of them within the turn's answer if there is one.
#[derive(Debug)]
pub(super) struct SettledPages {
    task: PromiseId,
    version: TaskVersion,
    settled: vec::IntoIter<Settlement>,
    answer: Option<TurnAnswer>,
}

impl SettledPages {
    fn next(&mut self) -> Option<(ToWorker, usize)> {
        let mut bytes = ITEM_BYTES;
        let mut settled = Vec::new();
        for settlement in self.settled.by_ref() {
            bytes += ITEM_BYTES
                + settlement.id.as_str().len()
                + settlement
                    .outcome
                    .as_ref()
                    .map_or(0, resonate_core::Outcome::bytes);
            settled.push(settlement);
            if bytes >= limits::TURN_BYTES / 2 && !planted(Mutant::PagedByCount) {
                break;
            }
        }
        if self.settled.as_slice().is_empty()
            && let Some(mut answer) = self.answer.take()
        {
            if let Ok(reply) = &mut answer.answer {
                reply.settled = settled;
            }
            return Some((ToWorker::TurnAnswer(answer), bytes));
        }
        if settled.is_empty() {
            return None;
        }
        let (task, version) = (self.task.clone(), self.version);
        Some((
            ToWorker::Settlements {
                task,
                version,
                settled,
            },
            bytes,
        ))
    }
}

/// A child as its caller needs it: it has the arguments itself, and what only the server goes by stays here.
fn stripped(record: &Record) -> Record {
    let mut record = record.clone();
    record.promise.awaiters.clear();
    if let Some(task) = &mut record.task {
        task.last_failure = None;
        task.warm = None;
    }
    let strip = |call: &mut Arc<Call>| {
        // Replay compares the digest of the arguments, so that stays.
        let param = call.param.without_data();
        *call = Arc::new(Call {
            address: call.address.clone(),
            param,
            ..**call
        });
    };
    match &mut record.promise.kind {
        Kind::Call(call) => strip(call),
        Kind::Proxy(Link::Call { promise, .. }) => {
            if let Some(call) = &mut promise.call {
                strip(call);
            }
        }
        Kind::Proxy(Link::Await { .. } | Link::Tell { .. })
        | Kind::Step
        | Kind::Timer
        | Kind::External
        | Kind::Schedule(_) => {}
    }
    record
}
