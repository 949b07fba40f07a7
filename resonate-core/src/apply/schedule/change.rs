//! Change: pause, resume, delete, trigger now, backfill.
//!
//! Refuses `NotFound`, and `NotAllowed` for what is no schedule, was deleted, or asks for more than may wait.

use std::sync::Arc;

use super::{super::edit::Edit, fire};
use crate::{
    Mode, PromiseId, Refusal, Reply, Schedule, ScheduleChange, SettleKey, Timestamp, Waiting,
    limits,
};

pub(in crate::apply) fn apply(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    change: ScheduleChange,
) -> Result<Reply, Refusal> {
    let schedule = Arc::clone(super::known(edit, id)?);
    if schedule.mode == Mode::Deleted && change != ScheduleChange::Delete {
        return refused(
            id,
            "the schedule was deleted; create it again first".to_owned(),
        );
    }
    if let ScheduleChange::Pause { reason } = &change
        && reason.len() > limits::TAG_BYTES
    {
        return Err(Refusal::TooLarge {
            id: id.clone(),
            what: "the reason",
            bytes: reason.len(),
            max: limits::TAG_BYTES,
        });
    }
    let new = match change {
        ScheduleChange::Pause { reason } => stop(edit, id, &schedule, Mode::Paused { reason }),
        ScheduleChange::Resume => resume(edit, id, &schedule),
        ScheduleChange::Delete => stop(edit, id, &schedule, Mode::Deleted),
        ScheduleChange::Trigger { key } => return trigger(edit, id, &schedule, key),
        ScheduleChange::Backfill { from, to } => backfill(edit, id, &schedule, from, to)?,
    };
    let record = Arc::clone(edit.known(id)?);
    Ok(Reply::Promise { record, new })
}

/// It fires no more. What is under way goes on; what waits to fire is forgotten with the schedule, but not by a pause.
fn stop(edit: &mut Edit<'_>, id: &PromiseId, old: &Schedule, mode: Mode) -> bool {
    let is_so = match (&old.mode, &mode) {
        (Mode::Paused { .. }, Mode::Paused { .. }) | (Mode::Deleted, Mode::Deleted) => true,
        (Mode::Active | Mode::Paused { .. } | Mode::Deleted, _) => false,
    };
    if is_so {
        return false;
    }
    let mut schedule = old.clone();
    if mode == Mode::Deleted {
        schedule.waiting.clear();
    }
    schedule.mode = mode;
    super::write(edit, id, schedule, Timestamp::NEVER);
    true
}

/// It fires from now on; fire times that passed meanwhile are nobody's fault and can be backfilled.
fn resume(edit: &mut Edit<'_>, id: &PromiseId, old: &Schedule) -> bool {
    if old.is_active() {
        return false;
    }
    let mut schedule = old.clone();
    schedule.mode = Mode::Active;
    let next = fire::next(&mut schedule, edit.now());
    super::write(edit, id, schedule, next);
    fire::ended(edit, id);
    true
}

/// A firing of now, also of a paused schedule. It keeps to the overlap policy.
fn trigger(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    schedule: &Schedule,
    key: Option<SettleKey>,
) -> Result<Reply, Refusal> {
    if let Some(record) = fire::triggered(edit, id, key) {
        return Ok(Reply::Promise { record, new: true });
    }
    let is_asked_for = |waiting: &Waiting| key.is_some() && waiting.key == key;
    if schedule.waiting.iter().any(is_asked_for) {
        let record = Arc::clone(edit.known(id)?);
        return Ok(Reply::Promise { record, new: true });
    }
    // Another firing may have this very millisecond.
    let mut at = edit.now();
    while fire::is_taken(edit, id, schedule, at) {
        at = Timestamp::from_millis(at.as_millis().saturating_add(1));
    }
    let mut changed = schedule.clone();
    if let Err(why) = fire::come(edit, id, &mut changed, Waiting { at, key }) {
        let why = match why {
            crate::WhyMissed::Overlap => {
                "a firing is under way, and the overlap policy is `skip`; wait for it, or cancel it"
            }
            crate::WhyMissed::Late | crate::WhyMissed::Full => {
                "as many firings as may be are under way or wait; cancel some"
            }
        };
        return refused(id, why.to_owned());
    }
    let next = edit.known(id)?.promise.timeout_at;
    super::write(edit, id, changed, next);
    let proxy = edit.get(&id.firing_proxy(at)).map(Arc::clone);
    let record = match proxy {
        Some(proxy) => proxy,
        None => Arc::clone(edit.known(id)?),
    };
    Ok(Reply::Promise { record, new: true })
}

/// Fire times of the past come one after the other, whatever the overlap policy; those that have been are left out.
fn backfill(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    old: &Schedule,
    from: Timestamp,
    to: Timestamp,
) -> Result<bool, Refusal> {
    if to > edit.now() {
        let why = "a backfill is of the past; what is to come fires by itself";
        return refused(id, why.to_owned());
    }
    let timing = match old.timing() {
        Ok(timing) => timing,
        Err(bad) => return refused(id, bad.to_string()),
    };
    let before = Timestamp::from_millis(from.as_millis().saturating_sub(1));
    let mut schedule = old.clone();
    for (n, at) in timing
        .upcoming(before)
        .take_while(|at| *at < to)
        .enumerate()
    {
        if n == limits::FIRINGS_WAITING || schedule.waiting.len() == limits::FIRINGS_WAITING {
            let max = limits::FIRINGS_WAITING;
            let why = format!("more than {max} firings would wait; ask for fewer at a time");
            return refused(id, why);
        }
        if !fire::is_taken(edit, id, &schedule, at) {
            schedule.waiting.push(Waiting { at, key: None });
        }
    }
    if schedule.waiting.len() == old.waiting.len() {
        return Ok(false);
    }
    let next = edit.known(id)?.promise.timeout_at;
    super::write(edit, id, schedule, next);
    fire::ended(edit, id);
    Ok(true)
}

fn refused<T>(id: &PromiseId, why: String) -> Result<T, Refusal> {
    let id = id.clone();
    Err(Refusal::NotAllowed { id, why })
}
