//! The engine: the single writer of all partitions. It knows no rule and no disk format.
//!
//! One *round* takes everything that waits, applies it in order in memory, hands ready tasks to workers with free places,
//! makes one durable commit of all of it and only then lets anything leave. Calling order, by whoever drives it:
//! [`Engine::round`], then every [`Release`] carried out, then [`Engine::upkeep`], then wait as [`Engine::next`] says.
//!
//! Read in this order: [`input`], [`release`], `round` (one request), `phases` (what the engine does by itself), `workers`
//! (what a stream says), `commit`, `upkeep`; then `batch` (what is written), `memory` (trees), `messages` (between trees),
//! `disk` (records and rows); last [`thread`], the loop.

mod batch;
mod commit;
pub(crate) mod disk;
mod error;
pub mod input;
mod keys;
mod look;
mod memory;
mod messages;
mod phases;
pub mod release;
mod room;
mod round;
pub mod thread;
mod upkeep;
mod woken;
mod workers;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use resonate_core::{
    Capabilities, PromiseId, ReleaseReason, Reply, Request, SessionId, TaskVersion, Timestamp,
    flow::Flow,
    limits as bounds,
    mutants::{Mutant, planted},
    tenant::Weights,
};
use tokio::sync::mpsc;

use self::{batch::Parts, memory::Memory, messages::Messages, round::Round, woken::Woken};
pub use self::{
    error::{EngineError, StartError},
    input::{Answer, AskError, Figures, Input, Next, Settings, Told, View, Watched},
    memory::idle::IdleTrees,
    release::Release,
};
use crate::{
    clock::Moment,
    dispatch::{
        acknowledge::Unacknowledged,
        announced::Announced,
        fleet::Fleet,
        leases::Leases,
        ready::Ready,
        stream::{Outbound, StreamId},
    },
    limits,
    store::{Store, Trim},
    timers::Window,
};

/// The single writer of all partitions of a store.
#[derive(Debug)]
pub struct Engine {
    store: Box<dyn Store>,
    settings: Settings,
    figures: Figures,
    /// What the URLs of promises are made with; none as long as nobody can ask for one.
    capabilities: Option<Capabilities>,
    /// The times of the last round, which never go back.
    last: Moment,
    /// What the clocks said.
    seen: Moment,
    /// The clock of leases: it stands still while the engine does not look.
    steady: Timestamp,
    /// After a commit that found no room, the engine writes nothing of its own until then.
    paused_until: Timestamp,
    swept_at: Timestamp,

    // Durable; what is here is ahead of the disk only within a round.
    parts: Parts,
    next_root: u64,
    memory: Memory,
    messages: Messages,

    // Derived from the records, or from what is connected.
    window: Window,
    weights: Weights,
    ready: Ready,
    leases: Leases,
    fleet: Fleet,
    announced: Announced,
    flow: Flow,
    woken: Woken,
    unacknowledged: Unacknowledged,
    streams: BTreeMap<StreamId, OpenStream>,
    watchers: BTreeMap<PromiseId, Vec<mpsc::Sender<Watched>>>,
    /// Leases to be taken back, a bounded number per round.
    chores: VecDeque<Chore>,
    /// The last round did not get to the end of the line.
    has_more_pairs: bool,
    /// Rows that nobody needs any more: to be trimmed. They are forgotten again after a crash.
    forgotten: Vec<Trim>,
    /// Trees that were loaded between rounds.
    loaded: Vec<Arc<str>>,
}

/// A lease that is to be taken back.
#[derive(Debug)]
struct Chore {
    task: PromiseId,
    version: TaskVersion,
    session: SessionId,
    why: ReleaseReason,
}

/// A worker's stream.
#[derive(Debug)]
struct OpenStream {
    session: SessionId,
    out: Outbound,
}

impl Engine {
    /// Takes a store over and reads what is under way between trees; everything else is loaded when it is due or asked for.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn start(
        mut store: Box<dyn Store>,
        settings: Settings,
        now: Moment,
    ) -> Result<Self, StartError> {
        let parts = Parts::new(store.take(&[])?).ok_or(StartError::Heads)?;
        let newest = parts
            .heads()
            .iter()
            .map(|head| head.newest)
            .max()
            .unwrap_or_default();
        let next_root = parts
            .heads()
            .iter()
            .map(|head| head.next_root_no)
            .max()
            .unwrap_or_default();
        let messages = Messages::load(&mut *store)?;
        let wall = now.wall.max(Timestamp::from_millis(newest));
        Ok(Self {
            store,
            settings,
            figures: Figures::default(),
            capabilities: None,
            last: Moment { wall, ..now },
            seen: now,
            steady: now.steady,
            paused_until: Timestamp::ZERO,
            swept_at: now.steady,
            parts,
            next_root,
            memory: Memory::new(settings.idle),
            messages,
            window: Window::new(settings.longest_wait),
            weights: Weights::default(),
            ready: Ready::default(),
            leases: Leases::default(),
            fleet: Fleet::default(),
            announced: Announced::default(),
            flow: Flow::default(),
            woken: Woken::default(),
            unacknowledged: Unacknowledged::default(),
            streams: BTreeMap::new(),
            watchers: BTreeMap::new(),
            chores: VecDeque::new(),
            has_more_pairs: false,
            forgotten: Vec::new(),
            loaded: Vec::new(),
        })
    }

    /// From now on workers are told how the URLs of promises are made: with the store's key, below this URL.
    pub fn serve_urls(&mut self, public_url: Arc<str>) -> Capabilities {
        let key = self.store.capability_key();
        let capabilities = Capabilities { key, public_url };
        self.capabilities.insert(capabilities).clone()
    }

    /// Tenants weigh so much from now on: say it before the first round.
    pub fn weigh_tenants(&mut self, weights: Weights) {
        self.ready = Ready::new(weights.clone());
        self.weights = weights;
    }

    /// One round: takes what waits from the front of `inputs`, as much as fits, and returns what may leave now.
    ///
    /// # Errors
    /// When the engine must stop: nothing of the round may leave then. Drop the engine.
    pub fn round(
        &mut self,
        now: Moment,
        inputs: &mut VecDeque<Input>,
    ) -> Result<Vec<Release>, EngineError> {
        let mut round = self.begin(now);
        let mut taken = 0;
        while taken < bounds::ROUND_REQUESTS && round.has_room() {
            let Some(input) = inputs.pop_front() else {
                break;
            };
            taken += 1;
            if let Some(rest) = self.handle(&mut round, input)? {
                inputs.push_front(rest);
            }
        }
        if self.paused_until <= self.steady {
            self.deliver(&mut round)?;
            self.take_back(round.steady);
            self.do_chores(&mut round)?;
            self.expire(&mut round)?;
            self.let_woken_go_on(&mut round)?;
            self.open_keys(&mut round)?;
            self.pair(&mut round)?;
        }
        self.commit(round)
    }

    /// The time of the round: never earlier than the last, and leases do not run while the engine does not look.
    fn begin(&mut self, now: Moment) -> Round {
        let gap = self
            .last
            .steady
            .until(now.steady)
            .min(2 * self.settings.longest_wait);
        self.notice_jump(now);
        self.steady = self.steady.after(gap);
        let runs_on = planted(Mutant::TimerEarlyAfterJump) && now.wall < self.last.wall;
        let wall = if planted(Mutant::ClockGoesBack) {
            now.wall
        } else if runs_on {
            self.last.wall.after(gap)
        } else {
            self.last.wall.max(now.wall)
        };
        self.last = Moment {
            wall,
            steady: self.last.steady.max(now.steady),
        };
        Round::new(self.last.wall, self.steady)
    }

    /// Somebody set the clock: that ends no lease and reorders nothing, but timeouts come sooner or later than meant.
    fn notice_jump(&mut self, now: Moment) {
        let seen = std::mem::replace(&mut self.seen, now);
        let steady = seen.steady.until(now.steady);
        let (forward, back) = (seen.wall.until(now.wall), now.wall.until(seen.wall));
        if back > limits::CLOCK_JUMP || forward > steady + limits::CLOCK_JUMP {
            tracing::warn!(
                ?forward,
                ?back,
                "the time of day has jumped; was the clock of this machine set?"
            );
        }
    }

    /// Handles one input; what is left of it comes first in the next step.
    fn handle(&mut self, round: &mut Round, input: Input) -> Result<Option<Input>, EngineError> {
        match input {
            Input::Ask { request, answer } => {
                let part = request.target().part();
                let reply = match self.has_no_room_for(round, &request)? {
                    Some(full) => Err(full),
                    None => self.apply(round, request)?.map_err(AskError::from),
                };
                round.answer(answer, self.parts.place(part), reply);
            }
            Input::Watch { ids, out } => self.watch(round, ids, &out)?,
            Input::Look { answer } => round.looks.push(answer),
            Input::Open {
                stream,
                hello,
                peer,
                out,
            } => {
                if !self.expire_named(round, &hello)? {
                    return Ok(Some(Input::Open {
                        stream,
                        hello,
                        peer,
                        out,
                    }));
                }
                self.handle_open(round, stream, &hello, peer, out)?;
            }
            Input::Items { stream, mut items } => {
                if let Some(item) = items.pop_front() {
                    self.handle_item(round, stream, item)?;
                }
                return Ok((!items.is_empty()).then_some(Input::Items { stream, items }));
            }
            Input::Closed { stream } => self.close_stream(stream),
        }
        Ok(None)
    }

    /// Sends each of these promises once it has settled.
    fn watch(
        &mut self,
        round: &mut Round,
        ids: Vec<PromiseId>,
        out: &mpsc::Sender<Watched>,
    ) -> Result<(), EngineError> {
        for id in ids {
            let part = id.part();
            match self.apply(round, Request::Get { id: id.clone() })? {
                Ok(Reply::Promise { record, .. }) if !record.promise.is_pending() => {
                    round.watched(out.clone(), self.parts.place(part), Ok(record));
                }
                Ok(_) => self.watchers.entry(id).or_default().push(out.clone()),
                Err(refusal) => {
                    round.watched(out.clone(), self.parts.place(part), Err(refusal.into()));
                }
            }
        }
        Ok(())
    }

    /// A worker does not read its stream: it is disconnected, and gets the rest when it comes back.
    pub fn disconnect(&mut self, stream: StreamId) {
        tracing::warn!(
            stream = stream.0,
            "a worker does not read its stream; it is disconnected"
        );
        self.close_stream(stream);
    }
}
