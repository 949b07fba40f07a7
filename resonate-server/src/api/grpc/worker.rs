//! The service of workers: one stream per process, both ways. Each direction has a tokio task; neither decides anything.

use std::{
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
};

use resonate_proto::{
    BadMessage,
    rpc::WorkerService,
    stream::{FromWorker, FromWorkerReader, Hello, ToWorker},
    v1,
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    dispatch::stream::{Outbound, Outgoing, StreamId, outbound},
    engine::{AskError, thread::Handle},
    limits::{HELLO_WITHIN, WIRE_QUEUE},
};

/// Accepts the streams of workers.
#[derive(Debug)]
pub(super) struct WorkerApi {
    engine: Handle,
    streams: AtomicU64,
}

impl WorkerApi {
    pub(super) fn new(engine: Handle) -> Self {
        Self {
            engine,
            streams: AtomicU64::new(0),
        }
    }
}

#[tonic::async_trait]
impl WorkerService for WorkerApi {
    type WorkStream = Pin<Box<dyn Stream<Item = Result<v1::ToWorker, Status>> + Send>>;

    async fn work(
        &self,
        request: Request<Streaming<v1::FromWorker>>,
    ) -> Result<Response<Self::WorkStream>, Status> {
        let peer = request
            .remote_addr()
            .map(|address| address.to_string())
            .unwrap_or_default();
        let (wire, replies) = mpsc::channel(WIRE_QUEUE);
        let connection = Connection {
            engine: self.engine.clone(),
            stream: StreamId(self.streams.fetch_add(1, Ordering::Relaxed)),
            peer,
            reader: FromWorkerReader::default(),
        };
        tokio::spawn(connection.run(request.into_inner(), wire));
        Ok(Response::new(Box::pin(ReceiverStream::new(replies))))
    }
}

/// One stream of one worker.
struct Connection {
    engine: Handle,
    stream: StreamId,
    peer: String,
    reader: FromWorkerReader,
}

/// Why a stream ends. The worker is told if it is its fault.
enum End {
    /// It has left, or the network has.
    Left,
    /// The engine has closed it.
    Closed,
    /// It said something that cannot be understood.
    Bad(BadMessage),
    /// It said nothing for too long.
    Mute,
}

impl From<BadMessage> for End {
    fn from(bad: BadMessage) -> Self {
        Self::Bad(bad)
    }
}

impl From<AskError> for End {
    fn from(_: AskError) -> Self {
        Self::Closed
    }
}

impl Connection {
    async fn run(
        mut self,
        mut incoming: Streaming<v1::FromWorker>,
        wire: mpsc::Sender<Result<v1::ToWorker, Status>>,
    ) {
        let end = match timeout(HELLO_WITHIN, self.hello(&mut incoming)).await {
            Err(_) => End::Mute,
            Ok(Err(end)) => end,
            Ok(Ok((hello, rest))) => {
                let (out, outgoing) = outbound();
                let sending = tokio::spawn(send(outgoing, wire.clone()));
                let end = match self.join(hello, out, rest).await {
                    Ok(()) => self.listen(&mut incoming, sending).await,
                    Err(end) => end,
                };
                self.engine.closed(self.stream).await;
                end
            }
        };
        let status = match end {
            End::Left | End::Closed => return,
            End::Bad(bad) => Status::from(bad),
            End::Mute => Status::deadline_exceeded("a worker says hello first, within ten seconds"),
        };
        // Whoever does not read any more does not need to know.
        let _left = wire.send(Err(status)).await;
    }

    /// Waits for the first message. It may carry more than the hello.
    async fn hello(
        &mut self,
        incoming: &mut Streaming<v1::FromWorker>,
    ) -> Result<(Hello, Vec<FromWorker>), End> {
        loop {
            let Ok(Some(message)) = incoming.message().await else {
                return Err(End::Left);
            };
            let mut items = self.reader.read(message)?.into_iter();
            // The reader refuses anything else as the first item.
            if let Some(FromWorker::Hello(hello)) = items.next() {
                return Ok((hello, items.collect()));
            }
        }
    }

    async fn join(&self, hello: Hello, out: Outbound, rest: Vec<FromWorker>) -> Result<(), End> {
        self.engine
            .open(self.stream, hello, self.peer.clone(), out)
            .await?;
        if !rest.is_empty() {
            self.engine.said(self.stream, rest).await?;
        }
        Ok(())
    }

    /// Hands over what the worker says until either side ends the stream.
    async fn listen(
        &mut self,
        incoming: &mut Streaming<v1::FromWorker>,
        mut sending: JoinHandle<()>,
    ) -> End {
        loop {
            let message = tokio::select! {
                message = incoming.message() => message,
                _ended = &mut sending => return End::Closed,
            };
            let Ok(Some(message)) = message else {
                return End::Left;
            };
            let items = match self.reader.read(message) {
                Ok(items) => items,
                Err(bad) => return End::Bad(bad),
            };
            if let Err(stopped) = self.engine.said(self.stream, items).await {
                return stopped.into();
            }
        }
    }
}

/// Sends what the engine has for the worker, as fast as it reads; ends when the engine closes the stream.
async fn send(mut outgoing: Outgoing, wire: mpsc::Sender<Result<v1::ToWorker, Status>>) {
    while let Some(items) = outgoing.next().await {
        for message in ToWorker::batches(&items) {
            if wire.send(Ok(message)).await.is_err() {
                return;
            }
        }
    }
}
