//! Leases, once more: a worker that said hello keeps what it holds for a whole lease from then on at least, and after a
//! restart of the server every worker does. What it neither gave back nor ended is nobody else's before.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use resonate_core::{End, PromiseId, Record, SessionId, Task, TaskState, TaskVersion, Timestamp};
use resonate_proto::stream::FromWorker;

/// A task under one fencing token.
type Claim = (PromiseId, TaskVersion);

/// Who said hello, and which claims have arrived.
#[derive(Default)]
pub(crate) struct Leases {
    length: Duration,
    started: Timestamp,
    heard: BTreeMap<SessionId, Timestamp>,
    /// The last word of each, whatever it was.
    said: BTreeMap<SessionId, Timestamp>,
    /// What came after the round had begun that is under way.
    came: Vec<(SessionId, Timestamp, BTreeSet<Claim>)>,
    /// Whose each claim is.
    holders: BTreeMap<Claim, SessionId>,
    /// Claims that have arrived where they are held.
    acknowledged: BTreeSet<Claim>,
    /// Claims that their holder has given back, or has ended by a turn.
    over: BTreeSet<Claim>,
    /// The latest turn that came under each claim.
    turns: BTreeMap<Claim, u32>,
}

impl Leases {
    /// The server starts.
    pub(crate) fn begins(&mut self, now: Timestamp, length: Duration) {
        (self.started, self.length) = (now, length);
        self.came.clear();
    }

    /// The engine looks at what has come.
    pub(crate) fn round_begins(&mut self) {
        for (session, at, named) in std::mem::take(&mut self.came) {
            self.heard.insert(session, at);
            self.lets_go(session, &named);
        }
    }

    /// A worker says something.
    pub(crate) fn hears(&mut self, session: SessionId, item: &FromWorker, now: Timestamp) {
        self.said.insert(session, now);
        match item {
            FromWorker::Hello(hello) => {
                let held = hello.held.iter();
                let named = held.map(|held| (held.task.clone(), held.version));
                self.came.push((session, now, named.collect()));
            }
            // It makes the lease longer, unless its stream is over for the engine; so nothing is made of it here.
            FromWorker::Heartbeat { stalled, .. } => {
                let stalled = stalled.iter();
                self.over
                    .extend(stalled.map(|held| (held.task.clone(), held.version)));
            }
            FromWorker::Acknowledge { task, version } => {
                self.acknowledged.insert((task.clone(), *version));
            }
            FromWorker::Turn(turn) => {
                let claim = (turn.id.clone(), turn.version);
                self.acknowledged.insert(claim.clone());
                let latest = self.turns.entry(claim.clone()).or_default();
                *latest = turn.n.max(*latest);
                if turn.end != End::GoOn {
                    self.over.insert(claim);
                }
            }
            FromWorker::GiveBack { task, version } => {
                self.over.insert((task.clone(), *version));
            }
            FromWorker::Credits { .. }
            | FromWorker::Reclaim(_)
            | FromWorker::NeedHistory { .. }
            | FromWorker::Drain => {}
        }
    }

    /// What a worker does not name when it says hello is not held by it. The engine looks at that after the commit that was
    /// under way.
    fn lets_go(&mut self, session: SessionId, named: &BTreeSet<Claim>) {
        let held = self
            .holders
            .iter()
            .filter(|(_, holder)| **holder == session);
        let gone = held
            .map(|(claim, _)| claim)
            .filter(|claim| !named.contains(*claim));
        self.over.extend(gone.cloned());
    }

    /// When the lease or tie of a task ends at the latest, if nobody says anything more.
    pub(crate) fn ends(&self, task: &Task) -> Option<Timestamp> {
        let said = self.said.get(&task.session()?).copied();
        let since = said.unwrap_or_default().max(self.started);
        Some(since.after(self.length))
    }

    /// How often a task lost its worker is forgotten only when it gets on, or somebody lets it go on.
    pub(crate) fn may_forget(&self, before: Option<&Record>, after: &Record) -> Result<(), String> {
        let tasks = before
            .and_then(|before| before.task.as_ref())
            .zip(after.task.as_ref());
        let Some((was, is)) = tasks.filter(|(was, is)| is.losses < was.losses) else {
            return Ok(());
        };
        let id = &after.promise.id;
        let mut claims = (was.version.0..=is.version.0).map(TaskVersion);
        let got_on = claims.any(|version| {
            let known = if version == was.version { was.turn } else { 0 };
            let latest = self.turns.get(&(id.clone(), version));
            latest.is_some_and(|latest| known < *latest)
        });
        if got_on || matches!(was.state, TaskState::Halted(_)) {
            return Ok(());
        }
        let (was, is) = (was.losses, is.losses);
        Err(format!("it had lost {was} workers, and now {is}"))
    }

    /// A claim has one holder, who loses it by giving it back, by a turn, or when its lease is over.
    pub(crate) fn may_follow(
        &mut self,
        before: Option<&Record>,
        after: &Record,
        now: Timestamp,
    ) -> Result<(), String> {
        let Some(task) = &after.task else {
            return Ok(());
        };
        let id = &after.promise.id;
        if let Some(session) = holder(task) {
            let claim = (id.clone(), task.version);
            let first = *self.holders.entry(claim).or_insert(session);
            if first != session {
                return Err(format!(
                    "{first} and {session} hold it under {}",
                    task.version
                ));
            }
        }
        let held = before.and_then(|before| before.task.as_ref());
        let Some((held, session)) = held.and_then(|held| Some((held, holder(held)?))) else {
            return Ok(());
        };
        let is_kept = held.version == task.version && holder(task) == Some(session);
        let is_stopped = matches!(task.state, TaskState::Done | TaskState::Halted(_));
        let claim = (id.clone(), held.version);
        if is_kept
            || is_stopped
            || !self.acknowledged.contains(&claim)
            || self.over.contains(&claim)
        {
            return Ok(());
        }
        let heard = self.heard.get(&session).copied().unwrap_or_default();
        // What takes time between its arrival and the engine's look at it only makes it longer.
        let ends = heard.max(self.started).after(self.length);
        if ends <= now {
            return Ok(());
        }
        Err(format!(
            "the lease of {session} under {} ends at {ends}, and was taken back at {now}: {:?}",
            held.version, task.state
        ))
    }
}

fn holder(task: &Task) -> Option<SessionId> {
    match task.state {
        TaskState::Leased { session, .. } => Some(session),
        TaskState::Pending { .. }
        | TaskState::Suspended { .. }
        | TaskState::Halted(_)
        | TaskState::Merged { .. }
        | TaskState::Done => None,
    }
}
