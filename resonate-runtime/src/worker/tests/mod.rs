//! A worker against a server that does as the test says. Time is paused; executions are the test's too.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test knows what must come"
)]

mod credits;
mod drain;
mod lease;
mod pulse;
mod reconnect;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use resonate_core::{
    Address, Call, Create, End, NewPromise, Payload, PromiseId, Record, RetryPolicy, Seq,
    SessionId, Task, TaskState, TaskVersion, Timeline, Timestamp, Turn, TurnReply, TurnStatus,
};
use resonate_proto::stream::{
    Dispatch, FromWorker, Hello, PROTOCOL, ToWorker, TurnAnswer, Welcome,
};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    time::{Instant, timeout},
};

use super::{
    link::{Dispatched, ExecutionEvent, ExecutionHandle, Worker},
    run::{Orders, Start, State, WorkerHandle, start},
    serving::About,
    slots::Slot,
};
use crate::{
    client::{
        CallError,
        fake::{Fake, FarEnd, pending},
    },
    clock::Clock,
    function::{Definition, Options},
    limits,
    plumbing::Input,
    registry::Registry,
    settings::Settings,
};

/// The timeline that the server is in, unless a test says otherwise.
const TIMELINE: Timeline = Timeline(1);
const LEASE: Duration = Duration::from_secs(15);
const HEARTBEAT: Duration = Duration::from_secs(5);

static CHARGE: Definition = Definition {
    name: "charge",
    service: "payments",
    version: 1,
    parameters: &[],
    result: "()",
    body_fingerprint: 7,
    item: || "",
    options: Options::NONE,
    file: "src/pay.rs",
    line: 1,
    run: Some(never),
};

fn never(_: Input) -> crate::function::Running {
    Box::pin(std::future::pending())
}

/// A worker, and the far ends of the streams it opens.
struct Peer {
    worker: WorkerHandle,
    streams: mpsc::Receiver<FarEnd>,
    session: SessionId,
    clock: Arc<Clock>,
}

/// The far end of one stream.
struct Far {
    end: FarEnd,
    items: std::collections::VecDeque<FromWorker>,
}

/// An execution as the test plays it.
struct Begun {
    worker: Worker,
    handle: ExecutionHandle,
    events: mpsc::Receiver<ExecutionEvent>,
    dispatched: Dispatched,
    slot: Option<Slot>,
}

/// Executions that have begun, by the session of their worker.
static BEGUN: Mutex<BTreeMap<SessionId, Vec<Begun>>> = Mutex::new(BTreeMap::new());

fn begin(
    worker: Worker,
    _: &'static Definition,
    dispatched: Dispatched,
    slot: Slot,
) -> ExecutionHandle {
    let version = dispatched.record.task.as_ref().unwrap().version;
    let (handle, events) = handle(
        dispatched.record.promise.id.as_str(),
        version.0,
        limits::EXECUTION_EVENTS,
    );
    let session = worker.session();
    let begun = Begun {
        worker,
        handle: handle.clone(),
        events,
        dispatched,
        slot: Some(slot),
    };
    BEGUN
        .lock()
        .unwrap()
        .entry(session)
        .or_default()
        .push(begun);
    handle
}

fn handle(
    id: &str,
    version: u64,
    room: usize,
) -> (ExecutionHandle, mpsc::Receiver<ExecutionEvent>) {
    let (events, taken) = mpsc::channel(room);
    let handle = ExecutionHandle {
        id: promise_id(id),
        version: Arc::new(AtomicU64::new(version)),
        shown: Arc::default(),
        events,
        polling_since: Arc::default(),
    };
    (handle, taken)
}

impl Peer {
    fn start(capacity: usize) -> Self {
        Self::start_on(&Handle::current(), capacity)
    }

    /// One whose bodies run there.
    fn start_on(runtime: &Handle, capacity: usize) -> Self {
        let (fake, streams) = Fake::new();
        let registry = Registry::of([&CHARGE]).unwrap();
        let services = vec!["payments".to_owned()];
        let session = SessionId(fastrand::u128(..));
        let functions = About::functions(&registry, &services, None);
        let clock = Arc::<Clock>::default();
        let about = About {
            session,
            name: "test".to_owned(),
            services,
            functions,
            capacity,
            timeline: None,
        };
        let worker = start(
            Start {
                server: fake,
                reach: Arc::default(),
                clock: clock.clone(),
                settings: Arc::new(Settings::default()),
                about,
                registry,
                runtime: runtime.clone(),
                begin,
            },
            &Handle::current(),
        );
        Self {
            worker,
            streams,
            session,
            clock,
        }
    }

    /// The next stream that the worker opens, and what it says first.
    async fn hello(&mut self) -> (Far, Hello) {
        let end = timeout(Duration::from_secs(60), self.streams.recv())
            .await
            .expect("a stream")
            .unwrap();
        let mut far = Far {
            end,
            items: Default::default(),
        };
        match far.next().await {
            FromWorker::Hello(hello) => (far, hello),
            other => panic!("{other:?} before the hello"),
        }
    }

    /// The next stream, welcomed.
    async fn welcomed(&mut self) -> Far {
        let (mut far, _) = self.hello().await;
        far.welcome(&[]).await;
        far
    }

    /// The next execution that has begun.
    async fn begun(&self) -> Begun {
        for _ in 0..1_000 {
            if let Some(begun) = self.begun_now() {
                return begun;
            }
            tokio::task::yield_now().await;
        }
        panic!("nothing has begun");
    }

    fn begun_now(&self) -> Option<Begun> {
        let mut begun = BEGUN.lock().unwrap();
        let begun = begun.entry(self.session).or_default();
        (!begun.is_empty()).then(|| begun.remove(0))
    }
}

impl Far {
    async fn welcome(&mut self, let_go: &[&str]) {
        let let_go = let_go.iter().copied().map(promise_id).collect();
        let welcome = Welcome {
            protocol: PROTOCOL,
            server: "test".to_owned(),
            lease: LEASE,
            heartbeat: HEARTBEAT,
            payload_bytes_max: 1 << 20,
            let_go,
            now: Timestamp::from_millis(1_000),
            timeline: TIMELINE,
            capabilities: None,
        };
        self.say(ToWorker::Welcome(welcome)).await;
    }

    async fn say(&self, item: ToWorker) {
        self.end
            .to_worker
            .send(Ok(vec![item]))
            .await
            .expect("the worker reads");
    }

    /// The next item; a worker that says nothing for ten lease times is stuck.
    async fn next(&mut self) -> FromWorker {
        loop {
            if let Some(item) = self.items.pop_front() {
                return item;
            }
            let batch = timeout(LEASE * 10, self.end.from_worker.recv())
                .await
                .expect("the worker says something");
            self.items.extend(batch.expect("the stream is open"));
        }
    }

    /// The next item that is no heartbeat; heartbeats are answered. A worker that says nothing else for long is stuck.
    async fn next_beating(&mut self) -> FromWorker {
        for _ in 0..1_000 {
            match self.next().await {
                FromWorker::Heartbeat { n, .. } => self.say(ToWorker::HeartbeatAnswer { n }).await,
                item => return item,
            }
        }
        panic!("nothing but heartbeats");
    }

    /// True if nothing but heartbeats comes within a heartbeat and a half.
    async fn is_silent(&mut self) -> bool {
        timeout(HEARTBEAT * 3 / 2, self.next_beating())
            .await
            .is_err()
    }

    async fn dispatch(&self, id: &str, version: u64) {
        self.say(ToWorker::Dispatch(dispatch(id, version, false)))
            .await;
    }

    /// Reads the acknowledgement of a dispatch.
    async fn acknowledged(&mut self, id: &str, version: u64) {
        let acknowledge = FromWorker::Acknowledge {
            task: promise_id(id),
            version: TaskVersion(version),
        };
        assert_eq!(self.next_beating().await, acknowledge);
    }

    /// Dispatches a task and reads the acknowledgement.
    async fn run(&mut self, peer: &Peer, id: &str, version: u64) -> Begun {
        self.dispatch(id, version).await;
        self.acknowledged(id, version).await;
        peer.begun().await
    }

    /// Reads a turn.
    async fn turn(&mut self, id: &str, n: u32) {
        match self.next_beating().await {
            FromWorker::Turn(turn) => assert_eq!((turn.id, turn.n), (promise_id(id), n)),
            other => panic!("{other:?} in place of turn {n} of {id}"),
        }
    }

    /// Answers a turn.
    async fn answer(&self, id: &str, version: u64, n: u32, status: TurnStatus) {
        let answer = Ok(TurnReply {
            settled: vec![],
            status,
        });
        let (task, version) = (promise_id(id), TaskVersion(version));
        self.say(ToWorker::TurnAnswer(TurnAnswer {
            task,
            version,
            n,
            answer,
        }))
        .await;
    }

    /// The connection breaks.
    async fn breaks(self) {
        // The worker may be gone already.
        let gone = CallError::Unavailable("the connection broke".to_owned());
        drop(self.end.to_worker.send(Err(gone)).await);
    }
}

impl Begun {
    fn submit(&self, n: u32, end: End) {
        let (id, version) = (self.handle.id.clone(), self.handle.version());
        let session = self.worker.session();
        self.worker.submit(Turn {
            id,
            version,
            session,
            n,
            shown: self.handle.shown(),
            ops: vec![],
            end,
        });
    }

    async fn event(&mut self) -> ExecutionEvent {
        timeout(LEASE * 10, self.events.recv())
            .await
            .expect("an event")
            .expect("the worker holds the execution")
    }

    /// The next event is that everything of it is void.
    async fn is_dropped(&mut self) -> String {
        match self.event().await {
            ExecutionEvent::Dropped { why } => why,
            other => panic!("{other:?}"),
        }
    }

    fn has_no_event(&mut self) -> bool {
        self.events.try_recv().is_err()
    }
}

fn promise_id(id: &str) -> PromiseId {
    PromiseId::new(id).unwrap()
}

fn dispatch(id: &str, version: u64, warm: bool) -> Dispatch {
    Dispatch {
        record: record(id, version),
        warm,
        children: vec![],
        more: false,
        state: None,
    }
}

/// A call that this worker has claimed.
fn record(id: &str, version: u64) -> Record {
    let call = Call {
        address: Address::new("payments", "charge", 1),
        signature: 0,
        param: Payload::json("[]"),
        retry: Some(RetryPolicy::DEFAULT),
        priority: None,
        start_at: Timestamp::ZERO,
        access: None,
    };
    let promise = NewPromise {
        id: promise_id(id),
        call: Some(Arc::new(call)),
        timeout_at: Timestamp::NEVER,
        labels: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    let (session, since) = (SessionId(0), Timestamp::ZERO);
    let state = TaskState::Leased { session, since };
    let task = Task {
        state,
        ..Task::pending(TaskVersion(version), Timestamp::ZERO)
    };
    Record {
        task: Some(task),
        ..pending(Create {
            promise,
            any: false,
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_says_who_it_is_and_what_it_serves() {
    let mut peer = Peer::start(3);
    let (_far, hello) = peer.hello().await;
    assert_eq!(
        (hello.protocol, hello.session, hello.capacity, hello.granted),
        (PROTOCOL, peer.session, 3, 3)
    );
    assert_eq!(hello.services, ["payments"]);
    let function = &hello.functions[0];
    assert_eq!(function.address.to_string(), "payments/charge@1");
    assert_eq!(
        (
            function.served,
            function.body_fingerprint,
            &*function.location
        ),
        (true, 7, "src/pay.rs:1")
    );
    assert!(hello.held.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_worker_says_why_and_comes_back_no_more() {
    let mut peer = Peer::start(1);
    let (far, _) = peer.hello().await;
    let message = "parameter `cents` of payments/charge@1 is `u64` there and `i64` here".to_owned();
    far.say(ToWorker::Refused {
        kind: "signature".to_owned(),
        message: message.clone(),
    })
    .await;
    let refused = State::Refused {
        kind: "signature".to_owned(),
        message,
    };
    peer.worker
        .state
        .wait_for(|state| *state == refused)
        .await
        .unwrap();
    assert!(
        timeout(LEASE * 10, peer.streams.recv())
            .await
            .expect("the worker has ended")
            .is_none()
    );
}
