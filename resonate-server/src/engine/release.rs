//! What leaves after the commit: a closed set, carried out once the batch is durable. Losing all of it loses nothing.

use resonate_core::Reply;
use tokio::sync::{mpsc, oneshot};

use super::input::{AskError, Seen, Tailed, Told, Watched};
use crate::dispatch::stream::{Outbound, Push, StreamId};

/// One thing that leaves.
#[derive(Debug)]
#[must_use = "an answer that is dropped is never given"]
pub enum Release {
    /// A client gets its answer.
    Answer {
        /// Where it goes.
        to: oneshot::Sender<Told<Reply>>,
        /// What it is.
        told: Told<Reply>,
    },
    /// Somebody who looks at workers and functions gets the view, or why there is none.
    View {
        /// Where it goes.
        to: oneshot::Sender<Seen>,
        /// What is seen.
        view: Box<Seen>,
    },
    /// Somebody who waits gets a settled record, or the end.
    Watched {
        /// Where it goes.
        to: mpsc::Sender<Watched>,
        /// What it is.
        told: Watched,
    },
    /// Somebody who reads what an execution emits gets some of it.
    Tailed {
        /// Where it goes.
        to: oneshot::Sender<Tailed>,
        /// What it is.
        told: Tailed,
    },
    /// A worker gets what this round has for it, in order.
    Push {
        /// Which stream.
        stream: StreamId,
        /// Where it goes.
        to: Outbound,
        /// What.
        items: Vec<Push>,
    },
}

impl Release {
    /// Sends it. Names the stream if its worker does not read.
    pub fn carry_out(self) -> Result<(), StreamId> {
        match self {
            // Whoever has left does not need it.
            Self::Answer { to, told } => drop(to.send(told)),
            Self::View { to, view } => drop(to.send(*view)),
            // A watch has room for all it waits for.
            Self::Watched { to, told } => drop(to.try_send(told)),
            Self::Tailed { to, told } => drop(to.send(told)),
            Self::Push { stream, to, items } => return to.send(items).map_err(|_| stream),
        }
        Ok(())
    }

    /// What leaves instead when the round could not be written: who asked is told, nobody learns anything else.
    pub(super) fn failed(self, error: &AskError) -> Option<Self> {
        match self {
            Self::Answer { to, .. } => Some(Self::Answer {
                to,
                told: error.clone().into(),
            }),
            Self::Watched { to, .. } => Some(Self::Watched {
                to,
                told: error.clone().into(),
            }),
            Self::Tailed { to, .. } => Some(Self::Tailed {
                to,
                told: error.clone().into(),
            }),
            Self::View { .. } | Self::Push { .. } => None,
        }
    }
}
