//! What a body and its worker share: the replay machine, who waits for what, and how the body may be ended from within.
//!
//! Bodies find it through [`current`]; every durable future holds it through a [`Child`].

mod child;
pub(crate) mod current;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Poll, Waker},
};

use resonate_core::{Outcome, Payload, PromiseId, TaskVersion, Timestamp};
use twox_hash::XxHash3_64;

pub(crate) use self::child::{Child, OnDrop};
use self::current::StepScope;
use crate::{
    Error, ErrorKind, Result,
    function::Definition,
    ops::check_labels,
    replay::{Command, Position, Replay},
    settings::Settings,
};

/// What a body and its worker share.
#[derive(Debug)]
pub(crate) struct Context {
    subject: Subject,
    settings: Arc<Settings>,
    /// The body's own waker.
    waker: Waker,
    /// The fencing token of the claim.
    version: Arc<AtomicU64>,
    /// The body is being dropped by its worker: what it drops thereby is not canceled.
    is_closing: AtomicBool,
    inner: Mutex<Inner>,
}

/// What is executed.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) id: PromiseId,
    pub(crate) generation: u32,
    pub(crate) address: resonate_core::Address,
    pub(crate) definition: &'static Definition,
    /// Which attempt it is, from 1.
    pub(crate) attempt: u32,
    pub(crate) labels: BTreeMap<String, String>,
}

/// The part that changes.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) replay: Replay,
    waiters: BTreeMap<Position, Waiter>,
    /// How many of the waiters hold the body's own waker.
    own_waiters: usize,
    /// How often the body asked for something durable, or for its result.
    touches: u64,
    /// Those the promise has, or will have by the next turn.
    labels: BTreeMap<String, String>,
    forced: Option<Forced>,
    random_draws: u64,
    uuid_draws: u64,
    /// What the body leaves of the state of its object; to be written with its value.
    pub(crate) state: Option<Payload>,
}

#[derive(Debug)]
struct Waiter {
    waker: Waker,
    is_own: bool,
}

/// An end of the body that one of its futures demands.
#[derive(Debug)]
pub(crate) enum Forced {
    /// An error for which the function's result has no place.
    Error(Error),
    /// The execution goes on as a new one.
    ContinueAs(Payload),
    /// Here and as it is now it can never succeed.
    Halt(String),
}

/// What is drawn; each has a counter of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draw {
    Random,
    Uuid,
}

impl Context {
    pub(crate) fn new(
        subject: Subject,
        replay: Replay,
        settings: Arc<Settings>,
        waker: Waker,
        version: Arc<AtomicU64>,
    ) -> Self {
        let inner = Inner {
            replay,
            waiters: BTreeMap::new(),
            own_waiters: 0,
            touches: 0,
            labels: subject.labels.clone(),
            forced: None,
            random_draws: 0,
            uuid_draws: 0,
            state: None,
        };
        let is_closing = AtomicBool::new(false);
        Self {
            subject,
            settings,
            waker,
            version,
            is_closing,
            inner: Mutex::new(inner),
        }
    }

    pub(crate) fn subject(&self) -> &Subject {
        &self.subject
    }

    pub(crate) fn id(&self) -> &PromiseId {
        &self.subject.id
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The fencing token of the claim.
    pub(crate) fn version(&self) -> TaskVersion {
        TaskVersion(self.version.load(Ordering::Acquire))
    }

    /// A look at the part that changes. No foreign code may run inside.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The id of the root that a detached call becomes which does not choose its own.
    pub(crate) fn detached_id(&self, function: &str) -> Result<PromiseId> {
        let child = self.next_id(function);
        // A `.` would make it a child; `~` is in no name.
        let id = PromiseId::user_root(child.as_str().replace('.', "~"));
        id.map_err(|bad| Error::of(ErrorKind::Misused, bad).into_terminal())
    }

    /// The id of the child that is asked for next under this name.
    pub(crate) fn next_id(&self, name: &str) -> PromiseId {
        self.with(|inner| inner.replay.next_id(name))
    }

    fn ask(&self, command: Command) -> (Position, PromiseId) {
        if let Some(hazard) = self.subject.definition.hazard(&command.location) {
            self.force(Forced::Halt(hazard));
        }
        self.with(|inner| {
            inner.touches += 1;
            inner.replay.ask(command)
        })
    }

    fn poll_result(&self, position: Position, waker: &Waker) -> Poll<Outcome> {
        // By the alarm behind it: the same waker may have several tables of functions.
        let is_own = std::ptr::eq(self.waker.data(), waker.data());
        // What is replaced is dropped after the lock: it may be the last reference to a future that holds children.
        let (polled, _replaced) = self.with(|inner| {
            inner.touches += 1;
            match inner.replay.take_result(position) {
                Some(outcome) => (Poll::Ready(outcome), inner.remove_waiter(position)),
                None => (Poll::Pending, inner.put_waiter(position, waker, is_own)),
            }
        });
        polled
    }

    /// A future of the body was dropped.
    fn leave(&self, position: Position, on_drop: OnDrop) {
        let is_abandoned = on_drop == OnDrop::Cancel && !self.is_closing.load(Ordering::Acquire);
        let _removed = self.with(|inner| {
            if is_abandoned {
                inner.replay.abandon(position);
            }
            inner.remove_waiter(position)
        });
        if is_abandoned && !current::is_polled(self) {
            self.waker.wake_by_ref();
        }
    }

    /// Shows the body the next result, and wakes whoever waits for it.
    pub(crate) fn show_next(&self) -> bool {
        let Some(waiter) = self.with(|inner| {
            inner
                .replay
                .show_next()
                .map(|position| inner.remove_waiter(position))
        }) else {
            return false;
        };
        if let Some(waiter) = waiter {
            waiter.waker.wake();
        }
        true
    }

    /// Wakes whoever waits for these, such as steps that may run now.
    pub(crate) fn wake(&self, positions: impl IntoIterator<Item = Position>) {
        for position in positions {
            if let Some(waiter) = self.with(|inner| inner.remove_waiter(position)) {
                waiter.waker.wake();
            }
        }
    }

    /// Ends the body as soon as its poll returns.
    pub(crate) fn force(&self, forced: Forced) {
        let _unneeded = self.with(|inner| match inner.forced {
            Some(_) => Some(forced),
            None => {
                inner.forced = Some(forced);
                None
            }
        });
        self.waker.wake_by_ref();
    }

    /// The end that was demanded.
    pub(crate) fn take_forced(&self) -> Option<Forced> {
        self.with(|inner| inner.forced.take())
    }

    /// From now on what the body drops is not canceled.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
    }

    /// A label on the promise, unless it has it already.
    ///
    /// # Errors
    /// All its labels would be more than a server takes.
    pub(crate) fn label(&self, name: &str, value: String) -> Result<()> {
        self.with(|inner| {
            if inner.labels.get(name) == Some(&value) {
                return Ok(());
            }
            let mut labels = inner.labels.clone();
            labels.insert(name.to_owned(), value.clone());
            check_labels(&labels)?;
            inner.labels = labels;
            inner.replay.label(name.to_owned(), value);
            Ok(())
        })
    }

    /// Whether the body takes the new way at this change.
    pub(crate) fn changed(&self, change: &str, location: Arc<str>) -> bool {
        self.with(|inner| inner.replay.changed(change, location))
    }

    /// How often the body asked for something durable, or for its result.
    pub(crate) fn touches(&self) -> u64 {
        self.with(|inner| inner.touches)
    }

    /// The time of the latest log entry that the body was shown.
    pub(crate) fn now(&self) -> Timestamp {
        self.with(|inner| inner.replay.now())
    }

    /// A number that is the same in every replay and attempt, and for nobody else.
    pub(crate) fn draw(&self, step: Option<&StepScope>, draw: Draw) -> u128 {
        let Subject { id, generation, .. } = &self.subject;
        let own_id = step.and_then(|step| step.id.as_ref());
        let number = match step.filter(|_| own_id.is_some()) {
            Some(step) => step.next_draw(),
            None => self.with(|inner| inner.next_draw(draw)),
        };
        let text = format!("{}~{generation}~{}", own_id.unwrap_or(id), draw.name());
        let [high, low] = [2, 3].map(|half| {
            let seed = XxHash3_64::oneshot_with_seed(half, text.as_bytes());
            u128::from(XxHash3_64::oneshot_with_seed(seed, &number.to_le_bytes()))
        });
        high << 64 | low
    }
}

impl Inner {
    /// How many wait for a result.
    pub(crate) fn waiters(&self) -> usize {
        self.waiters.len()
    }

    /// How many of them hold the body's own waker.
    pub(crate) fn own_waiters(&self) -> usize {
        self.own_waiters
    }

    fn put_waiter(&mut self, position: Position, waker: &Waker, is_own: bool) -> Option<Waiter> {
        if self
            .waiters
            .get(&position)
            .is_some_and(|waiter| waiter.waker.will_wake(waker))
        {
            return None;
        }
        let before = self.waiters.insert(
            position,
            Waiter {
                waker: waker.clone(),
                is_own,
            },
        );
        self.own_waiters += usize::from(is_own);
        self.own_waiters -= usize::from(before.as_ref().is_some_and(|waiter| waiter.is_own));
        before
    }

    fn remove_waiter(&mut self, position: Position) -> Option<Waiter> {
        let waiter = self.waiters.remove(&position)?;
        self.own_waiters -= usize::from(waiter.is_own);
        Some(waiter)
    }

    fn next_draw(&mut self, draw: Draw) -> u64 {
        let counter = match draw {
            Draw::Random => &mut self.random_draws,
            Draw::Uuid => &mut self.uuid_draws,
        };
        let number = *counter;
        *counter += 1;
        number
    }
}

impl Draw {
    const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Uuid => "uuid",
        }
    }
}
