//! Create: a schedule, once. The same plan again changes nothing; another plan takes its place and keeps the history.
//!
//! Refuses `NotAllowed` (a bad cron expression or time zone, a name that only a turn may create, a promise that is no
//! schedule) and `TooLarge` arguments.

use std::{collections::BTreeMap, sync::Arc};

use super::super::edit::Edit;
use crate::{
    Kind, Mode, NewSchedule, Plan, Promise, PromiseId, PromiseState, Record, Refusal, Reply,
    Schedule, Timestamp, Timing, limits,
};

pub(in crate::apply) fn apply(edit: &mut Edit<'_>, new: NewSchedule) -> Result<Reply, Refusal> {
    let NewSchedule { id, plan } = new;
    name_fits(&id)?;
    let bytes = plan.call.param.bytes();
    if bytes > limits::SCHEDULE_ARGUMENT_BYTES {
        return Err(Refusal::TooLarge {
            id,
            what: "the arguments of a schedule",
            bytes,
            max: limits::SCHEDULE_ARGUMENT_BYTES,
        });
    }
    let timing = match Timing::parse(&plan.cron, &plan.timezone) {
        Ok(timing) => timing,
        Err(bad) => {
            let why = bad.to_string();
            return Err(Refusal::NotAllowed { id, why });
        }
    };
    let next = timing.next_after(edit.now()).unwrap_or(Timestamp::NEVER);
    let new = if edit.get(&id).is_none() {
        edit.insert(record(id.clone(), plan, edit.now(), next));
        true
    } else {
        replan(edit, &id, plan, next)?
    };
    let record = Arc::clone(edit.known(&id)?);
    Ok(Reply::Promise { record, new })
}

/// Another plan for a schedule that exists. One that is paused stays so; one that was deleted is back.
fn replan(
    edit: &mut Edit<'_>,
    id: &PromiseId,
    plan: Plan,
    next: Timestamp,
) -> Result<bool, Refusal> {
    let old = super::known(edit, id)?;
    if old.plan == plan && old.mode != Mode::Deleted {
        return Ok(false);
    }
    let mut schedule = Schedule::clone(old);
    schedule.plan = plan;
    schedule.planned_at = edit.now();
    if schedule.mode == Mode::Deleted {
        schedule.mode = Mode::Active;
    }
    let next = if schedule.is_active() {
        next
    } else {
        Timestamp::NEVER
    };
    super::write(edit, id, schedule, next);
    Ok(true)
}

fn name_fits(id: &PromiseId) -> Result<(), Refusal> {
    let why = if id.as_str().contains(['.', ':']) {
        "the name of a schedule has no `.` and no `:`; write `-` or `/`".to_owned()
    } else if id.as_str().len() > limits::SCHEDULE_ID_BYTES {
        let max = limits::SCHEDULE_ID_BYTES;
        format!("the name of a schedule has at most {max} bytes")
    } else {
        return Ok(());
    };
    let id = id.clone();
    Err(Refusal::NotAllowed { id, why })
}

fn record(id: PromiseId, plan: Plan, now: Timestamp, next: Timestamp) -> Record {
    let schedule = Schedule {
        plan,
        mode: Mode::Active,
        planned_at: now,
        waiting: Vec::new(),
        fired: 0,
        missed: 0,
        latest_missed: Vec::new(),
    };
    let promise = Promise {
        id,
        kind: Kind::Schedule(Arc::new(schedule)),
        state: PromiseState::Pending,
        created_at: now,
        timeout_at: next,
        origin: None,
        generation: 1,
        shielded: false,
        compensation: None,
        labels: BTreeMap::new(),
        tags: BTreeMap::new(),
        awaiters: Vec::new(),
    };
    Record {
        promise,
        task: None,
    }
}
