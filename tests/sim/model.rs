//! What is durable, as the simulator keeps it beside the store, and the rules of how it may change.
//!
//! It is fed with every lane that became durable and shares no code with the engine: what a record may become is said
//! here once more. What leaves the server is compared with it in [`told`](crate::told).

use std::{collections::BTreeMap, sync::Arc};

use resonate_core::{
    HaltCause, Kind, Message, Outcome, Part, PromiseId, Record, Seq, TaskState, Timestamp, Tree,
};
use resonate_proto::store::{Stored, decode_message, decode_row};
use resonate_server::store::{Batch, Mark};

use crate::{leases::Leases, told::Told};

/// Everything that is durable.
#[derive(Default)]
pub(crate) struct Model {
    roots: BTreeMap<u64, String>,
    trees: BTreeMap<String, Tree>,
    /// Written and not yet applied, by source.
    messages: BTreeMap<(Part, Mark), Message>,
    /// The token under which an outcome was recorded, of what ran to its end.
    recorded: BTreeMap<PromiseId, u64>,
    last: BTreeMap<Part, u64>,
    /// Since the last look at the whole.
    is_changed: bool,
    pub(crate) told: Told,
    pub(crate) leases: Leases,
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

    /// True if something that was written has not been applied.
    pub(crate) fn has_messages(&self) -> bool {
        !self.messages.is_empty()
    }

    /// Tasks that are halted, and why.
    pub(crate) fn halted(&self) -> Vec<(PromiseId, HaltCause, String)> {
        let halted = |record: &Arc<Record>| match &record.task.as_ref()?.state {
            TaskState::Halted(halted) => {
                let id = record.promise.id.clone();
                Some((id, halted.cause, halted.reason.clone()))
            }
            TaskState::Pending { .. }
            | TaskState::Leased { .. }
            | TaskState::Suspended { .. }
            | TaskState::Done => None,
        };
        self.records().filter_map(halted).collect()
    }

    /// Promises that somebody outside has to settle.
    pub(crate) fn gates(&self) -> Vec<PromiseId> {
        let is_gate = |record: &&Arc<Record>| {
            record.promise.is_pending() && matches!(record.promise.kind, Kind::External)
        };
        self.records()
            .filter(is_gate)
            .map(|record| record.promise.id.clone())
            .collect()
    }

    /// A lane became durable.
    pub(crate) fn committed(
        &mut self,
        lane: &[Batch],
        now: Timestamp,
        steady: Timestamp,
    ) -> Result<(), String> {
        self.is_changed = true;
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
            let mut settled = Vec::new();
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
                let before = self.get(&record.promise.id).cloned();
                self.noted.extend(note(before.as_deref(), &record));
                may_become(before.as_deref(), &record, batch.seq, now)
                    .map_err(|wrong| format!("{}: {wrong}", record.promise.id))?;
                self.leases
                    .may_take_back(before.as_deref(), &record, steady)
                    .map_err(|wrong| format!("{}: {wrong}", record.promise.id))?;
                if before.is_none_or(|before| before.promise.is_pending()) {
                    settled.extend(record.promise.settled().map(|_| record.promise.id.clone()));
                }
                let root = record.promise.id.root().to_owned();
                self.trees.entry(root).or_default().put(Arc::new(record));
            }
            settled.iter().for_each(|id| self.note_recorded(id));
            self.take_messages(batch)?;
        }
        Ok(())
    }

    fn take_messages(&mut self, batch: &Batch) -> Result<(), String> {
        for row in &batch.outbox {
            let message = decode_message(&row.doc).map_err(|error| error.to_string())?;
            let mark = Mark {
                epoch: batch.epoch,
                seq: batch.seq,
                n: row.n,
            };
            self.messages.insert((batch.part, mark), message);
        }
        for (source, up_to) in &batch.inbox {
            self.messages.retain(|(part, mark), message| {
                part != source || mark > up_to || message.target().part() != batch.part
            });
        }
        Ok(())
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

    /// Everything that must always hold.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        if !std::mem::take(&mut self.is_changed) {
            return Ok(());
        }
        let messages: Vec<Message> = self.messages.values().cloned().collect();
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

/// What a promise is never changes; who claims a call may say what nobody has said of it yet.
fn is_same_kind(before: &Kind, after: &Kind) -> bool {
    match (before, after) {
        (Kind::Call(before), Kind::Call(after)) => {
            before.address == after.address && before.param == after.param
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
            || !is_same_kind(&before.promise.kind, &after.promise.kind)
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
