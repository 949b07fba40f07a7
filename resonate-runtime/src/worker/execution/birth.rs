//! How an execution begins: from a dispatch, or as a child that its caller starts in this process.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use resonate_core::{
    Call, Kind, NewChild, Origin, Payload, Promise, PromiseState, Record, Task, TaskState,
    TaskVersion, Timestamp,
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    super::{
        link::{Dispatched, ExecutionHandle, NOT_BEGUN, Worker},
        slots::Slot,
    },
    Claim, Execution, Standing,
    alarm::{self, Alarm},
    body::Body,
    family::Family,
    time::ServerTime,
};
use crate::{
    context::{Context, Subject},
    function::{Definition, Running},
    limits,
    plumbing::Input,
    replay::{Caller, Replay},
    testing::gate,
};

/// A call as its execution needs it.
pub(super) struct Born {
    pub(super) definition: &'static Definition,
    /// How its body runs; a definition that is served has one.
    pub(super) run: fn(Input) -> Running,
    pub(super) call: Arc<Call>,
    pub(super) record: Record,
    pub(super) history: Vec<Record>,
    /// Of the object whose method it is.
    pub(super) state: Option<Payload>,
    pub(super) standing: Standing,
    pub(super) version: TaskVersion,
    pub(super) slot: Option<Slot>,
    pub(super) time: ServerTime,
}

/// Begins to run a claimed task.
///
/// # Panics
/// If the record is no call, or the function has no body: the worker looks the function up by the call's address, among
/// those with a body.
pub(crate) fn start(
    worker: Worker,
    definition: &'static Definition,
    claimed: Dispatched,
    slot: Slot,
) -> ExecutionHandle {
    let Dispatched {
        record,
        children,
        state,
        arrived,
    } = claimed;
    let Kind::Call(call) = &record.promise.kind else {
        panic!("only calls are dispatched")
    };
    let since = record
        .task
        .as_ref()
        .and_then(leased_since)
        .unwrap_or(record.promise.created_at);
    let claim = record.task.as_ref().map_or(
        Claim {
            version: TaskVersion(0),
            n: 0,
        },
        |task| Claim {
            version: task.version,
            n: task.turn,
        },
    );
    let born = Born {
        definition,
        run: definition
            .run
            .expect("only functions with a body are served"),
        call: Arc::clone(call),
        standing: Standing::Leased(claim),
        version: claim.version,
        history: children,
        state,
        slot: Some(slot),
        time: ServerTime::told_at(since, arrived),
        record,
    };
    let (handle, execution) = conceive(worker, born);
    execution.begin();
    handle
}

fn leased_since(task: &Task) -> Option<Timestamp> {
    match task.state {
        TaskState::Leased { since, .. } => Some(since),
        TaskState::Pending { .. }
        | TaskState::Suspended { .. }
        | TaskState::Halted(_)
        | TaskState::Done => None,
    }
}

/// An execution that is about to [begin](Execution::begin): who must know it before has its handle.
pub(super) fn conceive(worker: Worker, born: Born) -> (ExecutionHandle, Execution) {
    let Born {
        definition,
        run,
        call,
        record,
        history,
        state,
        standing,
        version,
        slot,
        time,
    } = born;
    let (events, inbox) = mpsc::channel(limits::EXECUTION_EVENTS);
    let handle = ExecutionHandle {
        id: record.promise.id.clone(),
        version: Arc::new(AtomicU64::new(version.0)),
        shown: Arc::new(AtomicU64::new(0)),
        events,
        polling_since: Arc::new(AtomicU64::new(NOT_BEGUN)),
    };
    let replay = replay(&record.promise, &call, &history);
    handle.shown.store(replay.held().0, Ordering::Release);
    let alarm = Alarm::fired();
    let subject = subject(&record, &call, definition);
    let waker = alarm::waker(&alarm);
    let context = Context::new(
        subject,
        replay,
        Arc::clone(worker.settings()),
        waker,
        Arc::clone(&handle.version),
    );
    let input = Input::new(
        definition,
        call.param.clone(),
        worker.settings().codecs.clone(),
    )
    .on(state);
    let running = match &worker.settings().stage {
        Some(stage) => stage.play(definition, run, input),
        None => run(input),
    };
    let execution = Execution {
        body: Body::new(
            running,
            alarm,
            Arc::clone(&handle.polling_since),
            worker.started(),
        ),
        context: Arc::new(context),
        standing,
        end: None,
        slot,
        slot_wanted: None,
        events: inbox,
        family: Family::default(),
        time,
        rested_at: Instant::now(),
        is_busy: false,
        is_draining: false,
        has_warned: false,
        version: Arc::clone(&handle.version),
        shown: Arc::clone(&handle.shown),
        record: Arc::new(record),
        worker,
    };
    (handle, execution)
}

impl Execution {
    /// Begins to run, on a tokio task of its own. Tokio's budget would make a body pending that could do more.
    pub(super) fn begin(self) {
        let runtime = self.worker.runtime().clone();
        gate::spawn(&runtime, tokio::task::unconstrained(self.run()));
    }
}

pub(super) fn replay(promise: &Promise, call: &Call, history: &[Record]) -> Replay {
    let began_at = promise
        .origin
        .as_ref()
        .map_or(promise.created_at, |origin| origin.called_at);
    let mut replay = Replay::new(Caller {
        id: promise.id.clone(),
        function: Arc::clone(&call.address.function),
        generation: promise.generation,
        began_at,
    });
    replay.handle_claimed(history);
    replay
}

pub(super) fn subject(record: &Record, call: &Call, definition: &'static Definition) -> Subject {
    let over = record.task.as_ref().map_or(0, |task| task.attempts);
    Subject {
        id: record.promise.id.clone(),
        generation: record.promise.generation,
        address: call.address.clone(),
        definition,
        attempt: over.saturating_add(1),
        labels: record.promise.labels.clone(),
    }
}

/// The record that the server would make of this child, for one that begins before the server knows it.
pub(super) fn child_record(caller: &Promise, child: NewChild, time: ServerTime) -> Record {
    let NewChild {
        id,
        position,
        location,
        called_at,
        kind,
        timeout_at,
        shielded,
        compensation,
        labels,
    } = child;
    let depth = caller
        .origin
        .as_ref()
        .map_or(1, |origin| origin.depth.saturating_add(1));
    let parent = caller.id.clone();
    let promise = Promise {
        id,
        kind: kind.into(),
        state: PromiseState::Pending,
        created_at: time.now(),
        timeout_at: if shielded {
            timeout_at
        } else {
            timeout_at.min(caller.timeout_at)
        },
        origin: Some(Origin {
            parent,
            generation: caller.generation,
            position,
            location,
            called_at,
            depth,
        }),
        generation: 1,
        shielded,
        compensation,
        labels,
        tags: caller.tags.clone(),
        awaiters: Vec::new(),
    };
    Record {
        promise,
        task: None,
    }
}
