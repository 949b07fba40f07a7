//! What must always hold. Every test ends with it; the simulator runs it after every step, `resonate verify` over a store.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    AwaiterPage, Kind, Link, Message, Origin, Outcome, Promise, PromiseId, Record, Schedule, Seq,
    Task, TaskState, Timestamp, Tree, apply::Change, limits,
};

/// Something that must never be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{id}: {what}")]
pub struct Violation {
    /// Where.
    pub id: PromiseId,
    /// What is wrong.
    pub what: String,
}

/// Checks a whole state: all trees, and the messages that are written and not yet applied.
///
/// # Errors
/// Everything that is wrong.
pub fn check<'a>(
    trees: impl IntoIterator<Item = &'a Tree>,
    messages: &[Message],
) -> Result<(), Vec<Violation>> {
    let mut checker = Checker::new(messages);
    for tree in trees {
        checker.tree(tree);
    }
    let violations = checker.end();
    if violations.is_empty() {
        Ok(())
    } else {
        Err(violations)
    }
}

/// Checks what one request changed: settled records never change, the fencing token rises by one and only on a claim.
///
/// # Errors
/// Everything that is wrong.
pub fn check_changes(changes: &[Change]) -> Result<(), Vec<Violation>> {
    let violations: Vec<_> = changes.iter().filter_map(changed_wrongly).collect();
    if violations.is_empty() {
        Ok(())
    } else {
        Err(violations)
    }
}

/// Checks a whole state tree by tree, so that no more than one tree need be in memory.
#[derive(Debug)]
pub struct Checker<'a> {
    violations: Vec<Violation>,
    messages: &'a [Message],
    /// Promise to the proxies it will answer.
    awaiters: BTreeMap<PromiseId, BTreeSet<PromiseId>>,
    /// Pending proxies and what they stand for.
    proxies: Vec<(PromiseId, PromiseId)>,
    /// Settled proxies and what they stood for.
    left: BTreeSet<(PromiseId, PromiseId)>,
}

impl<'a> Checker<'a> {
    /// Begins; the messages are those that are written and not yet applied.
    #[must_use]
    pub fn new(messages: &'a [Message]) -> Self {
        Self {
            violations: Vec::new(),
            messages,
            awaiters: BTreeMap::new(),
            proxies: Vec::new(),
            left: BTreeSet::new(),
        }
    }

    /// Takes out what was found so far.
    pub fn take(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }

    /// Checks what can only be said of all trees together; what was found and not taken out.
    #[must_use]
    pub fn end(mut self) -> Vec<Violation> {
        self.proxies_are_awaited();
        self.nobody_awaits_in_vain();
        self.violations
    }

    fn wrong(&mut self, id: &PromiseId, what: impl Into<String>) {
        self.violations.push(Violation {
            id: id.clone(),
            what: what.into(),
        });
    }

    /// Checks one tree.
    pub fn tree(&mut self, tree: &Tree) {
        let mut seqs = BTreeSet::new();
        for record in tree.records() {
            let Record { promise, task } = &**record;
            let id = &promise.id;
            if let Some(settled) = promise.settled()
                && !seqs.insert(settled.seq)
            {
                self.wrong(id, format!("seq {} is given twice", settled.seq));
            }
            self.cause(tree, promise);
            self.promise(tree, promise);
            self.task_of(promise, task.as_ref());
            if let Some(task) = task {
                self.task(tree, promise, task);
            }
        }
        for page in tree.pages() {
            self.page(tree, page);
        }
    }

    /// What a wave canceled names what began it: its caller, or what its caller was canceled with.
    fn cause(&mut self, tree: &Tree, promise: &Promise) {
        let Some(settled) = promise.settled() else {
            return;
        };
        let Some(first) = &settled.because_of else {
            return;
        };
        let caller = promise.parent().and_then(|parent| tree.get(parent));
        let callers = caller.and_then(|caller| caller.promise.settled()?.because_of.as_ref());
        let is_canceled = matches!(settled.outcome, Outcome::Canceled { .. });
        let is_passed_on = promise.parent() == Some(first) || callers == Some(first);
        if !is_canceled || !is_passed_on {
            let what = format!(
                "it is {} because of {first}, which is not so",
                promise.state_name()
            );
            self.wrong(&promise.id, what);
        }
    }

    fn page(&mut self, tree: &Tree, page: &AwaiterPage) {
        let AwaiterPage { of, proxies, .. } = page;
        if proxies.is_empty() || proxies.len() > limits::AWAITERS_PER_PAGE {
            let what = format!("page {} of its awaiters has {}", page.number, proxies.len());
            self.wrong(of, what);
        }
        let Some(awaited) = tree.get(of) else {
            return self.wrong(of, "it does not exist, and a page of awaiters names it");
        };
        let is_answering =
            |message: &Message| matches!(message, Message::Answers { id } if id == of);
        if awaited.promise.is_pending() {
            let awaiters = self.awaiters.entry(of.clone()).or_default();
            awaiters.extend(proxies.iter().cloned());
        } else if !self.messages.iter().any(is_answering) {
            self.wrong(
                of,
                "it is settled and nobody goes on answering who awaits it",
            );
        }
    }

    fn promise(&mut self, tree: &Tree, promise: &Promise) {
        let id = &promise.id;
        if !promise.is_pending() {
            if !promise.awaiters.is_empty() {
                self.wrong(id, "it is settled and names awaiters");
            }
            if let Kind::Proxy(link @ (Link::Call { .. } | Link::Await { .. })) = &promise.kind {
                self.left.insert((link.target().clone(), id.clone()));
            }
            return;
        }
        if promise.awaiters.len() > limits::AWAITERS {
            self.wrong(id, "its record names more awaiters than it may");
        }
        if !promise.awaiters.is_empty() {
            let awaiters = self.awaiters.entry(id.clone()).or_default();
            awaiters.extend(promise.awaiters.iter().cloned());
        }
        if let Kind::Proxy(link) = &promise.kind {
            self.proxies.push((id.clone(), link.target().clone()));
        }
        if let Kind::Schedule(schedule) = &promise.kind {
            self.schedule(tree, promise, schedule);
        }
        let Some(origin) = &promise.origin else {
            return;
        };
        let Some(parent) = tree.get(&origin.parent).map(|record| &record.promise) else {
            return self.wrong(id, format!("its caller {} does not exist", origin.parent));
        };
        if promise.timeout_at > parent.timeout_at
            && !promise.shielded
            && !matches!(promise.kind, Kind::Timer)
            && parent.schedule().is_none()
        {
            self.wrong(id, "its timeout is later than its caller's");
        }
        let is_over = !parent.is_pending() || origin.generation != parent.generation;
        if is_over && !promise.shielded && !self.is_in_a_wave(&origin.parent) {
            self.wrong(id, "it is pending below a caller that is over");
        }
        if promise.compensation.is_some() && is_over && !self.is_in_a_wave(&origin.parent) {
            self.compensation(tree, promise, origin, parent);
        }
    }

    /// What undoes something is dormant only as long as that may still be needed, and one of several runs.
    fn compensation(&mut self, tree: &Tree, promise: &Promise, origin: &Origin, parent: &Promise) {
        let is_dormant = |id: &PromiseId| tree.get(id).is_some_and(|record| record.is_dormant());
        let waits_for = |one: &Promise| {
            let of = one.compensation.as_ref().and_then(|one| one.of.clone())?;
            tree.get(&of)
                .filter(|call| call.promise.is_pending())
                .cloned()
        };
        let is_due = promise.compensation.as_ref().is_some_and(|one| one.is_due);
        if !is_dormant(&promise.id) || (is_due && waits_for(promise).is_some()) {
            return;
        }
        let ended_well = matches!(
            parent.settled().map(|settled| &settled.outcome),
            None | Some(Outcome::Resolved(_))
        );
        if ended_well || origin.generation != parent.generation {
            return self.wrong(&promise.id, "its caller needs it no more, and it waits");
        }
        // Of those in line the last runs, or waits for its call.
        let line = tree.pending_children(&parent.id).filter(|child| {
            let one = child.promise.compensation.as_ref();
            one.is_some_and(|one| !one.is_due)
        });
        let is_held_up = line
            .into_iter()
            .any(|child| !is_dormant(&child.promise.id) || waits_for(&child.promise).is_some());
        if !is_held_up {
            self.wrong(
                &promise.id,
                "its caller needs it, and nothing comes of that",
            );
        }
    }

    /// It is armed exactly while it is active, what waits waits for something, and no fire time is there twice.
    fn schedule(&mut self, tree: &Tree, promise: &Promise, schedule: &Schedule) {
        let id = &promise.id;
        if promise.origin.is_some() {
            self.wrong(id, "it is a schedule below a caller");
        }
        // The calendar of one that is active and not armed has ended.
        if !schedule.is_active() && !promise.timeout_at.is_never() {
            self.wrong(id, "it is armed and not active");
        }
        let waiting = &schedule.waiting;
        if waiting.len() > limits::FIRINGS_WAITING
            || tree.pending_count(id) > limits::FIRINGS_UNDER_WAY
            || schedule.latest_missed.len() > limits::MISSED_KEPT
        {
            self.wrong(id, "more of its firings wait, run or were missed than may");
        }
        if schedule.is_active() && !waiting.is_empty() && tree.pending_count(id) == 0 {
            self.wrong(id, "a firing waits, and none is under way");
        }
        let times: BTreeSet<_> = waiting.iter().map(|waiting| waiting.at).collect();
        let has_been = |at: &Timestamp| tree.get(&id.firing_proxy(*at)).is_some();
        if times.len() < waiting.len() || times.iter().any(has_been) {
            self.wrong(id, "a fire time waits twice, or has been");
        }
        let children = tree
            .pending_children(id)
            .chain(tree.settled_after(id, Seq::ZERO));
        for child in children {
            let called_at = child.promise.origin.as_ref().map(|origin| origin.called_at);
            let is_a_firing = match (&child.promise.kind, called_at) {
                (Kind::Proxy(link), Some(at)) => *link.target() == id.firing(at),
                _ => false,
            };
            if !is_a_firing {
                self.wrong(&child.promise.id, format!("it is no firing of {id}"));
            }
        }
    }

    /// True if a wave below this promise is written and not finished.
    fn is_in_a_wave(&self, parent: &PromiseId) -> bool {
        self.messages
            .iter()
            .any(|message| matches!(message, Message::Wave { id } if id == parent))
    }

    fn task_of(&mut self, promise: &Promise, task: Option<&Task>) {
        let id = &promise.id;
        match (promise.call(), task) {
            (None, Some(_)) => self.wrong(id, "it is no call and has a task"),
            (Some(_), None) if promise.is_pending() => {
                self.wrong(id, "it is a pending call and has no task")
            }
            (Some(_), None) if promise.origin.is_none() => {
                self.wrong(id, "it is a root call and has no task")
            }
            (_, Some(task)) if (task.state == TaskState::Done) == promise.is_pending() => {
                self.wrong(
                    id,
                    format!(
                        "its task is {} and it is {}",
                        task.state_name(),
                        promise.state_name()
                    ),
                );
            }
            _ => {}
        }
    }

    fn task(&mut self, tree: &Tree, promise: &Promise, task: &Task) {
        let id = &promise.id;
        if task.attempts < task.failures.max(task.losses) || task.losses < task.stalls {
            self.wrong(
                id,
                "more attempts failed, were lost or stalled than there were",
            );
        }
        let TaskState::Suspended { tied } = task.state else {
            if task.warm.is_some() && !matches!(task.state, TaskState::Pending { .. }) {
                self.wrong(id, format!("it is {} and warm", task.state_name()));
            }
            return;
        };
        let shown = task.warm.map_or(Seq::ZERO, |warm| warm.shown);
        if tied.is_some() && tied != task.warm.map(|warm| warm.session) {
            self.wrong(id, "it is tied to another session than keeps its body");
        }
        let is_of_this_history = |child: &&Arc<Record>| {
            child
                .promise
                .origin
                .as_ref()
                .is_some_and(|origin| origin.generation == promise.generation)
        };
        let awaited = |child: &&Arc<Record>| is_of_this_history(child) && !child.is_dormant();
        if tree.pending_children(id).find(awaited).is_none() {
            self.wrong(id, "it is suspended and waits for nothing");
        }
        if let Some(missed) = tree.settled_after(id, shown).find(is_of_this_history) {
            let what = format!(
                "it is suspended and {} has settled: a lost wake-up",
                missed.promise.id
            );
            self.wrong(id, what);
        }
    }

    /// A proxy that has settled is registered nowhere, or a message that takes it out is under way.
    fn nobody_awaits_in_vain(&mut self) {
        let mut leaving = BTreeSet::new();
        for message in self.messages {
            if let Message::Unsubscribe { id, back } = message {
                leaving.insert((id.clone(), back.clone()));
            }
        }
        for (target, proxies) in std::mem::take(&mut self.awaiters) {
            for proxy in proxies {
                let key = (target.clone(), proxy);
                if self.left.contains(&key) && !leaving.contains(&key) {
                    self.wrong(
                        &key.1,
                        format!("it has settled and {target} still names it"),
                    );
                }
            }
        }
    }

    /// Every pending proxy is registered with its promise, or a message that will see to it is under way.
    fn proxies_are_awaited(&mut self) {
        for (proxy, target) in std::mem::take(&mut self.proxies) {
            let is_registered = self
                .awaiters
                .get(&target)
                .is_some_and(|awaiters| awaiters.contains(&proxy));
            let is_under_way = self.messages.iter().any(|message| match message {
                Message::Create { back, .. }
                | Message::Subscribe { back, .. }
                | Message::Tell { back, .. } => *back == proxy,

                Message::Unsubscribe { .. } | Message::Trim { .. } | Message::Cancel { .. } => {
                    false
                }
                // The page of awaiters that is told next.
                Message::Answers { id } => *id == target,
                Message::Answer {
                    proxy: answered, ..
                } => *answered == proxy,
                Message::Wave { .. } => false,
            });
            if !is_registered && !is_under_way {
                self.wrong(
                    &proxy,
                    format!("nobody will tell it how {target} settles: a lost wake-up"),
                );
            }
        }
    }
}

fn changed_wrongly(change: &Change) -> Option<Violation> {
    let before = change.before.as_deref()?;
    let after = &*change.after;
    let wrong = |what: &str| {
        Some(Violation {
            id: after.promise.id.clone(),
            what: what.to_owned(),
        })
    };
    if before.promise.settled().is_some() && before != after {
        return wrong("it was settled and changed");
    }
    if before.promise.created_at != after.promise.created_at
        || before.promise.origin != after.promise.origin
    {
        return wrong("what never changes changed");
    }
    if after
        .promise
        .settled()
        .is_some_and(|settled| settled.seq == Seq::ZERO)
    {
        return wrong("it settled without a seq");
    }
    match (&before.task, &after.task) {
        (Some(before), Some(after)) => {
            let is_claim = after.version == before.version.next()
                && matches!(after.state, TaskState::Leased { .. });
            let is_same = after.version == before.version;
            if is_claim || is_same {
                None
            } else {
                wrong("its fencing token changed without a claim, or by more than one")
            }
        }
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => wrong("it got or lost a task"),
    }
}
