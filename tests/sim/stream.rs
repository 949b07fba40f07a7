//! A worker's stream over its line, from its hello to the moment when both sides know that it is over.

use resonate_core::SessionId;
use resonate_proto::{
    stream::{FromWorker, FromWorkerReader, Hello, ToWorker},
    v1,
};
use resonate_runtime::testing::{Answer, WorkStream};
use resonate_server::{
    dispatch::stream::{Outbound, Outgoing, StreamId, outbound},
    engine::Input,
};
use tokio::{
    sync::mpsc,
    time::{Duration, sleep},
};

use crate::{
    network::Way,
    wire::{Far, gone, through_bytes},
};

/// Batches that wait in the sockets of one direction.
const SOCKET: usize = 16;

/// One stream.
pub(crate) struct Stream {
    far: Far,
    reader: FromWorkerReader,
    no: StreamId,
    incarnation: u64,
    /// Until it has said hello.
    out: Option<Outbound>,
}

/// Whose end ended it.
enum End {
    Network,
    Worker,
    Server,
}

impl Stream {
    /// The worker's end of a new one.
    pub(crate) fn open(far: Far) -> WorkStream {
        let (outgoing, batches) = mpsc::channel(SOCKET);
        let (to, incoming) = mpsc::channel(SOCKET);
        tokio::spawn(Self::run(far, batches, to));
        WorkStream { outgoing, incoming }
    }

    async fn run(
        far: Far,
        mut batches: mpsc::Receiver<Vec<FromWorker>>,
        to: mpsc::Sender<Answer<Vec<ToWorker>>>,
    ) {
        tokio::select! {
            biased;
            () = far.line.broken() => {}
            () = to.closed() => return,
            () = far.line.travel(Way::ToServer) => {}
        }
        let Some(incarnation) = far.server.incarnation() else {
            far.line.travel(Way::FromServer).await;
            // It may have left.
            let _left = to.send(Err(gone("the server is down"))).await;
            return;
        };
        let (out, mut outgoing) = outbound();
        let no = far.server.stream();
        let (line, sim) = (far.line.clone(), far.sim.clone());
        let mut stream = Self {
            reader: FromWorkerReader::default(),
            no,
            incarnation,
            out: Some(out),
            far,
        };
        let mut session = None;
        let end = tokio::select! {
            biased;
            () = line.broken() => End::Network,
            end = stream.carry(&mut batches, &mut outgoing, &to, &mut session) => end,
        };
        let lost = batches.len();
        if matches!(end, End::Network) {
            sim.count("fault: a stream broke");
            // What was under way may still arrive; the rest never does.
            let arrives = line.dice().below(lost as u64 + 1);
            for _ in 0..arrives {
                if let Ok(batch) = batches.try_recv() {
                    stream.arrive(batch, &mut session);
                }
            }
            sim.add("messages lost", batches.len() as u64);
        }
        stream.part(&end, &to).await;
        // Nobody looks at them before both sides know.
        drop((batches, outgoing));
    }

    /// Carries both ways until one side ends it.
    async fn carry(
        &mut self,
        batches: &mut mpsc::Receiver<Vec<FromWorker>>,
        outgoing: &mut Outgoing,
        to: &mpsc::Sender<Answer<Vec<ToWorker>>>,
        session: &mut Option<SessionId>,
    ) -> End {
        let (line, sim) = (self.far.line.clone(), self.far.sim.clone());
        let who = std::sync::Mutex::new(None);
        let up = async {
            while let Some(batch) = batches.recv().await {
                line.travel(Way::ToServer).await;
                self.arrive(batch, session);
                *who.lock().unwrap() = *session;
            }
            End::Worker
        };
        let opened = sim.model().times.newest();
        let down = async {
            if line.withholds() {
                sim.count("fault: no answer to a hello");
                std::future::pending::<()>().await;
            }
            while let Some(items) = outgoing.next().await {
                let session = who.lock().unwrap().unwrap_or(SessionId(0));
                items
                    .iter()
                    .for_each(|item| sim.sends(session, opened, item));
                for message in ToWorker::batches(&items) {
                    line.travel(Way::FromServer).await;
                    let message: v1::ToWorker = through_bytes(&message);
                    let items = Vec::try_from(message).expect("what was written can be read");
                    sim.count("messages to workers");
                    if to.send(Ok(items)).await.is_err() {
                        return End::Worker;
                    }
                }
            }
            End::Server
        };
        tokio::select! {
            biased;
            end = down => end,
            end = up => end,
            () = to.closed() => End::Worker,
        }
    }

    /// A batch reaches the server.
    fn arrive(&mut self, batch: Vec<FromWorker>, session: &mut Option<SessionId>) {
        let sim = self.far.sim.clone();
        for message in FromWorker::batches(&batch) {
            sim.count("messages to the server");
            let message: v1::FromWorker = through_bytes(&message);
            let items = self
                .reader
                .read(message)
                .expect("what was written can be read");
            let mut rest = Vec::new();
            for item in items {
                if let FromWorker::Hello(hello) = &item {
                    *session = Some(hello.session);
                }
                if self.far.server.incarnation() == Some(self.incarnation) {
                    sim.arrives(session.unwrap_or(SessionId(0)), &item);
                }
                if let FromWorker::Hello(hello) = item {
                    self.greet(hello);
                } else {
                    rest.push(item);
                }
            }
            if !rest.is_empty() {
                let input = Input::Items {
                    stream: self.no,
                    items: rest.into(),
                };
                self.far.server.take(self.incarnation, input);
            }
        }
    }

    /// The first word reaches the server.
    fn greet(&mut self, hello: Hello) {
        let (stream, peer, held) = (self.no, hello.name.clone(), hello.held.len());
        self.far.sim.trace(format_args!(
            "{peer} says hello on {}, holding {held}",
            stream.0
        ));
        if let Some(out) = self.out.take() {
            let open = Input::Open {
                stream,
                hello,
                peer,
                out,
            };
            self.far.server.take(self.incarnation, open);
        }
    }

    /// Both sides learn that it is over, each in its time.
    async fn part(&self, end: &End, to: &mpsc::Sender<Answer<Vec<ToWorker>>>) {
        let Far { line, server, .. } = &self.far;
        let (server_after, worker_after) = match end {
            End::Network | End::Worker => (line.notice(), line.notice()),
            End::Server => (Duration::ZERO, line.notice()),
        };
        if server_after.max(worker_after) >= Duration::from_secs(1) {
            self.far.sim.count("fault: a half-open connection");
        }
        let server_learns = async {
            sleep(server_after).await;
            server.take(self.incarnation, Input::Closed { stream: self.no });
        };
        let worker_learns = async {
            sleep(worker_after).await;
            let told = async {
                // It may have left.
                let _left = to.send(Err(gone("the connection broke"))).await;
            };
            tokio::select! {
                biased;
                () = to.closed() => {}
                () = told => {}
            }
        };
        tokio::join!(server_learns, worker_learns);
    }
}
