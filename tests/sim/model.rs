//! What is durable, as the simulator keeps it beside the store, and the rules of how it may change.
//!
//! It is fed with every lane that became durable and shares no code with the engine: what a record may become is said
//! here once more. What leaves the server is compared with it in [`told`](crate::told).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use resonate_core::{Kind, Outcome, Part, Promise, PromiseId, Record, Seq, Timestamp, Tree};
use resonate_proto::store::{Stored, decode_row};
use resonate_server::store::Batch;

use crate::{
    keys::Keys,
    leases::Leases,
    messages::Messages,
    times::{self, Times},
    told::Told,
};

/// Everything that is durable.
#[derive(Default)]
pub(crate) struct Model {
    roots: BTreeMap<u64, String>,
    trees: BTreeMap<String, Tree>,
    /// Which promise each row holds.
    rows: BTreeMap<(u64, u64), PromiseId>,
    /// What was removed from the store, as it was.
    forgotten: BTreeMap<PromiseId, Arc<Record>>,
    /// The token under which an outcome was recorded, of what ran to its end.
    recorded: BTreeMap<PromiseId, u64>,
    last: BTreeMap<Part, u64>,
    /// Since the last look at the whole.
    is_changed: bool,
    pub(crate) messages: Messages,
    pub(crate) times: Times,
    pub(crate) told: Told,
    pub(crate) leases: Leases,
    pub(crate) keys: Keys,
    /// What happened and is to be counted.
    noted: Vec<&'static str>,
}

impl Model {
    /// The durable record of a promise.
    pub(crate) fn get(&self, id: &PromiseId) -> Option<&Arc<Record>> {
        self.trees.get(id.root())?.get(id)
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.trees.values().flat_map(Tree::records)
    }

    /// How many promises are pending.
    pub(crate) fn pending(&self) -> usize {
        self.trees.values().map(Tree::pending).sum()
    }

    /// The token of the claim that recorded how this ran, if it was recorded.
    pub(crate) fn recorded_under(&self, id: &PromiseId) -> Option<u64> {
        self.recorded.get(id).copied()
    }

    /// True if there is such a promise, or was.
    pub(crate) fn is_known(&self, id: &PromiseId) -> bool {
        self.known(id).is_some()
    }

    /// The durable record of a promise, or the last one of a promise that was forgotten.
    pub(crate) fn known(&self, id: &PromiseId) -> Option<&Arc<Record>> {
        self.get(id).or_else(|| self.forgotten.get(id))
    }

    /// Something is undone only if that is needed, and with the value of what it undoes.
    pub(crate) fn may_undo(&self, id: &PromiseId, value: u64) -> Result<(), String> {
        let record = self
            .known(id)
            .ok_or_else(|| format!("{id} runs and is not durable"))?;
        let compensation = record.promise.compensation.as_ref();
        let compensation = compensation.ok_or_else(|| format!("{id} undoes nothing"))?;
        let caller = record
            .promise
            .parent()
            .and_then(|caller| self.known(caller));
        let caller = caller.ok_or_else(|| format!("{id} has no caller"))?;
        let settled = caller.promise.settled();
        let ended_badly = settled.is_some_and(|end| !matches!(end.outcome, Outcome::Resolved(_)));
        if !ended_badly && !compensation.is_due {
            return Err(format!("{id} runs, and its caller needs that not"));
        }
        let Some(of) = &compensation.of else {
            return Ok(());
        };
        let of = self.known(of).and_then(|of| of.promise.settled());
        match of.map(|of| &of.outcome) {
            Some(Outcome::Resolved(payload)) if *payload.data == *value.to_string().as_bytes() => {
                Ok(())
            }
            other => Err(format!("{id} undoes {value}, and there is {other:?}")),
        }
    }

    /// What settled below a promise, and what of that was forgotten: a worker that was given up may still show it.
    pub(crate) fn settled_below<'a>(
        &'a self,
        id: &'a PromiseId,
        after: Seq,
    ) -> impl Iterator<Item = &'a Arc<Record>> {
        let tree = self.trees.get(id.root()).into_iter();
        let of_this_root = self.forgotten.range(id.to_root()..);
        let of_this_root =
            of_this_root.take_while(|(child, _)| child.as_str().starts_with(id.root()));
        let forgotten = of_this_root.map(|(_, child)| child).filter(move |child| {
            let settled = child.promise.settled();
            child.promise.parent() == Some(id) && settled.is_some_and(|settled| after < settled.seq)
        });
        tree.flat_map(move |tree| tree.settled_after(id, after))
            .chain(forgotten)
    }

    /// A lane became durable.
    pub(crate) fn committed(
        &mut self,
        lane: &[Batch],
        now: Timestamp,
        steady: Timestamp,
    ) -> Result<(), String> {
        self.is_changed = true;
        let mut times = BTreeSet::new();
        for batch in lane {
            let last = self.last.insert(batch.part, batch.seq).unwrap_or_default();
            if batch.seq != last + 1 {
                return Err(format!(
                    "batch {} of {} follows {last}",
                    batch.seq, batch.part
                ));
            }
            let roots = batch.roots.iter();
            self.roots
                .extend(roots.map(|(root, no)| (*no, root.clone())));
            let (mut settled, mut late) = (Vec::new(), Vec::new());
            for row in &batch.rows {
                let root = self.roots.get(&row.root_no).ok_or("a row without a root")?;
                let record = match decode_row(&row.doc).map_err(|error| error.to_string())? {
                    Stored::Record(record) => *record,
                    Stored::Awaiters(page) => {
                        let root = root.clone();
                        self.trees.entry(root).or_default().put_page(Arc::new(page));
                        continue;
                    }
                };
                if record.promise.id.as_str() != format!("{root}{}", row.id) {
                    return Err(format!(
                        "the row of {root}{} holds {}",
                        row.id, record.promise.id
                    ));
                }
                let key = (row.root_no, row.child_no);
                let held = self.rows.insert(key, record.promise.id.clone());
                if let Some(held) = held.filter(|held| *held != record.promise.id) {
                    return Err(format!("{} is written over {held}", record.promise.id));
                }
                let before = self.get(&record.promise.id).cloned();
                self.noted.extend(note(before.as_deref(), &record));
                may_become(before.as_deref(), &record, batch.seq, now)
                    .map_err(|wrong| format!("{}: {wrong}", record.promise.id))?;
                self.leases
                    .may_follow(before.as_deref(), &record, steady)
                    .and_then(|()| self.leases.may_forget(before.as_deref(), &record))
                    .map_err(|wrong| format!("{}: {wrong}", record.promise.id))?;
                self.keys
                    .may_follow(before.as_deref(), &record)
                    .map_err(|wrong| format!("{}: {wrong}", record.promise.id))?;
                self.times.arm(before.as_deref(), &record);
                times.extend(times::fresh(before.as_deref(), &record));
                if before.is_none_or(|before| before.promise.is_pending()) {
                    settled.extend(record.promise.settled().map(|_| record.promise.id.clone()));
                    late.extend(times::is_late(&record).then(|| record.promise.id.clone()));
                }
                let root = record.promise.id.root().to_owned();
                self.trees.entry(root).or_default().put(Arc::new(record));
            }
            settled.iter().for_each(|id| self.note_recorded(id));
            late.iter().try_for_each(|id| self.may_be_late(id))?;
            self.messages.committed(batch)?;
        }
        self.keys.committed()?;
        self.times.committed(&times)
    }

    /// What ran to its end and was recorded must not run again under that token, or a newer one.
    fn note_recorded(&mut self, id: &PromiseId) {
        let Some(record) = self.get(id) else { return };
        let ran = matches!(record.promise.kind, Kind::Step | Kind::Call(_));
        let outcome = record.promise.settled().map(|settled| &settled.outcome);
        if !ran || !matches!(outcome, Some(Outcome::Resolved(_))) {
            return;
        }
        let caller = record.promise.parent().and_then(|parent| self.get(parent));
        let callers = caller
            .and_then(|caller| caller.task.as_ref())
            .map(|task| task.version.0);
        let own = record.task.as_ref().map(|task| task.version.0);
        let under = match (&record.promise.kind, own, callers) {
            (Kind::Call(_), Some(own), _) => own,
            (Kind::Call(_), None, Some(callers)) => callers + 1,
            (_, _, Some(callers)) => callers,
            (_, _, None) => return,
        };
        self.recorded.insert(id.clone(), under);
    }

    /// What happened since this was asked last.
    pub(crate) fn take_noted(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.noted)
    }

    /// A row leaves the store: of a history that is over, with nothing below it. False if there is no such row.
    pub(crate) fn forget(&mut self, key: (u64, u64), settled_at: i64) -> Result<bool, String> {
        let record = self.rows.get(&key).and_then(|id| self.get(id)).cloned();
        let ended_at = |record: &Record| Some(record.promise.settled()?.at.as_millis());
        let Some(record) = record.filter(|record| ended_at(record) == Some(settled_at)) else {
            return Ok(false);
        };
        let id = record.promise.id.clone();
        let tree = self.trees.entry(id.root().to_owned()).or_default();
        if tree.has_children(&id) || tree.first_page(&id).is_some() {
            return Err(format!("{id} is removed, and something still needs it"));
        }
        let mut below = &record;
        while let Some(origin) = &below.promise.origin {
            let Some(caller) = tree.get(&origin.parent) else {
                break;
            };
            if caller.promise.generation != origin.generation {
                self.rows.remove(&key);
                tree.remove(&id);
                self.forgotten.insert(id, record);
                self.is_changed = true;
                return Ok(true);
            }
            below = caller;
        }
        Err(format!("{id} is removed, and its history goes on"))
    }

    /// Everything that must always hold.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        if !std::mem::take(&mut self.is_changed) {
            return Ok(());
        }
        let messages = self.messages.waiting();
        resonate_core::check(self.trees.values(), &messages).map_err(|wrong| format!("{wrong:?}"))
    }

    /// Compares what a store holds after a crash with what was durable before it.
    pub(crate) fn compare(&self, stored: &BTreeMap<PromiseId, Record>) -> Result<(), String> {
        let mut count = 0;
        for record in self.records() {
            count += 1;
            let id = &record.promise.id;
            match stored.get(id) {
                None => return Err(format!("{id} was durable and is lost")),
                Some(found) if *found != **record => {
                    return Err(format!(
                        "{id} was durable as {record:?} and is now {found:?}"
                    ));
                }
                Some(_) => {}
            }
        }
        if count != stored.len() {
            return Err(format!(
                "{} rows are durable, {count} were written",
                stored.len()
            ));
        }
        Ok(())
    }
}

/// What is worth to be counted of a change.
fn note(before: Option<&Record>, after: &Record) -> Option<&'static str> {
    let was_pending = before.is_some_and(|before| before.promise.is_pending());
    let outcome = after.promise.settled().map(|settled| &settled.outcome);
    if was_pending && matches!(outcome, Some(Outcome::Canceled { .. })) {
        return Some("a wave canceled");
    }
    let losses = |record: &Record| record.task.as_ref().map_or(0, |task| task.losses);
    (before.map_or(0, losses) < losses(after)).then_some("a task lost its worker, or panicked")
}

/// What a promise is never changes; who claims a call may say what nobody has said of it yet, and each generation of a
/// history has arguments of its own.
fn is_same_kind(before: &Promise, after: &Promise) -> bool {
    match (&before.kind, &after.kind) {
        (Kind::Call(one), Kind::Call(other)) => {
            // What undoes a call gets its value when it is needed.
            let of = before.compensation.as_ref().and_then(|one| one.of.as_ref());
            let is_other = of.is_some() || before.generation < after.generation;
            one.address == other.address && (one.param == other.param || is_other)
        }
        (before, after) => before == after,
    }
}

/// How one record may follow another.
fn may_become(
    before: Option<&Record>,
    after: &Record,
    batch: u64,
    now: Timestamp,
) -> Result<(), String> {
    let was_settled = before.is_some_and(|before| !before.promise.is_pending());
    if let Some(before) = before {
        if was_settled && before.promise != after.promise {
            return Err("it was settled and changed".to_owned());
        }
        if before.promise.created_at != after.promise.created_at
            || !is_same_kind(&before.promise, &after.promise)
            || before.promise.generation > after.promise.generation
            || before.promise.origin != after.promise.origin
        {
            return Err("what never changes has changed".to_owned());
        }
        let versions = (before.task.as_ref(), after.task.as_ref());
        if let (Some(before), Some(after)) = versions
            && (after.version < before.version || after.version.0 > before.version.0 + 3)
        {
            return Err(format!(
                "token {} follows {}",
                after.version, before.version
            ));
        }
    }
    let Some(settled) = after.promise.settled().filter(|_| !was_settled) else {
        return Ok(());
    };
    if settled.seq <= Seq::before_batch(batch) || settled.seq > Seq::before_batch(batch + 1) {
        return Err(format!("it settled at {} in batch {batch}", settled.seq));
    }
    let is_timer = matches!(after.promise.kind, Kind::Timer)
        && matches!(settled.outcome, Outcome::Resolved(_));
    let by_time = is_timer || settled.outcome == Outcome::TimedOut;
    if by_time && settled.at < after.promise.timeout_at {
        return Err(format!(
            "due at {}, it fired at {}",
            after.promise.timeout_at, settled.at
        ));
    }
    if settled.at > now {
        return Err(format!("it settled at {}, and it is {now}", settled.at));
    }
    Ok(())
}
