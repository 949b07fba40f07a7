//! The server as one process sees it over its line: the trait that the real client and the real worker talk to. Everything
//! goes through the bytes of the wire, both ways.

use std::sync::Arc;

use futures::future::BoxFuture;
use prost::Message;
use resonate_core::{Create, NewSchedule, PromiseId, Record, Reply, Request};
use resonate_proto::{
    client::{
        Cancel, ChangeSchedule, LogPosition, Page, PromiseReply, Search, ServedFunction, Settle,
        TreeSearch, Watch,
    },
    v1,
};
use resonate_runtime::testing::{Answer, CallError, Server as Api, WorkStream};
use resonate_server::engine::{AskError, Input};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Duration, sleep, timeout},
};

use crate::{
    network::{Line, Way},
    server::Server,
    sim::Sim,
    stream::Stream,
    times::Asked,
};

/// How long a client waits for a reply.
const REPLY: Duration = Duration::from_secs(30);

/// The server over a line. Clones are the same.
#[derive(Clone)]
pub(crate) struct Far {
    pub(crate) sim: Sim,
    pub(crate) server: Server,
    pub(crate) line: Line,
}

pub(crate) fn gone(why: &str) -> CallError {
    CallError::Unavailable(why.to_owned())
}

/// The same message, read from its bytes.
pub(crate) fn through_bytes<W: Message + Default>(message: &W) -> W {
    W::decode(&*message.encode_to_vec()).expect("what was written can be read")
}

impl Far {
    /// Asks, as often as the network wants; gets one answer, or none.
    fn ask(&self, request: Request) -> BoxFuture<'static, Answer<PromiseReply>> {
        let far = self.clone();
        Box::pin(async move {
            if far.line.doubles() {
                far.sim.count("fault: a request came twice");
                let (again, request) = (far.clone(), request.clone());
                tokio::spawn(async move {
                    sleep(again.line.dice().millis(0, 20_000)).await;
                    // Nobody waits for this answer.
                    let _unheard = again.ask_once(request).await;
                });
            }
            if far.line.loses() {
                far.sim.count("fault: a request was lost");
                sleep(far.line.notice()).await;
                return Err(gone("the request was lost"));
            }
            let loses_reply = far.line.loses();
            let answer = timeout(REPLY, far.ask_once(request)).await;
            if loses_reply {
                far.sim.count("fault: a reply was lost");
                sleep(far.line.notice()).await;
                return Err(gone("the reply was lost"));
            }
            answer.unwrap_or_else(|_| Err(gone("no reply in time")))
        })
    }

    async fn ask_once(&self, request: Request) -> Answer<PromiseReply> {
        self.line.travel(Way::ToServer).await;
        let asked = self.sim.model().asked(request.target());
        let (answer, answered) = oneshot::channel();
        let taken = self.server.incarnation().is_some_and(|incarnation| {
            self.server
                .take(incarnation, Input::Ask { request, answer })
        });
        if !taken {
            return Err(gone("the server is down"));
        }
        let told = answered.await.map_err(|_| gone("the server went down"))?;
        let (at, answer) = (told.at, told.answer);
        let record = match &answer {
            Ok(Reply::Promise { record, .. }) => Ok(record),
            Ok(_) => Err(None),
            Err(error) => Err(Some(error)),
        };
        self.sim.answers(&asked, at, record);
        self.line.travel(Way::FromServer).await;
        match answer {
            Ok(Reply::Promise { record, new }) => Ok(over(record, new, at)),
            Ok(other) => {
                self.sim
                    .violation(format!("a client is answered {other:?}"));
                Err(gone("a strange answer"))
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn pass_on(self, ids: Vec<PromiseId>, to: mpsc::Sender<Answer<PromiseReply>>) {
        let watching = async {
            self.line.travel(Way::ToServer).await;
            let mut asked: Vec<Asked> = {
                let model = self.sim.model();
                ids.iter().map(|id| model.asked(id)).collect()
            };
            let (out, mut watched) = mpsc::channel(ids.len().max(1));
            let mut left = ids.len();
            let taken = self.server.incarnation().is_some_and(|incarnation| {
                self.server.take(incarnation, Input::Watch { ids, out })
            });
            if !taken {
                return Some(gone("the server is down"));
            }
            while left > 0 {
                let Some(told) = watched.recv().await else {
                    return Some(gone("the server went down"));
                };
                left -= 1;
                let is_of = |asked: &Asked| told.answer.as_ref().is_ok_and(|of| asked.is_of(of));
                if let Some(asked_at) = asked.iter().position(is_of) {
                    let asked = asked.swap_remove(asked_at);
                    self.sim
                        .answers(&asked, told.at, told.answer.as_ref().map_err(Some));
                }
                self.line.travel(Way::FromServer).await;
                let item = told.answer.map(|record| over(record, false, told.at));
                let item = item.map_err(failed);
                if to.send(item).await.is_err() {
                    return None;
                }
            }
            None
        };
        let ended = tokio::select! {
            biased;
            () = self.line.broken() => Some(gone("the connection broke")),
            () = to.closed() => None,
            ended = watching => ended,
        };
        if let Some(error) = ended {
            sleep(self.line.notice()).await;
            // Whoever has left need not know.
            let _left = to.send(Err(error)).await;
        }
    }
}

fn over(record: Arc<Record>, new: bool, at: Option<LogPosition>) -> PromiseReply {
    let reply = PromiseReply { record, new, at };
    let wire = through_bytes(&v1::PromiseReply::from(&reply));
    PromiseReply::try_from(wire).expect("what was written can be read")
}

fn failed(error: AskError) -> CallError {
    if let AskError::Refused(refusal) = error {
        return CallError::Refused(refusal);
    }
    CallError::Unavailable(error.to_string())
}

impl Api for Far {
    fn url(&self) -> &str {
        "http://simulated"
    }

    fn create(&self, create: Create) -> BoxFuture<'static, Answer<PromiseReply>> {
        let wire = through_bytes(&v1::CreateRequest::from(&create));
        self.ask(Request::Create(wire.try_into().expect("it can be read")))
    }

    fn find(&self, id: PromiseId) -> BoxFuture<'static, Answer<PromiseReply>> {
        self.ask(Request::Get { id })
    }

    fn url_of(&self, _: PromiseId) -> BoxFuture<'static, Answer<String>> {
        let why = "no program of the simulator asks for a URL".to_owned();
        Box::pin(async { Err(CallError::Forbidden(why)) })
    }

    fn settle(&self, settle: Settle) -> BoxFuture<'static, Answer<PromiseReply>> {
        let wire = through_bytes(&v1::SettleRequest::from(&settle));
        let Settle { id, outcome, key } = wire.try_into().expect("it can be read");
        self.ask(Request::Settle { id, outcome, key })
    }

    fn schedule(&self, new: NewSchedule) -> BoxFuture<'static, Answer<PromiseReply>> {
        let wire = through_bytes(&v1::ScheduleRequest::from(&new));
        self.ask(Request::Schedule(wire.try_into().expect("it can be read")))
    }

    fn change_schedule(&self, change: ChangeSchedule) -> BoxFuture<'static, Answer<PromiseReply>> {
        let ChangeSchedule { id, change } = change;
        self.ask(Request::ChangeSchedule { id, change })
    }

    fn cancel(&self, cancel: Cancel) -> BoxFuture<'static, Answer<PromiseReply>> {
        let Cancel { id, reason, key } = cancel;
        self.ask(Request::Cancel { id, reason, key })
    }

    fn search(&self, _: Search) -> BoxFuture<'static, Answer<Page>> {
        Box::pin(async { Err(gone("there are no lists here")) })
    }

    fn tree(&self, _: TreeSearch) -> BoxFuture<'static, Answer<Page>> {
        Box::pin(async { Err(gone("there are no lists here")) })
    }

    fn functions(&self) -> BoxFuture<'static, Answer<Vec<ServedFunction>>> {
        Box::pin(async { Err(gone("there are no lists here")) })
    }

    fn watch(&self, watch: Watch) -> mpsc::Receiver<Answer<PromiseReply>> {
        let (to, receiver) = mpsc::channel(16);
        tokio::spawn(self.clone().pass_on(watch.ids, to));
        receiver
    }

    fn work(&self) -> WorkStream {
        Stream::open(self.clone())
    }
}
