//! The server over gRPC: the one place of this package that touches the network and the wire's types.

mod status;
mod streams;

use futures_util::future::BoxFuture;
use resonate_core::{Create, NewSchedule, PromiseId, limits::MESSAGE_BYTES};
use resonate_proto::{
    BadMessage,
    client::{
        Cancel, ChangeSchedule, Page, PromiseReply, Search, ServedFunction, Settle, TreeSearch,
        Watch,
    },
    rpc::{ClientCaller, WorkerCaller},
    v1,
};
use tokio::sync::mpsc;
use tonic::{
    Response, Status,
    transport::{Channel, Endpoint},
};

use super::server::{Answer, Server, WorkStream};
use crate::limits;

/// A server over gRPC. It connects when it is first asked, and again whenever the connection broke.
pub(crate) struct Grpc {
    url: String,
    client: ClientCaller<Channel>,
    /// A connection of its own: what clients wait for never delays a heartbeat.
    worker: WorkerCaller<Channel>,
}

/// The URL cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is no URL of a server ({why}); write it like `http://127.0.0.1:8001`")]
pub(crate) struct BadUrl {
    pub(crate) url: String,
    pub(crate) why: String,
}

impl Grpc {
    /// A server at this URL. Must be called in the runtime that is to drive its connections.
    pub(crate) fn new(url: &str) -> Result<Self, BadUrl> {
        let bad = |why: String| BadUrl {
            url: url.to_owned(),
            why,
        };
        let endpoint =
            Endpoint::from_shared(url.to_owned()).map_err(|error| bad(error.to_string()))?;
        if endpoint.uri().scheme_str() != Some("http") {
            return Err(bad("only `http://` is possible".to_owned()));
        }
        let endpoint = endpoint
            .connect_timeout(limits::CONNECT)
            .http2_keep_alive_interval(limits::KEEPALIVE)
            .keep_alive_timeout(limits::KEEPALIVE_ANSWER)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true)
            .initial_stream_window_size(limits::WINDOW_BYTES)
            .initial_connection_window_size(limits::WINDOW_BYTES);
        let client = ClientCaller::new(endpoint.connect_lazy());
        let worker = WorkerCaller::new(endpoint.connect_lazy());
        Ok(Self {
            url: url.to_owned(),
            client: client
                .max_decoding_message_size(MESSAGE_BYTES)
                .max_encoding_message_size(MESSAGE_BYTES),
            worker: worker
                .max_decoding_message_size(MESSAGE_BYTES)
                .max_encoding_message_size(MESSAGE_BYTES),
        })
    }
}

impl Server for Grpc {
    fn url(&self) -> &str {
        &self.url
    }

    fn create(&self, create: Create) -> BoxFuture<'static, Answer<PromiseReply>> {
        let mut client = self.client.clone();
        answered(async move { client.create(v1::CreateRequest::from(&create)).await })
    }

    fn find(&self, id: PromiseId) -> BoxFuture<'static, Answer<PromiseReply>> {
        let mut client = self.client.clone();
        answered(async move { client.get(v1::GetRequest::from(&id)).await })
    }

    fn url_of(&self, id: PromiseId) -> BoxFuture<'static, Answer<String>> {
        let mut client = self.client.clone();
        answered(async move { client.url(v1::GetRequest::from(&id)).await })
    }

    fn settle(&self, settle: Settle) -> BoxFuture<'static, Answer<PromiseReply>> {
        let mut client = self.client.clone();
        answered(async move { client.settle(v1::SettleRequest::from(&settle)).await })
    }

    fn cancel(&self, cancel: Cancel) -> BoxFuture<'static, Answer<PromiseReply>> {
        let mut client = self.client.clone();
        answered(async move { client.cancel(v1::CancelRequest::from(&cancel)).await })
    }

    fn schedule(&self, new: NewSchedule) -> BoxFuture<'static, Answer<PromiseReply>> {
        let mut client = self.client.clone();
        answered(async move { client.schedule(v1::ScheduleRequest::from(&new)).await })
    }

    fn change_schedule(&self, change: ChangeSchedule) -> BoxFuture<'static, Answer<PromiseReply>> {
        let mut client = self.client.clone();
        let asked = v1::ChangeScheduleRequest::from(&change);
        answered(async move { client.change_schedule(asked).await })
    }

    fn search(&self, search: Search) -> BoxFuture<'static, Answer<Page>> {
        let mut client = self.client.clone();
        answered(async move { client.search(v1::SearchRequest::from(&search)).await })
    }

    fn tree(&self, search: TreeSearch) -> BoxFuture<'static, Answer<Page>> {
        let mut client = self.client.clone();
        answered(async move { client.tree(v1::TreeRequest::from(&search)).await })
    }

    fn functions(&self) -> BoxFuture<'static, Answer<Vec<ServedFunction>>> {
        let mut client = self.client.clone();
        answered(async move { client.functions(v1::FunctionsRequest {}).await })
    }

    fn watch(&self, watch: Watch) -> mpsc::Receiver<Answer<PromiseReply>> {
        streams::watch(self.client.clone(), &watch)
    }

    fn work(&self) -> WorkStream {
        streams::work(self.worker.clone())
    }
}

/// Waits for the reply, but not for ever, and reads it.
fn answered<W, T>(
    call: impl Future<Output = Result<Response<W>, Status>> + Send + 'static,
) -> BoxFuture<'static, Answer<T>>
where
    W: Send + 'static,
    T: TryFrom<W, Error = BadMessage>,
{
    Box::pin(async move {
        let reply = tokio::time::timeout(limits::REPLY, call)
            .await
            .map_err(|_| status::late(limits::REPLY))?;
        let reply = reply.map_err(|status| status::read(&status))?;
        T::try_from(reply.into_inner()).map_err(|bad| status::not_understood(&bad))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_that_cannot_be_one_says_how_one_looks() {
        for (url, why) in [
            ("", "invalid URI"),
            ("127.0.0.1:8001", "only `http://`"),
            ("https://a", "only `http://`"),
        ] {
            let error = Grpc::new(url)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert!(
                error.contains(why) && error.contains("http://127.0.0.1:8001"),
                "{url}: {error}"
            );
        }
        assert!(Grpc::new("http://127.0.0.1:8001").is_ok());
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_may_come_later() {
        let server = Grpc::new("http://127.0.0.1:1").unwrap();
        let error = server.find(PromiseId::new("a").unwrap()).await.unwrap_err();
        assert!(error.is_passing(), "{error:?}");
        let mut stream = server.work();
        let error = stream.incoming.recv().await.unwrap().unwrap_err();
        assert!(error.is_passing(), "{error:?}");
    }
}
