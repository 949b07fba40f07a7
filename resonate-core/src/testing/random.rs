//! Requests drawn from a stream of bytes: for property tests, the simulator and the fuzzer.
//!
//! The draw looks at the state, so that most requests mean something: current and stale fencing tokens, repeated turns,
//! children that exist and do not, times that jump.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    Address, Call, ChildKind, Compensation, Create, End, Failure, FailureKind, HaltCause, Link,
    Memory, NewChild, NewPromise, NewSchedule, Op, Outcome, Overlap, Payload, Plan, PromiseId,
    Record, ReleaseReason, Request, RetryPolicy, ScheduleChange, Seq, SessionId, SettleKey,
    TaskState, TaskVersion, Timestamp, Turn,
};

/// Draws requests from bytes; without bytes everything is 0.
#[derive(Debug)]
pub struct Draw<'a> {
    bytes: std::slice::Iter<'a, u8>,
    now: Timestamp,
}

const ROOTS: usize = 60;
const CRONS: [&str; 3] = ["*/20 * * * * *", "7 * * * * *", "0 30 2 * * *"];
const NAMES: [&str; 4] = ["w", "x", "y", "z"];

impl<'a> Draw<'a> {
    /// A stream of choices.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes: bytes.iter(),
            now: Timestamp::ZERO,
        }
    }

    /// The next request and when it comes; none when the bytes are used up.
    pub fn request(&mut self, state: &Memory) -> Option<(Timestamp, Request)> {
        if self.bytes.as_slice().is_empty() {
            return None;
        }
        let step = [0, 0, 1, 1, 7, 50, 400, 90_000]
            .get(self.one_of(8))
            .copied()
            .unwrap_or(0);
        self.now = self.now.after(Duration::from_millis(step));
        Some((self.now, self.any(state)))
    }

    fn any(&mut self, state: &Memory) -> Request {
        match self.one_of(34) {
            0..=2 => Request::Create(self.create()),
            3 => Request::Get { id: self.id(state) },
            4..=6 => {
                let id = self.existing(state, |record| {
                    record.promise.is_pending() && record.promise.origin.is_some()
                });
                Request::Settle {
                    id,
                    outcome: self.outcome(),
                    key: self.key(),
                }
            }
            7 => Request::Settle {
                id: self.id(state),
                outcome: self.outcome(),
                key: self.key(),
            },
            8 => Request::Cancel {
                id: self.id(state),
                reason: "drawn".to_owned(),
                key: self.key(),
            },
            9..=15 => {
                let id = self.claimable(state);
                let tie = state
                    .get(&id)
                    .and_then(|record| record.task.as_ref()?.session());
                let tied = tie.map(|_| self.version(state, &id));
                Request::Claim {
                    session: self.holder(state, &id),
                    id,
                    tied,
                    retry: None,
                }
            }
            16..=27 => self.turn(state),
            28 => self.release(state),
            29 => self.halt_or_continue(state),
            30 => self.hold(state),
            31 | 32 => self.schedule(state),
            _ => Request::Expire { id: self.id(state) },
        }
    }

    /// A schedule that fires every few seconds, or what an operator does to it.
    fn schedule(&mut self, state: &Memory) -> Request {
        let name = format!("schedule-{}", self.one_of(3));
        let id = PromiseId::new(name).expect("the drawn names are good ids");
        let change = match self.one_of(8) {
            0..=2 => {
                let plan = Plan {
                    cron: CRONS
                        .get(self.one_of(3))
                        .copied()
                        .unwrap_or("* * * * *")
                        .to_owned(),
                    timezone: "Europe/Berlin".to_owned(),
                    overlap: [
                        Overlap::Skip,
                        Overlap::Queue,
                        Overlap::Allow,
                        Overlap::CancelRunning,
                    ]
                    .get(self.one_of(4))
                    .copied()
                    .unwrap_or_default(),
                    catch_up: Duration::from_secs(if self.flip() { 10 } else { 100 }),
                    call: self.call(),
                    timeout: self.flip().then(|| Duration::from_secs(1)),
                };
                return Request::Schedule(NewSchedule { id, plan });
            }
            3 => ScheduleChange::Pause {
                reason: "drawn".to_owned(),
            },
            4 => ScheduleChange::Resume,
            5 => ScheduleChange::Trigger { key: self.key() },
            6 => ScheduleChange::Backfill {
                from: Timestamp::from_millis(self.now.as_millis() - 90_000),
                to: self.now,
            },
            _ if self.one_of(3) == 0 => ScheduleChange::Delete,
            _ => return Request::Get { id: self.id(state) },
        };
        Request::ChangeSchedule { id, change }
    }

    fn release(&mut self, state: &Memory) -> Request {
        let id = self.leased(state);
        let (version, session) = (self.version(state, &id), self.holder(state, &id));
        let why = match (self.flip(), self.flip()) {
            (true, true) => ReleaseReason::Lost,
            (true, false) => ReleaseReason::Stalled,
            (false, _) => ReleaseReason::GivenBack,
        };
        Request::Release {
            id,
            version,
            session,
            why,
        }
    }

    fn halt_or_continue(&mut self, state: &Memory) -> Request {
        let is_halted = |record: &Record| {
            matches!(
                record.task.as_ref().map(|task| &task.state),
                Some(TaskState::Halted(_))
            )
        };
        if self.one_of(4) > 0 {
            return Request::Continue {
                id: self.existing(state, is_halted),
                key: self.key(),
            };
        }
        let reason = "drawn".to_owned();
        Request::Halt {
            id: self.task(state),
            cause: HaltCause::Operator,
            reason,
            key: self.key(),
        }
    }

    fn hold(&mut self, state: &Memory) -> Request {
        let id = self.leased(state);
        let (version, session) = (self.version(state, &id), self.holder(state, &id));
        if self.one_of(3) == 0 {
            return Request::Recall {
                id,
                version,
                session,
            };
        }
        Request::Hold {
            version,
            session,
            shown: self.shown(state, &id),
            id,
        }
    }

    fn turn(&mut self, state: &Memory) -> Request {
        let id = self.leased(state);
        let task = state.get(&id).and_then(|record| record.task.as_ref());
        let last = task.map_or(0, |task| task.turn);
        let n = if self.one_of(6) == 0 { last } else { last + 1 };
        let ops = (0..self.one_of(4)).map(|_| self.op(state, &id)).collect();
        Request::Turn(Turn {
            version: self.version(state, &id),
            session: self.holder(state, &id),
            n,
            shown: self.shown(state, &id),
            ops,
            end: self.end(),
            id,
        })
    }

    fn op(&mut self, state: &Memory, task: &PromiseId) -> Op {
        let generation = state
            .get(task)
            .map_or(1, |record| record.promise.generation);
        let id = task.child(generation, self.name(), u32::from(self.byte() % 3));
        let timeout_at = self.timeout();
        let shielded = self.one_of(8) == 0;
        let kind = match self.one_of(9) {
            0..=2 => ChildKind::Call(self.call()),
            3 => ChildKind::Step,
            4 => ChildKind::Timer,
            5 => ChildKind::External,
            6 => {
                let promise = Box::new(self.create().promise);
                ChildKind::Proxy(Link::Call {
                    promise,
                    detached: self.flip(),
                })
            }
            7 => ChildKind::Proxy(Link::Await { id: self.id(state) }),
            _ => {
                let outcome = self.outcome();
                ChildKind::Proxy(Link::Tell {
                    id: self.id(state),
                    outcome,
                })
            }
        };
        let is_call = matches!(kind, ChildKind::Call(_));
        let compensation = (is_call && self.one_of(4) == 0).then(|| Compensation {
            of: self.flip().then(|| task.child(generation, self.name(), 0)),
            is_due: false,
        });
        let child = NewChild {
            id: id.clone(),
            position: u32::from(self.byte()),
            location: "drawn".into(),
            called_at: Timestamp::ZERO,
            kind,
            timeout_at,
            shielded,
            compensation,
            labels: BTreeMap::new(),
        };
        match self.one_of(8) {
            0..=2 => Op::Create(child),
            3 => Op::CreateClaimed(child),
            4 => Op::Record(child, self.outcome()),
            5 => Op::Cancel { id },
            6 => Op::MoveTimer { id, timeout_at },
            _ => Op::Label {
                name: "drawn".to_owned(),
                value: self.name().to_owned(),
            },
        }
    }

    fn end(&mut self) -> End {
        let failure = Failure::new(FailureKind::Failed, "drawn");
        match self.one_of(24) {
            0..=4 => End::GoOn,
            5..=14 => End::Suspend {
                tied: self.one_of(3) == 0,
            },
            15 | 16 => End::Fulfill(self.outcome()),
            17 => End::Fail {
                failure,
                retryable: self.flip(),
                answer: None,
            },
            18..=20 => End::Fail {
                failure: Failure::new(FailureKind::Panicked, "drawn"),
                retryable: true,
                answer: None,
            },
            21 => End::ContinueAs(Payload::json("[2]")),
            22 => End::Release,
            _ => End::Halt {
                cause: HaltCause::NonDeterministic,
                reason: "drawn".to_owned(),
            },
        }
    }

    fn create(&mut self) -> Create {
        let id = PromiseId::new(format!("root-{}", self.one_of(ROOTS)))
            .expect("the drawn roots are good ids");
        let call = (self.one_of(4) > 0).then(|| self.call());
        let timeout_at = self.timeout();
        let (labels, tags) = (BTreeMap::new(), BTreeMap::new());
        let promise = NewPromise {
            id,
            call,
            timeout_at,
            labels,
            tags,
        };
        Create {
            promise,
            any: self.flip(),
        }
    }

    fn call(&mut self) -> Arc<Call> {
        let start_at = if self.one_of(6) == 0 {
            self.timeout()
        } else {
            Timestamp::ZERO
        };
        Arc::new(Call {
            address: Address::new("s", if self.flip() { "f" } else { "g" }, 1),
            signature: 0,
            param: Payload::json(if self.flip() { "[1]" } else { "[2]" }),
            retry: Some(RetryPolicy {
                max_attempts: Some(3),
                ..RetryPolicy::DEFAULT
            }),
            priority: None,
            start_at,
        })
    }

    fn outcome(&mut self) -> Outcome {
        match self.one_of(5) {
            0 | 1 => Outcome::Resolved(Payload::json("1")),
            2 => Outcome::Rejected(Payload::json("2")),
            3 => Outcome::Failed(Failure::new(FailureKind::Failed, "drawn")),
            _ => Outcome::Canceled {
                reason: "drawn".to_owned(),
            },
        }
    }

    /// None, or one of few, so that two requests have the same now and then.
    fn key(&mut self) -> Option<SettleKey> {
        match self.one_of(4) {
            0 => None,
            key => Some(SettleKey(u128::from(u8::try_from(key).unwrap_or(0)))),
        }
    }

    /// A promise that exists, most of the time.
    fn id(&mut self, state: &Memory) -> PromiseId {
        self.existing(state, |_| true)
    }

    /// A promise with a task that is not done, most of the time.
    fn task(&mut self, state: &Memory) -> PromiseId {
        self.existing(state, |record| {
            record.task.is_some() && record.promise.is_pending()
        })
    }

    fn leased(&mut self, state: &Memory) -> PromiseId {
        self.existing(state, |record| {
            record
                .task
                .as_ref()
                .is_some_and(|task| matches!(task.state, TaskState::Leased { .. }))
        })
    }

    /// A task that is ready or tied, most of the time.
    fn claimable(&mut self, state: &Memory) -> PromiseId {
        let now = self.now;
        self.existing(state, |record| {
            match record.task.as_ref().map(|task| &task.state) {
                Some(TaskState::Pending { ready_at }) => *ready_at <= now,
                Some(TaskState::Suspended { tied }) => tied.is_some(),
                _ => false,
            }
        })
    }

    fn existing(&mut self, state: &Memory, wanted: impl Fn(&Record) -> bool) -> PromiseId {
        let ids: Vec<_> = state
            .records()
            .filter(|r| wanted(r))
            .map(|record| &record.promise.id)
            .collect();
        let drawn = usize::from(self.byte());
        match drawn.checked_rem(ids.len()).and_then(|at| ids.get(at)) {
            Some(id) if drawn < 250 => (*id).clone(),
            _ => PromiseId::new("nobody").expect("a good id"),
        }
    }

    fn version(&mut self, state: &Memory, id: &PromiseId) -> TaskVersion {
        let current = state.get(id).and_then(|record| record.task.as_ref());
        let current = current.map_or(0, |task| task.version.0);
        TaskVersion(if self.one_of(8) == 0 {
            current.saturating_sub(1)
        } else {
            current
        })
    }

    /// The session that holds the task, most of the time.
    fn holder(&mut self, state: &Memory, id: &PromiseId) -> SessionId {
        let holder = state
            .get(id)
            .and_then(|record| record.task.as_ref()?.session());
        holder
            .filter(|_| self.one_of(8) > 0)
            .unwrap_or_else(|| self.session())
    }

    /// Everything below the task has been shown, most of the time.
    fn shown(&mut self, state: &Memory, id: &PromiseId) -> Seq {
        let below = state
            .records()
            .filter(|record| record.promise.parent() == Some(id));
        let latest = below
            .filter_map(|record| Some(record.promise.settled()?.seq))
            .max();
        latest.filter(|_| self.one_of(4) > 0).unwrap_or(Seq::ZERO)
    }

    fn session(&mut self) -> SessionId {
        SessionId(u128::from(b'A') + u128::from(self.byte() % 3))
    }

    fn timeout(&mut self) -> Timestamp {
        let ahead = [0, 1, 30, 300, 80_000]
            .get(self.one_of(5))
            .copied()
            .unwrap_or(0);
        let at = self.now.after(Duration::from_millis(ahead));
        if self.one_of(4) > 0 {
            Timestamp::NEVER
        } else {
            at
        }
    }

    fn name(&mut self) -> &'static str {
        NAMES.get(self.one_of(NAMES.len())).copied().unwrap_or("w")
    }

    fn flip(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn one_of(&mut self, choices: usize) -> usize {
        usize::from(self.byte()).checked_rem(choices).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }
}
