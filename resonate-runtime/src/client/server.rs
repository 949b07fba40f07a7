//! A server as this process sees it, in core types: what can be asked, and what an answer can be.
//!
//! The one real implementation is [`grpc`](super::grpc); tests have others.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use resonate_core::{Create, NewSchedule, PromiseId, Refusal};
use resonate_proto::{
    client::{
        Cancel, ChangeSchedule, Page, PromiseReply, Search, ServedFunction, Settle, TreeSearch,
        Watch,
    },
    stream::{FromWorker, ToWorker},
};
use tokio::sync::mpsc;

use crate::{Error, ErrorKind};

/// What a request ends with.
pub type Answer<T> = Result<T, CallError>;

/// A server. Every request is safe to repeat.
pub trait Server: Send + Sync + 'static {
    /// Where it is, for messages.
    fn url(&self) -> &str;
    /// Creates a root, or gets the one of that name.
    fn create(&self, create: Create) -> BoxFuture<'static, Answer<PromiseReply>>;
    /// A promise as it is now.
    fn find(&self, id: PromiseId) -> BoxFuture<'static, Answer<PromiseReply>>;
    /// The URL by which whoever has it settles a promise.
    fn url_of(&self, id: PromiseId) -> BoxFuture<'static, Answer<String>>;
    /// Settles a promise.
    fn settle(&self, settle: Settle) -> BoxFuture<'static, Answer<PromiseReply>>;
    /// Cancels a promise and everything pending below it.
    fn cancel(&self, cancel: Cancel) -> BoxFuture<'static, Answer<PromiseReply>>;
    /// Creates a schedule, or gives it this plan.
    fn schedule(&self, new: NewSchedule) -> BoxFuture<'static, Answer<PromiseReply>>;
    /// Pauses, resumes, deletes, triggers or backfills a schedule.
    fn change_schedule(&self, change: ChangeSchedule) -> BoxFuture<'static, Answer<PromiseReply>>;
    /// A page of promises that look like this.
    fn search(&self, search: Search) -> BoxFuture<'static, Answer<Page>>;
    /// A page of what is below a promise.
    fn tree(&self, search: TreeSearch) -> BoxFuture<'static, Answer<Page>>;
    /// What is served.
    fn functions(&self) -> BoxFuture<'static, Answer<Vec<ServedFunction>>>;
    /// Each of the promises once it has settled, then the end. Dropping the receiver ends it too.
    fn watch(&self, watch: Watch) -> mpsc::Receiver<Answer<PromiseReply>>;
    /// Opens the stream of a worker; that it cannot be opened is the first thing that comes in.
    fn work(&self) -> WorkStream;
}

/// Both ends of a worker's stream, in batches. Dropping either end ends it.
#[derive(Debug)]
pub struct WorkStream {
    /// From the worker.
    pub outgoing: mpsc::Sender<Vec<FromWorker>>,
    /// To the worker; an error is the last of it.
    pub incoming: mpsc::Receiver<Answer<Vec<ToWorker>>>,
}

/// Why a request has no reply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
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
