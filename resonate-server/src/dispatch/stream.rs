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
};

use resonate_core::{Claimed, limits};
use resonate_proto::stream::ToWorker;
use tokio::sync::mpsc;

use super::pages::Pages;
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

    /// True if something has not been handed to the network to its last page.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
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
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                }
            }
            if bytes >= limits::TURN_BYTES || message.len() >= WIRE_ITEMS {
                break;
            }
        }
        Some(message)
    }

    /// An answer to a heartbeat goes before everything but the welcome, also between the pages of a dispatch: a worker
    /// must not believe its lease lost while it is sent something large.
    fn take(&mut self, items: Vec<Push>) {
        for pages in items.into_iter().map(Pages::new) {
            let first = self.pages.iter().position(|waits| !waits.goes_first());
            match first.filter(|_| pages.goes_first()) {
                Some(first) => self.pages.insert(first, pages),
                None => self.pages.push_back(pages),
            }
        }
    }
}
