//! A worker's stream, by hand.

use std::collections::VecDeque;

use resonate_core::{End, Op, Outcome, Payload, PromiseId, Seq, SessionId, TaskVersion, Turn};
use resonate_proto::{
    rpc::WorkerCaller,
    stream::{Defaults, Dispatch, FromWorker, Function, Hello, PROTOCOL, ToWorker},
    v1,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

use crate::served::Served;

pub(crate) struct Worker {
    pub(crate) session: SessionId,
    out: mpsc::Sender<v1::FromWorker>,
    incoming: Streaming<v1::ToWorker>,
    heard: VecDeque<ToWorker>,
}

impl Worker {
    pub(crate) async fn connect(served: &Served, hello: Hello) -> Self {
        Self::on(served.worker().await, hello).await
    }

    pub(crate) async fn on(mut server: WorkerCaller<Channel>, hello: Hello) -> Self {
        let (out, messages) = mpsc::channel(16);
        let session = hello.session;
        out.send(message(FromWorker::Hello(hello))).await.unwrap();
        let reply = server.work(ReceiverStream::new(messages)).await.unwrap();
        Self {
            session,
            out,
            incoming: reply.into_inner(),
            heard: VecDeque::new(),
        }
    }

    pub(crate) async fn say(&self, item: FromWorker) {
        self.out.send(message(item)).await.unwrap();
    }

    /// The next thing the server says; none at the end of the stream.
    pub(crate) async fn hear(&mut self) -> Result<Option<ToWorker>, Status> {
        while self.heard.is_empty() {
            let Some(message) = self.incoming.message().await? else {
                return Ok(None);
            };
            self.heard
                .extend(Vec::<ToWorker>::try_from(message).unwrap());
        }
        Ok(self.heard.pop_front())
    }

    pub(crate) async fn dispatch(&mut self) -> Dispatch {
        loop {
            match self.hear().await.unwrap() {
                Some(ToWorker::Dispatch(dispatch)) => return dispatch,
                Some(_) => {}
                None => panic!("the stream ended"),
            }
        }
    }

    pub(crate) async fn turn(&self, of: &Dispatch, n: u32, ops: Vec<Op>, end: End) {
        let (id, version) = (of.record.promise.id.clone(), version(of));
        let turn = Turn {
            id,
            version,
            session: self.session,
            n,
            shown: Seq::ZERO,
            ops,
            end,
        };
        self.say(FromWorker::Turn(turn)).await;
    }
}

pub(crate) fn version(of: &Dispatch) -> TaskVersion {
    of.record.task.as_ref().unwrap().version
}

pub(crate) fn message(item: FromWorker) -> v1::FromWorker {
    FromWorker::batches(&[item]).remove(0)
}

pub(crate) fn hello(session: u128, functions: &[&str]) -> Hello {
    let functions = functions.iter().map(|text| Function {
        address: text.parse().unwrap(),
        parameters: Vec::new(),
        result: "u64".to_owned(),
        signature: 1,
        body_fingerprint: 1,
        served: true,
        location: "src/main.rs:1".to_owned(),
        defaults: Defaults::default(),
    });
    Hello {
        protocol: PROTOCOL,
        session: SessionId(session),
        name: "by-hand".to_owned(),
        version: "0.1.0".to_owned(),
        functions: functions.collect(),
        services: vec!["s".to_owned()],
        held: Vec::new(),
        capacity: 10,
        granted: 10,
        timeline: None,
    }
}

pub(crate) fn value(json: &str) -> Outcome {
    Outcome::Resolved(Payload::json(json.to_owned()))
}

pub(crate) fn id(text: &str) -> PromiseId {
    PromiseId::new(text).unwrap()
}
