//! Fire: a fire time has come. Each becomes a proxy below the schedule that creates the root `ID/FIRE-TIME`, once.
//!
//! Later than the catch-up window it is missed, and so it may be if another firing is under way: the overlap policy says.

use std::{collections::BTreeMap, sync::Arc};

use super::super::edit::Edit;
use crate::{
    Kind, Link, Message, Missed, Mode, NewPromise, Origin, Overlap, Promise, PromiseId,
    PromiseState, Record, Schedule, Seq, SettleKey, Timestamp, Timing, Waiting, WhyMissed, limits,
};

/// The tag of a root that says which schedule created it.
const SCHEDULE: &str = "schedule";
/// The tag of a proxy that says which request asked for it.
const KEY: &str = "key";

/// The fire times that have passed, a bounded number of them; the rest stays due.
pub(in crate::apply) fn due(edit: &mut Edit<'_>, id: &PromiseId) {
    let Some(record) = edit.get(id) else { return };
    let Kind::Schedule(schedule) = &record.promise.kind else {
        return;
    };
    let (mut schedule, mut at) = (Schedule::clone(schedule), record.promise.timeout_at);
    if at > edit.now() {
        return;
    }
    let Some(timing) = timing(&mut schedule) else {
        return super::write(edit, id, schedule, Timestamp::NEVER);
    };
    let window = schedule.plan.catch_up.max(limits::CATCH_UP_MIN);
    let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
    let oldest = Timestamp::from_millis(edit.now().as_millis().saturating_sub(window));
    if at < oldest {
        at = late(&mut schedule, &timing, at, oldest);
    }
    for _ in 0..limits::FIRINGS {
        if at > edit.now() {
            break;
        }
        if let Err(why) = come(edit, id, &mut schedule, Waiting { at, key: None }) {
            miss(&mut schedule, at, at, 1, why);
        }
        at = timing.next_after(at).unwrap_or(Timestamp::NEVER);
    }
    super::write(edit, id, schedule, at);
}

/// A firing has ended: the next that waits comes, unless the schedule is paused.
pub(in crate::apply) fn ended(edit: &mut Edit<'_>, id: &PromiseId) {
    let Some(record) = edit.get(id) else { return };
    let Kind::Schedule(schedule) = &record.promise.kind else {
        return;
    };
    if schedule.waiting.is_empty() || !schedule.is_active() || edit.tree().pending_count(id) > 0 {
        return;
    }
    let (mut schedule, next) = (Schedule::clone(schedule), record.promise.timeout_at);
    let first = schedule.waiting.remove(0);
    start(edit, id, &mut schedule, first);
    super::write(edit, id, schedule, next);
}

/// The next fire time. A time zone that is not known any more pauses the schedule, with the reason.
pub(super) fn next(schedule: &mut Schedule, now: Timestamp) -> Timestamp {
    let next = timing(schedule).and_then(|timing| timing.next_after(now));
    next.unwrap_or(Timestamp::NEVER)
}

fn timing(schedule: &mut Schedule) -> Option<Timing> {
    match schedule.timing() {
        Ok(timing) => Some(timing),
        Err(bad) => {
            let reason = bad.to_string();
            schedule.mode = Mode::Paused { reason };
            None
        }
    }
}

/// True if this fire time is under way, has been, or waits.
pub(super) fn is_taken(
    edit: &Edit<'_>,
    id: &PromiseId,
    schedule: &Schedule,
    at: Timestamp,
) -> bool {
    schedule.waiting.iter().any(|waiting| waiting.at == at)
        || edit.get(&id.firing_proxy(at)).is_some()
}

/// The firing that a request with this key asked for.
pub(super) fn triggered(
    edit: &Edit<'_>,
    id: &PromiseId,
    key: Option<SettleKey>,
) -> Option<Arc<Record>> {
    let key = written(key?);
    let tree = edit.tree();
    tree.settled_after(id, Seq::ZERO)
        .chain(tree.pending_children(id))
        .find(|record| record.promise.tags.get(KEY) == Some(&key))
        .map(Arc::clone)
}

/// A fire time comes: it starts, waits or is missed.
pub(super) fn come(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    schedule: &mut Schedule,
    firing: Waiting,
) -> Result<(), WhyMissed> {
    let under_way = edit.tree().pending_count(id);
    match schedule.plan.overlap {
        _ if under_way == 0 => {}
        Overlap::Skip => return Err(WhyMissed::Overlap),
        Overlap::Queue if schedule.waiting.len() < limits::FIRINGS_WAITING => {
            schedule.waiting.push(firing);
            return Ok(());
        }
        Overlap::Queue => return Err(WhyMissed::Full),
        Overlap::Allow | Overlap::CancelRunning if under_way >= limits::FIRINGS_UNDER_WAY => {
            return Err(WhyMissed::Full);
        }
        Overlap::Allow => {}
        Overlap::CancelRunning => cancel(edit, id, firing.at),
    }
    start(edit, id, schedule, firing);
    Ok(())
}

/// What is under way is canceled; its proxies hear of it like of every end.
fn cancel(edit: &mut Edit<'_>, id: &PromiseId, at: Timestamp) {
    let running: Vec<_> = edit
        .tree()
        .pending_children(id)
        .filter_map(|record| match &record.promise.kind {
            Kind::Proxy(link) => Some(link.target().clone()),
            Kind::Call(_) | Kind::Step | Kind::Timer | Kind::External | Kind::Schedule(_) => None,
        })
        .collect();
    for running in running {
        let reason = format!("{} came, and {id} cancels what is running", id.firing(at));
        edit.send(Message::Cancel {
            id: running,
            reason,
        });
    }
}

fn start(edit: &mut Edit<'_>, id: &PromiseId, schedule: &mut Schedule, firing: Waiting) {
    let Waiting { at, key } = firing;
    let proxy = id.firing_proxy(at);
    if edit.get(&proxy).is_some() {
        return;
    }
    let timeout_at = match schedule.plan.timeout {
        Some(timeout) => edit.now().after(timeout),
        None => Timestamp::NEVER,
    };
    let promise = Box::new(NewPromise {
        id: id.firing(at),
        call: Some(Arc::clone(&schedule.plan.call)),
        timeout_at,
        labels: BTreeMap::new(),
        tags: BTreeMap::from([(SCHEDULE.to_owned(), id.to_string())]),
    });
    schedule.fired += 1;
    let link = Link::Call {
        promise: promise.clone(),
        detached: false,
    };
    let key = key.map(|key| (KEY.to_owned(), written(key)));
    let record = Promise {
        id: proxy.clone(),
        kind: Kind::Proxy(link),
        state: PromiseState::Pending,
        created_at: edit.now(),
        timeout_at: Timestamp::NEVER,
        origin: Some(Origin {
            parent: id.clone(),
            generation: 1,
            position: u32::try_from(schedule.fired).unwrap_or(u32::MAX),
            location: Arc::from(SCHEDULE),
            called_at: at,
            depth: 1,
        }),
        generation: 1,
        shielded: false,
        compensation: None,
        labels: BTreeMap::new(),
        tags: key.into_iter().collect(),
        awaiters: Vec::new(),
    };
    edit.insert(Record {
        promise: record,
        task: None,
    });
    edit.send(Message::Create {
        promise,
        back: proxy,
        detached: false,
    });
    forget(edit, id);
}

/// Of the firings that have ended the oldest go. Their roots stay, so no fire time can come twice.
fn forget(edit: &mut Edit<'_>, id: &PromiseId) {
    while edit.tree().settled_count(id) > limits::FIRINGS_KEPT {
        let tree = edit.tree();
        let is_over = |record: &&Arc<Record>| tree.first_page(&record.promise.id).is_none();
        let oldest = tree.settled_after(id, Seq::ZERO).find(is_over);
        let Some(oldest) = oldest.map(|record| record.promise.id.clone()) else {
            return;
        };
        edit.remove(&oldest);
    }
}

/// Skips what is older than the catch-up window; gives the first that is not.
fn late(
    schedule: &mut Schedule,
    timing: &Timing,
    first: Timestamp,
    oldest: Timestamp,
) -> Timestamp {
    let (mut last, mut count) = (first, 1);
    while count < limits::FIRINGS_COUNTED
        && let Some(at) = timing.next_after(last).filter(|at| *at < oldest)
    {
        last = at;
        count += 1;
    }
    miss(schedule, first, last, count, WhyMissed::Late);
    let before = Timestamp::from_millis(oldest.as_millis().saturating_sub(1));
    timing.next_after(before).unwrap_or(Timestamp::NEVER)
}

fn miss(schedule: &mut Schedule, from: Timestamp, to: Timestamp, count: u32, why: WhyMissed) {
    schedule.missed += u64::from(count);
    if schedule.latest_missed.len() >= limits::MISSED_KEPT {
        schedule.latest_missed.remove(0);
    }
    schedule.latest_missed.push(Missed {
        from,
        to,
        count,
        why,
    });
}

fn written(key: SettleKey) -> String {
    format!("{:032x}", key.0)
}
