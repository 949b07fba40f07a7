//! Who only asks: requests that are repeated until they are answered, and promises that are waited for.
//!
//! Everything runs on the process's own I/O thread; what users hold are futures that any runtime can poll.

#[cfg(test)]
pub(crate) mod fake;
mod grpc;
mod reconnect;
mod server;
#[cfg(test)]
mod tests;
mod thread;
mod watch;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use resonate_core::{Address, Create, NewSchedule, PromiseId, Record};
use resonate_proto::client::{
    Cancel, ChangeSchedule, Page, PromiseReply, Search, Settle, TreeSearch,
};
use tokio::{runtime::Handle, sync::Semaphore, task::JoinHandle};

pub use self::server::{Answer, CallError, Server, WorkStream};
use self::watch::Watcher;
pub(crate) use self::{
    grpc::{BadUrl, Grpc},
    reconnect::{Backoff, Reachability},
    server::SharedServer,
    thread::IoThread,
};
use crate::{Error, ErrorKind, Result, limits, testing::gate};

/// Asks a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    server: SharedServer,
    reach: Arc<Reachability>,
    watcher: Watcher,
    /// A place for each request under way.
    under_way: Arc<Semaphore>,
    io: Handle,
}

impl Client {
    /// A client of this server whose work is done on `io`.
    pub(crate) fn new(server: SharedServer, reach: Arc<Reachability>, io: Handle) -> Self {
        let watcher = Watcher::start(Arc::clone(&server), Arc::clone(&reach), &io);
        Self {
            server,
            reach,
            watcher,
            under_way: Arc::new(Semaphore::new(limits::REQUESTS)),
            io,
        }
    }

    /// Creates a root, or gets the one of that name.
    pub(crate) async fn create(&self, create: Create) -> Result<PromiseReply> {
        self.ask(move |server| server.create(create.clone())).await
    }

    pub(crate) async fn find(&self, id: PromiseId) -> Result<PromiseReply> {
        self.ask(move |server| server.find(id.clone())).await
    }

    pub(crate) async fn url_of(&self, id: PromiseId) -> Result<String> {
        self.ask(move |server| server.url_of(id.clone())).await
    }

    pub(crate) async fn settle(&self, settle: Settle) -> Result<PromiseReply> {
        self.ask(move |server| server.settle(settle.clone())).await
    }

    pub(crate) async fn cancel(&self, cancel: Cancel) -> Result<PromiseReply> {
        self.ask(move |server| server.cancel(cancel.clone())).await
    }

    pub(crate) async fn schedule(&self, new: NewSchedule) -> Result<PromiseReply> {
        self.ask(move |server| server.schedule(new.clone())).await
    }

    pub(crate) async fn change_schedule(&self, change: ChangeSchedule) -> Result<PromiseReply> {
        self.ask(move |server| server.change_schedule(change.clone()))
            .await
    }

    pub(crate) async fn search(&self, search: Search) -> Result<Page> {
        self.ask(move |server| server.search(search.clone())).await
    }

    pub(crate) async fn tree(&self, search: TreeSearch) -> Result<Page> {
        self.ask(move |server| server.tree(search.clone())).await
    }

    /// The promise once it has settled. `waits_for` is the function whose workers can settle it, if it is a call.
    pub(crate) async fn settled(
        &self,
        id: PromiseId,
        waits_for: Option<Address>,
    ) -> Result<Arc<Record>> {
        self.watcher.settled(id, waits_for).await
    }

    /// Says soon if no server is there, although nothing is asked of it yet.
    pub(crate) fn look_for_server(&self) {
        let (server, reach) = (Arc::clone(&self.server), Arc::clone(&self.reach));
        gate::spawn(&self.io, async move {
            persist(&*server, &reach, |server| server.functions())
                .await
                .map(|_| ())
        });
    }

    /// Asks again and again until there is an answer.
    async fn ask<T: Send + 'static>(
        &self,
        call: impl Fn(&dyn Server) -> BoxFuture<'static, Answer<T>> + Send + 'static,
    ) -> Result<T> {
        let _place = self.under_way.acquire().await.map_err(|_| gone())?;
        let (server, reach) = (Arc::clone(&self.server), Arc::clone(&self.reach));
        let asking = gate::spawn(
            &self.io,
            async move { persist(&*server, &reach, call).await },
        );
        Background(asking).await.unwrap_or_else(|| Err(gone()))
    }
}

/// Repeats a request as long as the server is not there.
async fn persist<T>(
    server: &dyn Server,
    reach: &Reachability,
    call: impl Fn(&dyn Server) -> BoxFuture<'static, Answer<T>>,
) -> Result<T> {
    let mut backoff = Backoff::new();
    loop {
        match call(server).await {
            Err(error) if error.is_passing() => {
                reach.failed(server.url(), &error);
                tokio::time::sleep(backoff.next()).await;
            }
            answer => {
                reach.worked(server.url());
                return answer.map_err(CallError::into_error);
            }
        }
    }
}

/// What a client sees whose process is leaving.
pub(crate) fn gone() -> Error {
    Error::of(
        ErrorKind::Unavailable,
        "the `Resonate` that this call went to is shut down",
    )
}

/// A tokio task that ends when nobody waits for it; none if its runtime ended.
struct Background<T>(JoinHandle<T>);

impl<T> Future for Background<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(std::result::Result::ok)
    }
}

impl<T> Drop for Background<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.server.url())
    }
}
