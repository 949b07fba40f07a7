//! A server on loopback, for tests.

use std::{net::SocketAddr, path::Path};

use resonate_proto::rpc::{ClientCaller, WorkerCaller};
use resonate_server::{Builder, ServeError, Server, bind};
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::transport::Channel;

/// A server that serves until it is stopped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Served {
    pub(crate) async fn in_memory() -> Self {
        Self::start(Server::builder().in_memory()).await
    }

    pub(crate) async fn on(folder: &Path) -> Self {
        Self::start(Server::builder().data_dir(folder)).await
    }

    async fn start(builder: Builder) -> Self {
        let listener = bind("127.0.0.1:0", false).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = builder.open().await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.serve(listener, async {
            drop(stopped.await);
        }));
        Self {
            address,
            stop,
            serving,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap().unwrap();
    }

    async fn channel(&self) -> Channel {
        let url = format!("http://{}", self.address);
        Channel::from_shared(url).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn client(&self) -> ClientCaller<Channel> {
        ClientCaller::new(self.channel().await)
    }

    pub(crate) async fn worker(&self) -> WorkerCaller<Channel> {
        WorkerCaller::new(self.channel().await)
    }
}
