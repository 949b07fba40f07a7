//! The server as one process of a world sees it. Everything goes through the bytes of the wire, and nothing is lost on the
//! way; a crash strikes where a worker's turn arrives.

use std::{fmt, sync::Arc};

use prost::Message;
use resonate_core::{Create, NewSchedule, PromiseId, Record, Reply, Request};
use resonate_proto::{
    client::{
        Cancel, ChangeSchedule, LogPosition, Page, PromiseReply, Search, ServedFunction, Settle,
        TreeSearch, Watch,
    },
    stream::{FromWorker, FromWorkerReader, Hello, ToWorker},
    v1,
};
use resonate_runtime::testing::{Answer, CallError, Server as Api, WorkStream};
use resonate_server::{
    dispatch::stream::{Outbound, Outgoing, StreamId, outbound},
    engine::{AskError, Input, View},
    testing,
};
use tokio::sync::{mpsc, oneshot};

type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;

use super::{
    crashes::{Crashes, Side},
    process::Worker,
    server::Server,
};

/// Batches under way in one direction.
const UNDER_WAY: usize = 16;

/// The server, as one process sees it. Clones are the same.
#[derive(Clone)]
pub(super) struct Far {
    server: Server,
    crashes: Arc<Crashes>,
    /// Whose turns these are.
    worker: Option<Worker>,
}

impl fmt::Debug for Far {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server of a test")
    }
}

fn gone(why: &str) -> CallError {
    CallError::Unavailable(why.to_owned())
}

/// The same message, read from its bytes.
fn through_bytes<W: Message + Default>(message: &W) -> Answer<W> {
    W::decode(&*message.encode_to_vec()).map_err(|error| gone(&error.to_string()))
}

impl Far {
    pub(super) fn new(server: Server, crashes: Arc<Crashes>) -> Self {
        Self {
            server,
            crashes,
            worker: None,
        }
    }

    pub(super) fn of(&self, worker: Worker) -> Self {
        Self {
            worker: Some(worker),
            ..self.clone()
        }
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    fn hand(&self, input: Input) -> Answer<()> {
        let taken = self
            .server
            .incarnation()
            .is_some_and(|incarnation| self.server.take(incarnation, input));
        taken
            .then_some(())
            .ok_or_else(|| gone("the server is away"))
    }

    fn ask(&self, request: Request) -> BoxFuture<Answer<PromiseReply>> {
        let far = self.clone();
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            far.hand(Input::Ask { request, answer })?;
            let told = answered.await.map_err(|_| gone("the server went away"))?;
            match told.answer {
                Ok(Reply::Promise { record, new }) => over(record, new, told.at),
                Ok(other) => Err(gone(&format!("a strange answer: {other:?}"))),
                Err(error) => Err(failed(error)),
            }
        })
    }

    async fn view(self) -> Answer<View> {
        let (answer, answered) = oneshot::channel();
        self.hand(Input::Look { answer })?;
        let seen = answered.await.map_err(|_| gone("the server went away"))?;
        seen.map_err(failed)
    }

    async fn pass_on(self, ids: Vec<PromiseId>, to: mpsc::Sender<Answer<PromiseReply>>) {
        let watching = async {
            let (out, mut watched) = mpsc::channel(ids.len().max(1));
            let count = ids.len();
            self.hand(Input::Watch { ids, out })?;
            for _ in 0..count {
                let told = watched
                    .recv()
                    .await
                    .ok_or_else(|| gone("the server went away"))?;
                let item = told.answer.map_err(failed);
                let item = item.and_then(|record| over(record, false, told.at));
                if to.send(item).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        tokio::select! {
            biased;
            () = to.closed() => {}
            ended = watching => {
                if let Err(error) = ended {
                    // Whoever has left need not know.
                    let _left = to.send(Err(error)).await;
                }
            }
        }
    }
}

fn over(record: Arc<Record>, new: bool, at: Option<LogPosition>) -> Answer<PromiseReply> {
    let wire = through_bytes(&v1::PromiseReply::from(&PromiseReply { record, new, at }))?;
    PromiseReply::try_from(wire).map_err(|error| gone(&error.to_string()))
}

fn failed(error: AskError) -> CallError {
    if let AskError::Refused(refusal) = error {
        return CallError::Refused(refusal);
    }
    CallError::Unavailable(error.to_string())
}

impl Api for Far {
    fn url(&self) -> &str {
        "the server of this test"
    }

    fn create(&self, create: Create) -> BoxFuture<Answer<PromiseReply>> {
        self.ask(Request::Create(create))
    }

    fn find(&self, id: PromiseId) -> BoxFuture<Answer<PromiseReply>> {
        self.ask(Request::Get { id })
    }

    fn url_of(&self, id: PromiseId) -> BoxFuture<Answer<String>> {
        let found = self.ask(Request::Get { id });
        let server = self.server.clone();
        Box::pin(async move { Ok(server.url_of(&found.await?.record.promise.id)) })
    }

    fn settle(&self, settle: Settle) -> BoxFuture<Answer<PromiseReply>> {
        let Settle { id, outcome, key } = settle;
        self.ask(Request::Settle { id, outcome, key })
    }

    fn schedule(&self, new: NewSchedule) -> BoxFuture<Answer<PromiseReply>> {
        self.ask(Request::Schedule(new))
    }

    fn change_schedule(&self, change: ChangeSchedule) -> BoxFuture<Answer<PromiseReply>> {
        let ChangeSchedule { id, change } = change;
        self.ask(Request::ChangeSchedule { id, change })
    }

    fn cancel(&self, cancel: Cancel) -> BoxFuture<Answer<PromiseReply>> {
        let Cancel { id, reason, key } = cancel;
        self.ask(Request::Cancel { id, reason, key })
    }

    fn search(&self, search: Search) -> BoxFuture<Answer<Page>> {
        let mut reader = self.server.reader();
        Box::pin(async move { testing::search(&mut reader, &search).map_err(|error| gone(&error)) })
    }

    fn tree(&self, search: TreeSearch) -> BoxFuture<Answer<Page>> {
        let mut reader = self.server.reader();
        Box::pin(async move { testing::tree(&mut reader, &search).map_err(|error| gone(&error)) })
    }

    fn functions(&self) -> BoxFuture<Answer<Vec<ServedFunction>>> {
        let view = self.clone().view();
        Box::pin(async move { Ok(view.await?.functions) })
    }

    fn watch(&self, watch: Watch) -> mpsc::Receiver<Answer<PromiseReply>> {
        let (to, receiver) = mpsc::channel(UNDER_WAY);
        tokio::spawn(self.clone().pass_on(watch.ids, to));
        receiver
    }

    fn work(&self) -> WorkStream {
        let (outgoing, batches) = mpsc::channel(UNDER_WAY);
        let (to, incoming) = mpsc::channel(UNDER_WAY);
        tokio::spawn(run(self.clone(), batches, to));
        WorkStream { outgoing, incoming }
    }
}

/// One stream of a worker.
struct Stream {
    far: Far,
    reader: FromWorkerReader,
    no: StreamId,
    incarnation: u64,
    /// Until it has said hello.
    out: Option<Outbound>,
}

async fn run(
    far: Far,
    mut batches: mpsc::Receiver<Vec<FromWorker>>,
    to: mpsc::Sender<Answer<Vec<ToWorker>>>,
) {
    let Some(incarnation) = far.server.incarnation() else {
        // It may have left.
        let _left = to.send(Err(gone("the server is away"))).await;
        return;
    };
    let (out, mut outgoing) = outbound();
    let server = far.server.clone();
    let no = server.stream();
    let mut stream = Stream {
        reader: FromWorkerReader::default(),
        no,
        incarnation,
        out: Some(out),
        far,
    };
    let up = async {
        while let Some(batch) = batches.recv().await {
            stream.arrive(batch)?;
        }
        Ok(())
    };
    let ended = tokio::select! {
        biased;
        ended = down(&mut outgoing, &to) => ended,
        ended = up => ended,
        () = to.closed() => Ok(()),
    };
    server.take(incarnation, Input::Closed { stream: no });
    // It may have left.
    let _left = to
        .send(Err(ended
            .err()
            .unwrap_or_else(|| gone("the stream has ended"))))
        .await;
}

async fn down(outgoing: &mut Outgoing, to: &mpsc::Sender<Answer<Vec<ToWorker>>>) -> Answer<()> {
    while let Some(items) = outgoing.next().await {
        for message in ToWorker::batches(&items) {
            let message: v1::ToWorker = through_bytes(&message)?;
            let items = Vec::try_from(message).map_err(|error| gone(&format!("{error}")))?;
            if to.send(Ok(items)).await.is_err() {
                return Ok(());
            }
        }
    }
    Err(gone("the server went away"))
}

impl Stream {
    /// A batch reaches the server.
    fn arrive(&mut self, batch: Vec<FromWorker>) -> Answer<()> {
        for message in FromWorker::batches(&batch) {
            let message: v1::FromWorker = through_bytes(&message)?;
            let items = self
                .reader
                .read(message)
                .map_err(|error| gone(&format!("{error}")))?;
            for item in items {
                self.item(item)?;
            }
        }
        Ok(())
    }

    fn item(&mut self, item: FromWorker) -> Answer<()> {
        let side = if let FromWorker::Turn(turn) = &item {
            self.far.crashes.at(turn)
        } else {
            None
        };
        if side != Some(Side::Before) {
            if let FromWorker::Hello(hello) = item {
                self.greet(hello);
            } else {
                self.say(item);
            }
        }
        if side.is_some() {
            if let Some(worker) = &self.far.worker {
                worker.kill();
            }
            return Err(gone("the worker was killed"));
        }
        Ok(())
    }

    fn say(&self, item: FromWorker) {
        let items = [item].into();
        let input = Input::Items {
            stream: self.no,
            items,
        };
        self.far.server.take(self.incarnation, input);
    }

    fn greet(&mut self, hello: Hello) {
        if let Some(worker) = &self.far.worker {
            worker.is(hello.session);
        }
        if let Some(out) = self.out.take() {
            let (stream, peer) = (self.no, hello.name.clone());
            let input = Input::Open {
                stream,
                hello,
                peer,
                out,
            };
            self.far.server.take(self.incarnation, input);
        }
    }
}
