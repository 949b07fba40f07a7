//! A body on a bench: the sync half of what a worker does with an execution.

use std::{
    collections::BTreeMap,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{self, Poll, Wake, Waker},
};

use resonate_core::{
    Address, Call, End, Failure, FailureKind, Kind, Op, Origin, Outcome, Payload, Promise,
    PromiseId, PromiseState, Record, RetryPolicy, Seq, SessionId, Settled, Settlement, TaskVersion,
    Timestamp, Turn,
};

use super::CHECKOUT;
use crate::{
    Result,
    codec::panic_text,
    context::{Context, Forced, Subject, current, current::Scope},
    replay::{Caller, Driven, Ending, Finish, Position, Replay, Startable, drive, verdict},
    settings::Settings,
};

type Body = Pin<Box<dyn Future<Output = Result<u64>> + Send>>;

/// A body, its history, and what it asked for.
pub(super) struct Run {
    pub(super) context: Arc<Context>,
    body: Option<Body>,
    flag: Arc<Flag>,
    end: Option<End>,
    n: u32,
    pub(super) version: TaskVersion,
    /// The place of the log of what is recorded next.
    next_seq: u64,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Run {
    pub(super) fn new(
        history: &[Record],
        body: impl Future<Output = Result<u64>> + Send + 'static,
    ) -> Self {
        Self::of("order", 1, history, body)
    }

    pub(super) fn of(
        id: &str,
        generation: u32,
        history: &[Record],
        body: impl Future<Output = Result<u64>> + Send + 'static,
    ) -> Self {
        let id = PromiseId::new(id).unwrap();
        let mut replay = Replay::new(Caller {
            id: id.clone(),
            function: "checkout".into(),
            generation,
            began_at: Timestamp::ZERO,
        });
        replay.handle_claimed(history);
        let next_seq = replay.held().0 + 1;
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let subject = Subject {
            id,
            generation,
            address: Address::new("shop", "checkout", 1),
            definition: &CHECKOUT,
            attempt: 1,
            labels: BTreeMap::new(),
        };
        let version = Arc::new(AtomicU64::new(1));
        let settings = Arc::new(Settings::default());
        let context = Context::new(
            subject,
            replay,
            settings,
            Waker::from(Arc::clone(&flag)),
            version,
        );
        let body: Body = Box::pin(body);
        Self {
            context: Arc::new(context),
            body: Some(body),
            flag,
            end: None,
            n: 0,
            version: TaskVersion(1),
            next_seq,
        }
    }

    /// Lets the body run until it can do nothing more, and starts what it asked for: steps here, calls elsewhere.
    pub(super) fn drive(&mut self) {
        while self.body.is_some() {
            let context = Arc::clone(&self.context);
            match drive(|| self.poll(), || context.show_next()) {
                Driven::Ended(ending) => {
                    let end = self
                        .context
                        .with(|inner| verdict(ending, &inner.replay, self.context.id()));
                    self.finish(end);
                }
                Driven::Busy => panic!("the body keeps waking itself"),
                Driven::Resting => {
                    self.context.with(|inner| inner.replay.drop_unwanted());
                    let mut last = None;
                    while let Some(startable) =
                        self.context.with(|inner| inner.replay.next_start(last))
                    {
                        last = Some(startable.position());
                        match startable {
                            Startable::Step(position) => self.context.wake([position]),
                            Startable::Call { position, .. } => {
                                self.context
                                    .with(|inner| inner.replay.start_elsewhere(position));
                            }
                        }
                    }
                    if !self.flag.0.load(Ordering::Acquire) {
                        return;
                    }
                }
            }
        }
    }

    fn finish(&mut self, end: End) {
        let finish = Finish::of(&end);
        self.context.with(|inner| inner.replay.finish(finish));
        self.context.close();
        self.body = None;
        self.end = Some(end);
    }

    fn poll(&mut self) -> Driven<Ending> {
        for _ in 0..1_000 {
            if !self.flag.0.swap(false, Ordering::AcqRel) {
                return Driven::Resting;
            }
            let Some(body) = &mut self.body else {
                return Driven::Resting;
            };
            let polled = panic::catch_unwind(AssertUnwindSafe(|| {
                let _entered = current::enter(Scope {
                    context: Arc::clone(&self.context),
                    step: None,
                });
                body.as_mut()
                    .poll(&mut task::Context::from_waker(&Waker::from(Arc::clone(
                        &self.flag,
                    ))))
            }));
            if let Some(mismatch) = self.context.with(|inner| inner.replay.mismatch()) {
                return Driven::Ended(Ending::Diverged(mismatch));
            }
            let polled = match polled {
                Ok(polled) => polled,
                Err(panic) => {
                    return Driven::Ended(Ending::Panicked(panic_text(&*panic).to_owned()));
                }
            };
            match self.context.take_forced() {
                None => {}
                Some(Forced::Error(error)) => {
                    return Driven::Ended(Ending::Failed {
                        failure: error.to_failure(),
                        is_terminal: true,
                        again: None,
                    });
                }
                Some(Forced::ContinueAs(param)) => {
                    return Driven::Ended(Ending::ContinueAs(param));
                }
                Some(Forced::Halt(reason)) => return Driven::Ended(Ending::Impossible(reason)),
            }
            match polled {
                Poll::Pending => {}
                Poll::Ready(Ok(value)) => {
                    return Driven::Ended(Ending::Resolved(Payload::json(value.to_string())));
                }
                Poll::Ready(Err(error)) => {
                    return Driven::Ended(Ending::Failed {
                        failure: error.to_failure(),
                        is_terminal: error.is_terminal(),
                        again: None,
                    });
                }
            }
        }
        Driven::Busy
    }

    /// Everything there is to write. Pages are joined.
    pub(super) fn turn(&mut self) -> Turn {
        let (ops, shown) = self.context.with(|inner| {
            let mut ops = Vec::new();
            while inner.replay.has_ops() {
                ops.extend(inner.replay.take_turn(Timestamp::from_millis(1_000), 0).ops);
            }
            (ops, inner.replay.held())
        });
        self.n += u32::from(!ops.is_empty() || self.end.is_some());
        Turn {
            id: self.context.id().clone(),
            version: self.version,
            session: SessionId(1),
            n: self.n,
            shown,
            ops,
            end: self.end.clone().unwrap_or(End::GoOn),
        }
    }

    /// A server that answers a turn: what it recorded has settled, in order, at the times of its places in the log.
    pub(super) fn answer(&mut self, turn: &Turn) {
        let settlements = turn.ops.iter().filter_map(|op| match op {
            Op::Record(child, _) => {
                let seq = self.next_seq;
                self.next_seq += 1;
                let at = Timestamp::from_millis(i64::try_from(seq).unwrap() * 100);
                Some(Settlement {
                    id: child.id.clone(),
                    seq: Seq(seq),
                    at,
                    outcome: None,
                })
            }
            Op::Create(_)
            | Op::CreateClaimed(_)
            | Op::Cancel { .. }
            | Op::MoveTimer { .. }
            | Op::Label { .. }
            | Op::State { .. } => None,
        });
        let settlements: Vec<_> = settlements.collect();
        self.answered(settlements);
    }

    /// The turn is durable, and these settled.
    pub(super) fn answered(&mut self, settlements: Vec<Settlement>) {
        let started = self.context.with(|inner| inner.replay.handle_answered());
        self.settled(settlements);
        self.context.wake(started);
    }

    pub(super) fn settled(&mut self, settlements: Vec<Settlement>) {
        for settlement in settlements {
            self.next_seq = self.next_seq.max(settlement.seq.0 + 1);
            self.context
                .with(|inner| inner.replay.handle_settled(settlement))
                .unwrap();
        }
    }

    pub(super) fn waiters(&self) -> usize {
        if self.body.is_some() {
            self.context.with(|inner| inner.waiters())
        } else {
            0
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Every command so far, as `position id`.
    pub(super) fn commands(&self) -> Vec<String> {
        let command = |n: u32| {
            let position = Position(n);
            self.context.with(|inner| {
                inner
                    .replay
                    .command(position)
                    .map(|(id, _, _)| format!("{n} {id}"))
            })
        };
        (1..).map_while(command).collect()
    }
}

/// The children that a history in text names.
pub(super) fn records(history: &str) -> Vec<Record> {
    let mut names = BTreeMap::new();
    let lines = history
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    lines.map(|line| record(line, &mut names)).collect()
}

fn record(line: &str, names: &mut BTreeMap<String, u32>) -> Record {
    let (head, state) = match line.split_once(" -> ") {
        Some((head, settled)) => (head, Some(settled)),
        None => (line.strip_suffix(" pending").unwrap(), None),
    };
    let [position, kind, name] = head.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    let occurrence = names.entry(name.to_owned()).or_default();
    let parent = PromiseId::new("order").unwrap();
    let (id, labels) = match kind {
        "change" => (
            parent.child(1, &format!("changed~{name}"), 0),
            BTreeMap::from([("~changed".to_owned(), name.to_owned())]),
        ),
        _ => (parent.child(1, name, *occurrence), BTreeMap::new()),
    };
    *occurrence += 1;
    let kind = match kind {
        "call" => Kind::Call(Arc::new(recorded_call(name))),
        "step" | "change" => Kind::Step,
        "timer" => Kind::Timer,
        "promise" => Kind::External,
        kind => panic!("{kind}"),
    };
    let origin = Origin {
        parent,
        generation: 1,
        position: position.parse().unwrap(),
        location: format!("src/old.rs:{position}").into(),
        called_at: Timestamp::ZERO,
        depth: 1,
    };
    let state = state.map_or(PromiseState::Pending, |settled| {
        PromiseState::Settled(Box::new(outcome(settled)))
    });
    let promise = Promise {
        id,
        kind,
        state,
        created_at: Timestamp::ZERO,
        timeout_at: Timestamp::NEVER,
        origin: Some(origin),
        generation: 1,
        shielded: false,
        compensation: None,
        labels,
        tags: BTreeMap::new(),
        awaiters: Vec::new(),
    };
    Record {
        promise,
        task: None,
    }
}

fn recorded_call(name: &str) -> Call {
    Call {
        address: Address::new("shop", name, 1),
        signature: if name == "plain" {
            super::PLAIN.signature()
        } else {
            super::CHARGE.signature()
        },
        param: Payload::json("[1]"),
        retry: Some(RetryPolicy::DEFAULT),
        priority: None,
        start_at: Timestamp::ZERO,
        access: None,
    }
}

fn outcome(text: &str) -> Settled {
    let (text, seq) = text.rsplit_once(" @").unwrap();
    let seq: u64 = seq.parse().unwrap();
    let outcome = match text {
        "canceled" => Outcome::Canceled {
            reason: "by hand".to_owned(),
        },
        "timedout" => Outcome::TimedOut,
        text => match text.strip_prefix('!') {
            Some(text) => Outcome::Failed(Failure::new(FailureKind::Failed, text)),
            None => Outcome::Resolved(Payload::json(text.to_owned())),
        },
    };
    Settled {
        outcome,
        at: Timestamp::from_millis(i64::try_from(seq).unwrap() * 100),
        seq: Seq(seq),
        key: None,
        because_of: None,
    }
}

/// An outcome as histories write it.
pub(super) fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Resolved(payload) => String::from_utf8_lossy(&payload.data).into_owned(),
        Outcome::Rejected(payload) => {
            format!("rejected {}", String::from_utf8_lossy(&payload.data))
        }
        Outcome::Failed(failure) => format!("!{}", failure.message),
        Outcome::Canceled { .. } => "canceled".to_owned(),
        Outcome::TimedOut => "timedout".to_owned(),
    }
}
