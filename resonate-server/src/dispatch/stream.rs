//! What is sent to a worker, and how: bounded, in order, paged by bytes.
//!
//! The engine hands over shared records; they are copied and cut into pages by whoever drains the queue, as fast as the
//! worker reads. A worker that does not read is disconnected: it comes back and gets the rest.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    vec,
};

use resonate_core::{
    Call, Claimed, Kind, Link, PromiseId, Record, Settlement, TaskVersion, limits,
};
use resonate_proto::stream::{Dispatch, ToWorker, TurnAnswer};
use tokio::sync::mpsc;

use crate::limits::WIRE_ITEMS;

/// One stream of one worker. Numbers are never used again in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// Something for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// A task to execute.
    Dispatch(Box<Claimed>),
    /// Anything else.
    Item(Box<ToWorker>),
}

impl Push {
    /// Anything but a dispatch.
    #[must_use]
    pub fn item(item: ToWorker) -> Self {
        Self::Item(Box::new(item))
    }
}

/// The worker does not read, or is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker does not read its stream")]
pub struct Stuck;

/// The engine's end of a stream.
#[derive(Clone, Debug)]
pub struct Outbound {
    queue: mpsc::Sender<Vec<Push>>,
    waiting: Arc<AtomicUsize>,
}

/// The network's end of a stream.
#[derive(Debug)]
pub struct Outgoing {
    queue: mpsc::Receiver<Vec<Push>>,
    waiting: Arc<AtomicUsize>,
    pages: VecDeque<Pages>,
}

/// Both ends of a stream.
#[must_use]
pub fn outbound() -> (Outbound, Outgoing) {
    let (sender, receiver) = mpsc::channel(limits::STREAM_QUEUE);
    let waiting = Arc::new(AtomicUsize::new(0));
    let outgoing = Outgoing {
        queue: receiver,
        waiting: Arc::clone(&waiting),
        pages: VecDeque::new(),
    };
    (
        Outbound {
            queue: sender,
            waiting,
        },
        outgoing,
    )
}

impl Outbound {
    /// Hands over what a round has for the worker; never waits.
    ///
    /// # Errors
    /// If too much was waiting already, or nobody reads any more.
    pub fn send(&self, items: Vec<Push>) -> Result<(), Stuck> {
        if self.waiting.load(Ordering::Relaxed) > limits::STREAM_QUEUE {
            return Err(Stuck);
        }
        self.waiting.fetch_add(items.len(), Ordering::Relaxed);
        self.queue.try_send(items).map_err(|_| Stuck)
    }
}

impl Outgoing {
    /// What the next message of the wire carries; none once the engine has closed the stream. Cancel-safe.
    pub async fn next(&mut self) -> Option<Vec<ToWorker>> {
        if self.pages.is_empty() {
            let items = self.queue.recv().await?;
            self.take(items);
        }
        while let Ok(items) = self.queue.try_recv() {
            self.take(items);
            if self.pages.len() >= WIRE_ITEMS {
                break;
            }
        }
        let (mut message, mut bytes) = (Vec::new(), 0);
        while let Some(pages) = self.pages.front_mut() {
            match pages.next() {
                Some((item, more)) => {
                    message.push(item);
                    bytes += more;
                }
                None => {
                    self.pages.pop_front();
                }
            }
            if bytes >= limits::TURN_BYTES || message.len() >= WIRE_ITEMS {
                break;
            }
        }
        Some(message)
    }

    fn take(&mut self, items: Vec<Push>) {
        self.waiting.fetch_sub(items.len(), Ordering::Relaxed);
        self.pages.extend(items.into_iter().map(Pages::new));
    }
}

/// An item, cut into pieces that fit a message.
#[derive(Debug)]
enum Pages {
    Whole(Option<Box<ToWorker>>),
    Dispatch(Box<DispatchPages>),
    Settled(Box<SettledPages>),
}

impl Pages {
    fn new(push: Push) -> Self {
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

    /// The next piece and about how many bytes it has.
    fn next(&mut self) -> Option<(ToWorker, usize)> {
        match self {
            Self::Whole(item) => item.take().map(|item| (*item, ITEM_BYTES)),
            Self::Dispatch(pages) => pages.next(),
            Self::Settled(pages) => pages.next(),
        }
    }
}

/// What an item takes besides what is counted.
const ITEM_BYTES: usize = 256;

#[derive(Debug)]
struct DispatchPages {
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
        let mut bytes = ITEM_BYTES + record_bytes(&self.record) + arguments_bytes(&self.record);
        let mut children = Vec::new();
        for child in self.children.by_ref() {
            bytes += record_bytes(&child);
            children.push(without_arguments(&child));
            if bytes >= limits::TURN_BYTES / 2 {
                break;
            }
        }
        let more = !self.children.as_slice().is_empty();
        self.is_over = !more;
        let record = Record::clone(&self.record);
        Some((
            ToWorker::Dispatch(Dispatch {
                record,
                warm: self.warm,
                children,
                more,
            }),
            bytes,
        ))
    }
}

/// Settlements, the last of them within the turn's answer if there is one.
#[derive(Debug)]
struct SettledPages {
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
                + settlement
                    .outcome
                    .as_ref()
                    .map_or(0, resonate_core::Outcome::bytes);
            settled.push(settlement);
            if bytes >= limits::TURN_BYTES / 2 {
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

fn record_bytes(record: &Record) -> usize {
    let promise = &record.promise;
    let maps = [&promise.labels, &promise.tags].into_iter().flatten();
    let texts: usize = maps.map(|(name, value)| name.len() + value.len() + 8).sum();
    let outcome = promise
        .settled()
        .map_or(0, |settled| settled.outcome.bytes());
    let told = match &promise.kind {
        Kind::Proxy(Link::Tell { outcome, .. }) => outcome.bytes(),
        Kind::Proxy(Link::Call { .. } | Link::Await { .. })
        | Kind::Call(_)
        | Kind::Step
        | Kind::Timer
        | Kind::External => 0,
    };
    ITEM_BYTES + 3 * promise.id.as_str().len() + texts + outcome + told
}

fn arguments_bytes(record: &Record) -> usize {
    record.promise.call().map_or(0, |call| call.param.bytes())
}

/// A child as its caller needs it: it has the arguments itself.
fn without_arguments(record: &Record) -> Record {
    let mut record = record.clone();
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
        | Kind::External => {}
    }
    record
}
