//! The engine, round by round, on stores in memory and virtual time: no thread, no clock, no network.

mod awaiters;
mod commit;
mod dispatch;
mod faults;
mod leases;
mod memory;
mod messages;
mod random;
mod restart;
mod room;
mod timers;
mod trim;

use std::{
    collections::{BTreeMap, VecDeque},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use resonate_core::{
    Address, Call, ChildKind, Create, End, HaltCause, Kind, Message, NewChild, NewPromise, Op,
    Outcome, Payload, PromiseId, Record, Refusal, Reply, Request, RetryPolicy, Seq, SessionId,
    TaskVersion, Timeline, Timestamp, Tree, Turn, check, limits,
};
use resonate_proto::store::Stored;
use resonate_proto::stream::{
    Defaults, Dispatch, FromWorker, Function, Held, Hello, PROTOCOL, Parameter, ToWorker,
    TurnAnswer,
};
use tokio::sync::oneshot;

use super::{
    Answer, AskError, Engine, EngineError, IdleTrees, Input, Next, Release, Settings, Told, disk,
};
use crate::{
    clock::Moment,
    dispatch::stream::{Outgoing, StreamId, outbound},
    store::{Fault, Faulty, MemoryDisk, Reader, Store, Verb},
};

const LEASE: Duration = Duration::from_secs(15);
/// Nothing idle stays in memory: whatever is asked of a tree has to load it.
const SETTINGS: Settings = Settings {
    longest_wait: crate::limits::LONGEST_WAIT,
    lease: LEASE,
    idle: IdleTrees::NONE,
};

/// A server without a network: an engine, its disk, and what time it is.
struct World {
    settings: Settings,
    disk: MemoryDisk,
    engine: Engine,
    now: Moment,
    inputs: VecDeque<Input>,
    streams: u64,
}

impl World {
    fn new() -> Self {
        Self::on(MemoryDisk::default(), |disk| Box::new(disk.open()))
    }

    fn on(disk: MemoryDisk, open: impl FnOnce(&MemoryDisk) -> Box<dyn Store>) -> Self {
        let now = Moment {
            wall: Timestamp::from_millis(1_000_000),
            steady: Timestamp::ZERO,
        };
        let engine = Engine::start(open(&disk), SETTINGS, now).unwrap();
        Self {
            settings: SETTINGS,
            disk,
            engine,
            now,
            inputs: VecDeque::new(),
            streams: 0,
        }
    }

    /// A world that keeps idle trees in memory, as a real server does.
    fn roomy() -> Self {
        let mut world = Self::new();
        world.settings = Settings::with_lease(LEASE);
        world.restart();
        world
    }

    /// A world whose store does what a script wants.
    fn faulty(script: impl FnMut(Verb) -> Option<Fault> + Send + 'static) -> Self {
        Self::on(MemoryDisk::default(), |disk| {
            Box::new(Faulty::new(Box::new(disk.open()), script))
        })
    }

    /// The process dies and starts again on the same disk.
    fn restart(&mut self) {
        self.inputs.clear();
        let store = Box::new(self.disk.open());
        self.engine = Engine::start(store, self.settings, self.now).unwrap();
    }

    /// One round, with everything that follows it.
    fn step(&mut self) -> Result<(), EngineError> {
        let releases = self.engine.round(self.now, &mut self.inputs)?;
        for release in releases {
            if let Err(stream) = release.carry_out() {
                self.engine.disconnect(stream);
            }
        }
        self.engine.upkeep()
    }

    /// Rounds until there is nothing to do at this moment.
    fn run(&mut self) {
        for _ in 0..10_000 {
            self.step().unwrap();
            let is_idle = match self.engine.next() {
                Next::Now => false,
                Next::After(wait) => !wait.is_zero(),
            };
            if is_idle && self.inputs.is_empty() {
                return;
            }
        }
        panic!("the engine does not come to rest");
    }

    /// Time passes, and the engine looks as often as it does in a real process.
    fn pass(&mut self, time: Duration) {
        let mut rest = time;
        while !rest.is_zero() {
            let step = rest.min(Duration::from_secs(1));
            rest -= step;
            self.now = self.now.after(step);
            self.run();
        }
    }

    fn ask_later(&mut self, request: Request) -> oneshot::Receiver<Told<Reply>> {
        let (answer, answered) = oneshot::channel();
        self.inputs.push_back(Input::Ask { request, answer });
        answered
    }

    fn try_ask(&mut self, request: Request) -> Answer {
        let mut answered = self.ask_later(request);
        self.run();
        let told = answered.try_recv().expect("an answer after the round");
        told.answer
    }

    fn ask(&mut self, request: Request) -> Arc<Record> {
        match self.try_ask(request) {
            Ok(Reply::Promise { record, .. }) => record,
            other => panic!("no promise: {other:?}"),
        }
    }

    fn get(&mut self, id: &str) -> Arc<Record> {
        self.ask(Request::Get { id: self::id(id) })
    }

    fn state(&mut self, id: &str) -> String {
        let record = self.get(id);
        let task = record
            .task
            .as_ref()
            .map(|task| format!(" {} v{}", task.state_name(), task.version));
        format!(
            "{}{}",
            record.promise.state_name(),
            task.unwrap_or_default()
        )
    }

    /// The record as it is on the disk: nothing is asked, and nothing loaded.
    fn stored(&self, id_: &str) -> Record {
        let (id, mut store) = (id(id_), self.disk.image().open());
        let tree = disk::load_tree(&mut store, id.part(), id.root()).unwrap();
        let records = tree.unwrap().rows.into_iter().filter_map(|(_, row)| {
            if let disk::StoredRow::Record(record) = row {
                Some(*record)
            } else {
                None
            }
        });
        let mut records = records.filter(|record| record.promise.id == id);
        records.next().unwrap()
    }

    fn worker(&mut self, session: u128, functions: &[&str], granted: u64) -> Worker {
        self.connect(hello(session, functions, granted))
    }

    fn connect(&mut self, hello: Hello) -> Worker {
        let (out, outgoing) = outbound();
        self.streams += 1;
        let worker = Worker {
            session: hello.session,
            stream: StreamId(self.streams),
            outgoing,
        };
        let stream = worker.stream;
        self.inputs.push_back(Input::Open {
            stream,
            hello,
            peer: "here".to_owned(),
            out,
        });
        self.run();
        worker
    }

    fn say(&mut self, worker: &Worker, items: impl Into<VecDeque<FromWorker>>) {
        self.inputs.push_back(Input::Items {
            stream: worker.stream,
            items: items.into(),
        });
        self.run();
    }

    fn beat(&mut self, worker: &Worker) {
        self.say(
            worker,
            [FromWorker::Heartbeat {
                n: 1,
                stalled: Vec::new(),
            }],
        );
    }

    /// Everything that must always hold, of what is on the disk.
    #[track_caller]
    fn check(&self) {
        let mut store = self.disk.image().open();
        let (mut trees, mut messages) = (BTreeMap::<String, Tree>::new(), Vec::new());
        let page = store
            .rows(
                None,
                crate::store::Limit {
                    rows: usize::MAX,
                    bytes: usize::MAX,
                },
            )
            .unwrap();
        for found in page.rows {
            let tree = trees.entry(found.root.clone()).or_default();
            match disk::read_row(found.part, &found.root, &found.row).unwrap() {
                Stored::Record(record) => tree.put(Arc::from(record)),
                Stored::Awaiters(page) => tree.put_page(Arc::new(page)),
            }
        }
        let mut outbox = super::messages::Messages::load(&mut store).unwrap();
        while let Some(waiting) = outbox.take() {
            messages.push(waiting.message);
        }
        let messages: Vec<Message> = messages;
        check(trees.values(), &messages).unwrap();
    }
}

/// A worker process, as its stream shows it.
struct Worker {
    session: SessionId,
    stream: StreamId,
    outgoing: Outgoing,
}

impl Worker {
    /// Everything that was sent since the last time.
    fn heard(&mut self) -> Vec<ToWorker> {
        let mut heard = Vec::new();
        loop {
            let next = pin!(self.outgoing.next());
            match next.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(items)) => heard.extend(items),
                Poll::Ready(None) | Poll::Pending => return heard,
            }
        }
    }

    fn is_closed(&mut self) -> bool {
        self.heard();
        let next = pin!(self.outgoing.next());
        next.poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(None)
    }

    fn dispatches(&mut self) -> Vec<Dispatch> {
        let heard = self.heard().into_iter();
        heard
            .filter_map(|item| {
                if let ToWorker::Dispatch(dispatch) = item {
                    Some(dispatch)
                } else {
                    None
                }
            })
            .collect()
    }

    /// The ids and fencing tokens of what was dispatched.
    fn tasks(&mut self) -> Vec<String> {
        self.dispatches()
            .iter()
            .map(|dispatch| named(&dispatch.record))
            .collect()
    }

    fn turn(&self, task: &str, version: u64, n: u32, ops: Vec<Op>, end: End) -> FromWorker {
        let (id, version, session) = (id(task), TaskVersion(version), self.session);
        FromWorker::Turn(Turn {
            id,
            version,
            session,
            n,
            shown: Seq::ZERO,
            ops,
            end,
        })
    }

    fn fulfill(&self, task: &str, version: u64) -> FromWorker {
        self.turn(task, version, 1, Vec::new(), End::Fulfill(one()))
    }
}

fn named(record: &Record) -> String {
    let version = record
        .task
        .as_ref()
        .map(|task| task.version)
        .unwrap_or_default();
    format!("{} v{version}", record.promise.id)
}

fn id(text: &str) -> PromiseId {
    PromiseId::new(text).unwrap()
}

fn one() -> Outcome {
    Outcome::Resolved(Payload::json("1"))
}

fn address(function: &str) -> Address {
    format!("s/{function}").parse().unwrap()
}

fn call(function: &str) -> Arc<Call> {
    Arc::new(Call {
        address: address(function),
        signature: 0,
        param: Payload::json("[]"),
        retry: Some(RetryPolicy::DEFAULT),
        priority: None,
        start_at: Timestamp::ZERO,
        access: None,
    })
}

fn new_promise(id_: &str, call: Option<Arc<Call>>, timeout_at: Timestamp) -> NewPromise {
    NewPromise {
        id: id(id_),
        call,
        timeout_at,
        labels: BTreeMap::new(),
        tags: BTreeMap::new(),
    }
}

/// A call of `s/f`.
fn create(id_: &str) -> Request {
    Request::Create(Create {
        promise: new_promise(id_, Some(call("f")), Timestamp::NEVER),
        any: false,
    })
}

/// A promise that times out at this moment.
fn create_until(id_: &str, at: Timestamp) -> Request {
    Request::Create(Create {
        promise: new_promise(id_, None, at),
        any: false,
    })
}

fn child(id_: &str, position: u32, kind: ChildKind, timeout_at: Timestamp) -> NewChild {
    NewChild {
        id: id(id_),
        position,
        location: "src/lib.rs:1".into(),
        called_at: Timestamp::ZERO,
        kind,
        timeout_at,
        shielded: false,
        compensation: None,
        labels: BTreeMap::new(),
    }
}

fn function(name: &str, served: bool) -> Function {
    Function {
        address: address(name),
        parameters: vec![Parameter {
            name: "x".to_owned(),
            ty: "u64".to_owned(),
        }],
        result: "u64".to_owned(),
        signature: 0,
        body_fingerprint: 0,
        served,
        location: "src/lib.rs:1".to_owned(),
        defaults: Defaults::default(),
    }
}

/// Of every disk in memory.
const TIMELINE: Timeline = Timeline(1);

fn hello(session: u128, functions: &[&str], granted: u64) -> Hello {
    Hello {
        protocol: PROTOCOL,
        session: SessionId(session),
        name: format!("worker-{session}"),
        version: "0.1.0".to_owned(),
        functions: functions.iter().map(|name| function(name, true)).collect(),
        services: vec!["s".to_owned()],
        held: Vec::new(),
        capacity: 10,
        granted,
        timeline: Some(TIMELINE),
    }
}

fn held(task: &str, version: u64) -> Held {
    Held {
        task: id(task),
        version: TaskVersion(version),
        shown: Seq::ZERO,
    }
}
