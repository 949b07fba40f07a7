//! Restart: an execution begins anew, or another one does, with what its history held before a chosen call.
//!
//! Settled records never change, so what is kept is copied: into the next generation of the same promise, or below another
//! root. What was asked for before the chosen call and has a result keeps it; everything else is asked for again.
//!
//! Refuses `NotFound`, `NotACall`, `AlreadySettled` for a restart, and `NotAllowed` for a call that is not of this history,
//! where something kept was undone, and for a history that is too long to be copied in one write.

use std::{collections::BTreeSet, sync::Arc};

use super::{claim, create, edit::Edit, feed, wave};
use crate::{
    Compensation, Create, Effect, Kind, NewPromise, Outcome, PromiseId, PromiseState, Record,
    Refusal, Reply, Restart, SettleKey, Story, Task, Timestamp, Tree, limits,
};

/// The same promise begins its next generation.
pub(super) fn apply(edit: &mut Edit<'_>, restart: Restart) -> Result<Reply, Refusal> {
    let Restart {
        id,
        at,
        version,
        key,
    } = restart;
    let record = Arc::clone(edit.known(&id)?);
    let task = edit.task(&id)?;
    if key.is_some() && task.continued_by == key {
        return Ok(Reply::Promise { record, new: true });
    }
    if let Some(settled) = record.promise.settled() {
        let outcome = settled.outcome.clone();
        return Err(Refusal::AlreadySettled { id, outcome });
    }
    let kept = kept(edit.tree(), &record, at.as_ref())?;
    if let Some(session) = task.session().or(task.warm.map(|warm| warm.session)) {
        let (task, version) = (id.clone(), task.version);
        let why = "restarted".to_owned();
        edit.effect(Effect::Drop {
            session,
            task,
            version,
            why,
        });
    }
    give_back_what_is_not_kept(edit, &record, &kept);
    next_generation(edit, &id, version, key);
    begin_with(edit, &id, &kept);
    wave::below(edit, &id);
    Ok(Reply::Promise {
        record: Arc::clone(edit.known(&id)?),
        new: true,
    })
}

/// Messages that were read after the chosen call are read again.
fn give_back_what_is_not_kept(edit: &mut Edit<'_>, record: &Record, kept: &[Arc<Record>]) {
    let id = &record.promise.id;
    let is_kept: BTreeSet<_> = kept.iter().map(|child| &child.promise.id).collect();
    let mut read: Vec<_> = claim::history(edit.tree(), record);
    read.retain(|child| {
        matches!(child.promise.kind, Kind::Receive) && !is_kept.contains(&child.promise.id)
    });
    read.sort_by_key(|child| std::cmp::Reverse(position(child)));
    for child in read {
        feed::receive::give_back(edit, id, &child.promise.id);
    }
}

fn next_generation(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    version: Option<u32>,
    key: Option<SettleKey>,
) {
    let now = edit.now();
    edit.update(id, |record| {
        record.begin_anew(now);
        if let (Kind::Call(call), Some(version)) = (&mut record.promise.kind, version) {
            Arc::make_mut(call).address.version = version;
        }
        if let Some(task) = &mut record.task {
            task.warm = None;
            task.continued_by = key;
        }
    });
}

/// What another root begins with that is to be as this execution was before `at`.
pub(super) fn story(
    edit: &Edit<'_>,
    id: &PromiseId,
    at: Option<&PromiseId>,
) -> Result<Reply, Refusal> {
    let record = edit.known(id)?;
    let promise = &record.promise;
    let Kind::Call(call) = &promise.kind else {
        return Err(Refusal::NotACall(id.clone()));
    };
    let now = edit.now();
    let mut call = Arc::clone(call);
    Arc::make_mut(&mut call).start_at = Timestamp::ZERO;
    let timeout_at = if promise.timeout_at.is_never() {
        promise.timeout_at
    } else {
        now.after(promise.created_at.until(promise.timeout_at))
    };
    Ok(Reply::Story(Box::new(Story {
        promise: NewPromise {
            id: id.clone(),
            call: Some(call),
            timeout_at,
            labels: promise.labels.clone(),
            tags: promise.tags.clone(),
        },
        history: kept(edit.tree(), record, at)?,
    })))
}

/// Another root, with such a story.
pub(super) fn fork(edit: &mut Edit<'_>, story: Story) -> Result<Reply, Refusal> {
    let Story { promise, history } = story;
    let id = promise.id.clone();
    if promise.call.is_none() {
        return Err(Refusal::NotACall(id));
    }
    let any = false;
    let reply = create::apply(edit, Create { promise, any })?;
    if let Reply::Promise { record, new: true } = &reply
        && record.promise.is_pending()
    {
        begin_with(edit, &id, &history);
    }
    Ok(reply)
}

/// The children that are kept: those asked for before `at` that have a result, in log order, then what would undo them.
fn kept(tree: &Tree, record: &Record, at: Option<&PromiseId>) -> Result<Vec<Arc<Record>>, Refusal> {
    let Some(at) = at else { return Ok(Vec::new()) };
    let id = &record.promise.id;
    let end = tree
        .get(at)
        .filter(|child| child.promise.parent() == Some(id))
        .filter(|child| claim::is_of_this_history(record, child))
        .and_then(|child| position(child))
        .ok_or_else(|| Refusal::NotAllowed {
            id: at.clone(),
            why: format!("it is no call of {id} as it runs now; `resonate tree {id}` shows those"),
        })?;
    let mut kept = claim::history(tree, record);
    kept.retain(|child| position(child).is_some_and(|position| position < end));
    let with_result: BTreeSet<_> = kept
        .iter()
        .filter(|child| !child.promise.is_pending())
        .map(|child| child.promise.id.clone())
        .collect();
    let belongs_to_kept = |compensation: &Compensation| {
        let of = compensation.of.as_ref();
        of.is_none_or(|of| with_result.contains(of))
    };
    let undoing = kept.iter().find(|child| {
        let compensation = child.promise.compensation.as_ref();
        compensation.is_some_and(belongs_to_kept) && has_undone(child)
    });
    if let Some(undoing) = undoing {
        return Err(Refusal::NotAllowed {
            id: at.clone(),
            why: format!(
                "{} has begun to undo what was done before it; choose a call before that",
                undoing.promise.id
            ),
        });
    }
    kept.retain(|child| match &child.promise.compensation {
        Some(compensation) => belongs_to_kept(compensation),
        None => !child.promise.is_pending(),
    });
    if kept.iter().any(|child| child.promise.id.is_flattened()) {
        return Err(Refusal::NotAllowed {
            id: id.clone(),
            why: "its calls have ids that were shortened to a hash, which say no name that a copy could have; it can only \
                  begin at its beginning"
                .to_owned(),
        });
    }
    fits(id, &kept)?;
    Ok(kept)
}

/// True for a compensation that was needed: it has begun, or an operator has settled it.
fn has_undone(child: &Record) -> bool {
    if child.promise.compensation.is_none() || child.is_dormant() {
        return false;
    }
    let has_lapsed = child
        .promise
        .settled()
        .is_some_and(|settled| matches!(settled.outcome, Outcome::Canceled { .. }));
    let has_begun = |task: &Task| task.turn > 0 || task.attempts > 0;
    !has_lapsed || child.task.as_ref().is_some_and(has_begun)
}

fn position(child: &Record) -> Option<u32> {
    child.promise.origin.as_ref().map(|origin| origin.position)
}

/// Writes what is kept as the history of a promise that has none.
fn begin_with(edit: &mut Edit<'_>, id: &PromiseId, kept: &[Arc<Record>]) {
    let Some(new) = edit.get(id).cloned() else {
        return;
    };
    let renamed = |old: &PromiseId| {
        let name = old.as_str().rsplit('.').next().unwrap_or_default();
        id.child(new.promise.generation, name, 0)
    };
    for child in kept {
        let mut copy = Record::clone(child);
        let promise = &mut copy.promise;
        promise.id = renamed(&promise.id);
        promise.created_at = edit.now();
        promise.awaiters.clear();
        // What it emitted is to be read where it was emitted.
        promise.feeds = None;
        if let Some(origin) = &mut promise.origin {
            origin.parent = id.clone();
            origin.generation = new.promise.generation;
            origin.depth = new
                .promise
                .origin
                .as_ref()
                .map_or(1, |above| above.depth + 1);
        }
        if let Some(Compensation { of: Some(of), .. }) = &mut promise.compensation {
            *of = renamed(of);
        }
        if promise.compensation.is_some() {
            // One that had lapsed may be needed after all.
            promise.state = PromiseState::Pending;
            let version = copy.task.map(|task| task.version).unwrap_or_default();
            copy.task = Some(Task::pending(version, Compensation::ASLEEP));
        } else if let PromiseState::Settled(settled) = &mut promise.state {
            (settled.at, settled.seq) = (edit.now(), edit.next_seq());
            // Of what it names this history knows nothing.
            (settled.key, settled.because_of) = (None, None);
        }
        edit.insert(copy);
    }
}

/// Refuses what is too much for one write.
fn fits(id: &PromiseId, kept: &[Arc<Record>]) -> Result<(), Refusal> {
    let bytes: usize = kept.iter().map(|child| child.payload_bytes()).sum();
    if kept.len() <= limits::KEPT && bytes <= limits::KEPT_BYTES {
        return Ok(());
    }
    let (calls, most, most_bytes) = (kept.len(), limits::KEPT, limits::KEPT_BYTES);
    Err(Refusal::NotAllowed {
        id: id.clone(),
        why: format!(
            "it made {calls} calls of {bytes} bytes before that one; at most {most} of {most_bytes} bytes are copied, choose an \
             earlier one"
        ),
    })
}

impl Record {
    /// Its next generation begins.
    pub(super) fn begin_anew(&mut self, now: Timestamp) {
        self.promise.generation += 1;
        // Offsets go on, so who reads the stream sees one; what is unread stays.
        if let Some(feeds) = &mut self.promise.feeds {
            feeds.stream.emitted = 0;
        }
        if let Some(task) = &mut self.task {
            // What ended a generation is progress.
            (task.attempts, task.failures) = (0, 0);
            task.forgive();
            task.misfits.clear();
            task.last_failure = None;
            task.ready(now);
        }
    }
}
