//! A server as this process sees it, in core types: what can be asked, and what an answer can be.
//!
//! The one real implementation is [`grpc`](super::grpc); tests have others.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use resonate_core::{Create, PromiseId, Refusal};
use resonate_proto::{
    client::{Cancel, Page, PromiseReply, Search, ServedFunction, Settle, TreeSearch, Watch},
    stream::{FromWorker, ToWorker},
};
use tokio::sync::mpsc;

use crate::{Error, ErrorKind};

/// What a request ends with.
pub(crate) type Answer<T> = Result<T, CallError>;

/// A server. Every request is safe to repeat.
pub(crate) trait Server: Send + Sync + 'static {
    /// Where it is, for messages.
    fn url(&self) -> &str;
    fn create(&self, create: Create) -> BoxFuture<'static, Answer<PromiseReply>>;
    fn find(&self, id: PromiseId) -> BoxFuture<'static, Answer<PromiseReply>>;
    fn settle(&self, settle: Settle) -> BoxFuture<'static, Answer<PromiseReply>>;
    fn cancel(&self, cancel: Cancel) -> BoxFuture<'static, Answer<PromiseReply>>;
    fn search(&self, search: Search) -> BoxFuture<'static, Answer<Page>>;
    fn tree(&self, search: TreeSearch) -> BoxFuture<'static, Answer<Page>>;
    fn functions(&self) -> BoxFuture<'static, Answer<Vec<ServedFunction>>>;
    /// Each of the promises once it has settled, then the end. Dropping the receiver ends it too.
    fn watch(&self, watch: Watch) -> mpsc::Receiver<Answer<PromiseReply>>;
    /// Opens the stream of a worker; that it cannot be opened is the first thing that comes in.
    fn work(&self) -> WorkStream;
}

/// Both ends of a worker's stream, in batches. Dropping either end ends it.
pub(crate) struct WorkStream {
    pub(crate) outgoing: mpsc::Sender<Vec<FromWorker>>,
    pub(crate) incoming: mpsc::Receiver<Answer<Vec<ToWorker>>>,
}

/// Why a request has no reply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum CallError {
    /// A documented no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nobody is there, or not now; the same request may be answered later.
    #[error("{0}")]
    Unavailable(String),
    /// The server does not take this from us, now or later.
    #[error("{0}")]
    Forbidden(String),
}

impl CallError {
    /// True if the same request may be answered later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// What users see of it.
impl CallError {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Refused(refusal) => Error::refused(&refusal),
            Self::Unavailable(why) => Error::of(ErrorKind::Unavailable, why),
            Self::Forbidden(why) => Error::of(ErrorKind::Misused, why).into_terminal(),
        }
    }
}

/// Servers are shared.
pub(crate) type SharedServer = Arc<dyn Server>;
