//! Workers by hand: a stream each and no process of their own, thousands of them in one test.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use resonate_core::{
    Address, Call, Create, End, NewPromise, Outcome, Payload, PromiseId, Seq, SessionId, Timeline,
    Timestamp, Turn,
};
use resonate_proto::{
    rpc::{ClientCaller, WorkerCaller},
    stream::{Defaults, Dispatch, FromWorker, Function, Held, Hello, PROTOCOL, ToWorker},
    v1,
};
use tokio::sync::mpsc;
use tonic::{Streaming, transport::Channel};

/// Creations under way at once.
const CREATING: usize = 128;
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// A worker's stream.
pub(crate) struct Light {
    pub(crate) session: SessionId,
    out: mpsc::Sender<v1::FromWorker>,
    incoming: Streaming<v1::ToWorker>,
    heard: VecDeque<ToWorker>,
    /// Of the store whose server has welcomed it.
    pub(crate) timeline: Option<Timeline>,
    _connection: Channel,
}

impl Light {
    /// Opens a connection of its own and says hello; tries again at once until there is a server.
    pub(crate) async fn connect(url: &str, hello: &Hello) -> Self {
        loop {
            if let Some(light) = Self::try_connect(url, hello).await {
                return light;
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn try_connect(url: &str, hello: &Hello) -> Option<Self> {
        let connection = channel(url).await?;
        let (out, messages) = mpsc::channel::<v1::FromWorker>(16);
        let next =
            |mut messages: mpsc::Receiver<_>| async { Some((messages.recv().await?, messages)) };
        let messages = stream::unfold(messages, next);
        out.send(message(FromWorker::Hello(hello.clone())))
            .await
            .ok()?;
        let mut caller = WorkerCaller::new(connection.clone());
        let incoming = caller.work(messages).await.ok()?.into_inner();
        Some(Self {
            session: hello.session,
            out,
            incoming,
            heard: VecDeque::new(),
            timeline: None,
            _connection: connection,
        })
    }

    /// Says something; false if nobody listens any more.
    pub(crate) async fn say(&self, item: FromWorker) -> bool {
        self.out.send(message(item)).await.is_ok()
    }

    /// The next thing the server says; none when the stream has ended, however.
    pub(crate) async fn hear(&mut self) -> Option<ToWorker> {
        while self.heard.is_empty() {
            let message = self.incoming.message().await.ok()??;
            let items = Vec::<ToWorker>::try_from(message).expect("the server is understood");
            self.heard.extend(items);
        }
        let next = self.heard.pop_front();
        if let Some(ToWorker::Welcome(welcome)) = &next {
            self.timeline = Some(welcome.timeline);
        }
        next
    }

    /// The next task that it is given.
    pub(crate) async fn dispatch(&mut self) -> Option<Dispatch> {
        loop {
            if let ToWorker::Dispatch(dispatch) = self.hear().await? {
                let Held { task, version, .. } = held(&dispatch);
                self.say(FromWorker::Acknowledge { task, version }).await;
                return Some(dispatch);
            }
        }
    }

    /// Says that the task is done; false if nobody listens any more.
    pub(crate) async fn fulfill(&mut self, held: Held) -> bool {
        let turn = Turn {
            id: held.task,
            version: held.version,
            session: self.session,
            n: 1,
            shown: Seq::ZERO,
            ops: Vec::new(),
            end: End::Fulfill(Outcome::Resolved(Payload::json("1".to_owned()))),
        };
        self.say(FromWorker::Turn(turn)).await
    }

    /// Whether the next turn that is answered was taken.
    pub(crate) async fn is_done(&mut self) -> bool {
        loop {
            match self.hear().await {
                Some(ToWorker::TurnAnswer(answer)) => return answer.answer.is_ok(),
                Some(_) => {}
                None => return false,
            }
        }
    }
}

/// What it holds after this was given to it.
pub(crate) fn held(dispatch: &Dispatch) -> Held {
    let task = dispatch
        .record
        .task
        .as_ref()
        .expect("a dispatch has a task");
    Held {
        task: dispatch.record.promise.id.clone(),
        version: task.version,
        shown: Seq::ZERO,
    }
}

/// Who serves `service/run`, and may be given so many tasks.
pub(crate) fn hello(session: usize, service: &str, granted: u64) -> Hello {
    let function = Function {
        address: address(service),
        parameters: Vec::new(),
        result: "u64".to_owned(),
        signature: 1,
        body_fingerprint: 1,
        served: true,
        location: "src/main.rs:1".to_owned(),
        defaults: Defaults::default(),
    };
    Hello {
        protocol: PROTOCOL,
        session: SessionId(session as u128 + 1),
        name: format!("light-{session}"),
        version: "0.1.0".to_owned(),
        functions: vec![function],
        services: vec![service.to_owned()],
        held: Vec::new(),
        capacity: u32::try_from(granted).unwrap_or(u32::MAX),
        granted,
        timeline: None,
    }
}

/// A connection to the server; none if there is none.
pub(crate) async fn channel(url: &str) -> Option<Channel> {
    let endpoint = Channel::from_shared(url.to_owned()).expect("a good URL");
    endpoint.tcp_nodelay(true).connect().await.ok()
}

/// Who calls.
pub(crate) async fn client(url: &str) -> ClientCaller<Channel> {
    ClientCaller::new(channel(url).await.expect("the server is there"))
}

/// Calls `service/run` so many times, with this argument.
pub(crate) async fn call(
    client: &ClientCaller<Channel>,
    service: &str,
    name: &str,
    count: usize,
    argument: &str,
) {
    let call = Arc::new(Call {
        address: address(service),
        signature: 1,
        param: Payload::json(format!("[{argument:?}]")),
        retry: None,
        priority: None,
        start_at: Timestamp::default(),
        access: None,
    });
    create(client, name, count, Some(&call), Timestamp::NEVER).await;
}

/// Creates so many promises that time out at this moment.
pub(crate) async fn timers(
    client: &ClientCaller<Channel>,
    name: &str,
    count: usize,
    due: Timestamp,
) {
    create(client, name, count, None, due).await;
}

async fn create(
    client: &ClientCaller<Channel>,
    name: &str,
    count: usize,
    call: Option<&Arc<Call>>,
    timeout_at: Timestamp,
) {
    let create = |nth| {
        let mut client = client.clone();
        let create = promise(&format!("{name}-{nth}"), call.cloned(), timeout_at);
        async move { client.create(v1::CreateRequest::from(&create)).await }
    };
    let mut created = stream::iter((0..count).map(create)).buffer_unordered(CREATING);
    while let Some(created) = created.next().await {
        created.expect("a promise is created");
    }
}

fn promise(id: &str, call: Option<Arc<Call>>, timeout_at: Timestamp) -> Create {
    let promise = NewPromise {
        id: PromiseId::new(id).expect("a good id"),
        call,
        timeout_at,
        labels: Default::default(),
        tags: Default::default(),
    };
    Create {
        promise,
        any: false,
    }
}

fn address(service: &str) -> Address {
    Address::new(service, "run", 1)
}

fn message(item: FromWorker) -> v1::FromWorker {
    FromWorker::batches(&[item]).remove(0)
}
