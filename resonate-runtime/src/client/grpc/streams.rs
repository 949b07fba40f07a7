//! Streams over gRPC: a watch, and a worker's stream. Each is a tokio task between the network and a bounded queue.

use resonate_proto::{
    client::{PromiseReply, Watch},
    rpc::{ClientCaller, WorkerCaller},
    stream::{FromWorker, ToWorker},
    v1,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

use super::status;
use crate::{
    client::server::{Answer, CallError, WorkStream},
    limits,
};

pub(super) fn watch(
    mut client: ClientCaller<Channel>,
    watch: &Watch,
) -> mpsc::Receiver<Answer<PromiseReply>> {
    let (sender, receiver) = mpsc::channel(limits::BATCHES);
    let request = v1::WatchRequest::from(watch);
    tokio::spawn(async move {
        let opened = tokio::select! {
            opened = client.watch(request) => opened,
            () = sender.closed() => return,
        };
        pass_on(opened.map(tonic::Response::into_inner), &sender).await;
    });
    receiver
}

pub(super) fn work(mut worker: WorkerCaller<Channel>) -> WorkStream {
    let (outgoing, batches) = mpsc::channel::<Vec<FromWorker>>(limits::BATCHES);
    let (messages, requests) = mpsc::channel::<v1::FromWorker>(limits::BATCHES);
    let (sender, incoming) = mpsc::channel(limits::BATCHES);
    tokio::spawn(write(batches, messages));
    tokio::spawn(async move {
        let opened = tokio::select! {
            opened = worker.work(ReceiverStream::new(requests)) => opened,
            () = sender.closed() => return,
        };
        pass_on::<_, Vec<ToWorker>>(opened.map(tonic::Response::into_inner), &sender).await;
    });
    WorkStream { outgoing, incoming }
}

/// Writes batches as messages that fit the wire, until one side has enough.
async fn write(
    mut batches: mpsc::Receiver<Vec<FromWorker>>,
    messages: mpsc::Sender<v1::FromWorker>,
) {
    while let Some(batch) = batches.recv().await {
        for message in FromWorker::batches(&batch) {
            if messages.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// Reads what comes in, until the stream ends, breaks, or nobody wants it any more.
async fn pass_on<W, T>(opened: Result<Streaming<W>, Status>, sender: &mpsc::Sender<Answer<T>>)
where
    T: TryFrom<W, Error = resonate_proto::BadMessage>,
{
    let mut stream = match opened {
        Ok(stream) => stream,
        Err(refused) => return give(sender, Err(status::read(&refused))).await,
    };
    loop {
        let next = tokio::select! {
            next = stream.message() => next,
            () = sender.closed() => return,
        };
        let item = match next {
            Ok(Some(wire)) => T::try_from(wire).map_err(|bad| status::not_understood(&bad)),
            Ok(None) => return,
            Err(broken) => Err(status::read(&broken)),
        };
        let ends = item.is_err();
        give(sender, item).await;
        if ends {
            return;
        }
    }
}

async fn give<T>(sender: &mpsc::Sender<Result<T, CallError>>, item: Result<T, CallError>) {
    // Nobody wants it any more: the next look at `closed` ends the loop.
    let _closed = sender.send(item).await.is_err();
}
