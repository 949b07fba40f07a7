//! The reference server with one execution on it, and a world that settles its children in an order of its own.

use resonate_core::{
    Address, Call, Claimed, Create, Effect, Encoding, End, Kind, Memory, NewPromise, Outcome,
    Payload, PromiseId, Record, ReleaseReason, Reply, Request, RetryPolicy, SessionId, TaskState,
    TaskVersion, Timestamp, Turn, TurnStatus,
};

use super::run::Run;
use crate::Result;

const SESSION: SessionId = SessionId(1);

/// The reference server with one execution, `order`.
#[derive(Clone)]
pub(super) struct World {
    pub(super) memory: Memory,
    now: Timestamp,
    /// Decides which pending child settles next.
    seed: u64,
    pub(super) end: Option<End>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut world = Self {
            memory: Memory::default(),
            now: Timestamp::from_millis(1),
            seed,
            end: None,
        };
        let call = Call {
            address: Address::new("shop", "checkout", 1),
            signature: 0,
            param: Payload::new(Encoding::JSON, "[]"),
            retry: Some(RetryPolicy::DEFAULT),
            priority: None,
            start_at: Timestamp::ZERO,
        };
        let promise = NewPromise {
            id: root(),
            call: Some(std::sync::Arc::new(call)),
            timeout_at: Timestamp::NEVER,
            labels: std::collections::BTreeMap::new(),
            tags: std::collections::BTreeMap::new(),
        };
        world
            .request(Request::Create(Create {
                promise,
                any: false,
            }))
            .unwrap();
        world
    }

    fn request(&mut self, request: Request) -> std::result::Result<Reply, resonate_core::Refusal> {
        let applied = self.memory.request(self.now, request);
        self.memory.check().unwrap();
        applied.answer
    }

    /// A worker claims the execution, from scratch.
    pub(super) fn claim<F: Future<Output = Result<u64>> + Send + 'static>(
        &mut self,
        body: F,
    ) -> Run {
        let task = self.memory.get(&root()).unwrap().task.clone().unwrap();
        if matches!(task.state, TaskState::Leased { .. }) {
            let why = ReleaseReason::GivenBack;
            self.request(Request::Release {
                id: root(),
                version: task.version,
                session: SESSION,
                why,
            })
            .unwrap();
        }
        let claimed = self
            .request(Request::Claim {
                id: root(),
                session: SESSION,
                tied: None,
                retry: None,
            })
            .unwrap();
        let Reply::Claimed(claimed) = claimed else {
            panic!("{claimed:?}")
        };
        let Claimed {
            record, children, ..
        } = *claimed;
        let children: Vec<Record> = children.iter().map(|child| Record::clone(child)).collect();
        let mut run = Run::new(&children, body);
        run.version = record
            .task
            .as_ref()
            .map_or(TaskVersion(0), |task| task.version);
        run
    }

    /// Lets the body run and writes its turns until nothing more can be done; true if it has ended.
    pub(super) fn settle(&mut self, run: &mut Run) -> bool {
        loop {
            run.drive();
            let turn = run.turn();
            if turn.ops.is_empty() && turn.end == End::GoOn {
                return false;
            }
            if self.write(run, turn) {
                return true;
            }
        }
    }

    /// Writes a turn; true if it was the last.
    fn write(&mut self, run: &mut Run, turn: Turn) -> bool {
        let end = turn.end.clone();
        let reply = self.request(Request::Turn(turn)).unwrap();
        let Reply::Turn(reply) = reply else {
            panic!("{reply:?}")
        };
        if end != End::GoOn {
            self.end = Some(end);
            return true;
        }
        assert_eq!(reply.status, TurnStatus::Leased);
        run.answered(reply.settled);
        false
    }

    /// Settles the pending child whose turn it is, and tells the body; false if there is none.
    pub(super) fn step(&mut self, run: &mut Run) -> bool {
        let seed = self.seed;
        let mut pending: Vec<(u64, PromiseId, Kind, Timestamp)> = self
            .memory
            .records()
            .filter(|record| {
                record.promise.is_pending() && record.promise.parent() == Some(&root())
            })
            .map(|record| &record.promise)
            .map(|promise| {
                (
                    draw(seed, promise.id.as_str()),
                    promise.id.clone(),
                    promise.kind.clone(),
                    promise.timeout_at,
                )
            })
            .collect();
        pending.sort_by(|one, two| (one.0, &one.1).cmp(&(two.0, &two.1)));
        let Some((drawn, id, kind, timeout_at)) = pending.into_iter().next() else {
            return false;
        };
        let request = match kind {
            Kind::Timer => {
                self.now = self.now.max(timeout_at);
                Request::Expire { id }
            }
            Kind::Call(_) | Kind::Step | Kind::External | Kind::Proxy(_) | Kind::Schedule(_) => {
                Request::Settle {
                    id,
                    outcome: Outcome::Resolved(Payload::json((drawn % 1_000).to_string())),
                    key: None,
                }
            }
        };
        self.now = self.now.after(std::time::Duration::from_millis(1));
        let applied = self.memory.request(self.now, request);
        self.memory.check().unwrap();
        applied.answer.unwrap();
        let settlements = applied
            .effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Push {
                    task, settlement, ..
                } if task == root() => Some(settlement),
                Effect::Push { .. } | Effect::Settled(_) | Effect::Drop { .. } => None,
            });
        run.settled(settlements.collect());
        true
    }

    /// Everything below the execution, as it ended.
    pub(super) fn children(&self) -> Vec<Record> {
        let children = self
            .memory
            .records()
            .filter(|record| record.promise.parent() == Some(&root()));
        children.cloned().collect()
    }
}

pub(super) fn root() -> PromiseId {
    PromiseId::new("order").unwrap()
}

/// A number that depends on nothing but these.
pub(super) fn draw(seed: u64, text: &str) -> u64 {
    twox_hash::XxHash3_64::oneshot_with_seed(seed, text.as_bytes())
}
