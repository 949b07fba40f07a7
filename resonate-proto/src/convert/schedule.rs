//! Schedules: what is stored of them, and what is asked.

use std::{sync::Arc, time::Duration};

use resonate_core::{
    Missed, Mode, NewSchedule, Overlap, Plan, Schedule, ScheduleChange, Waiting, WhyMissed,
};

use super::{
    BadMessage, Problem, Reading, key_to_wire, millis, read_all, request::check_call, write_all,
};
use crate::{client::ChangeSchedule, v1};

impl From<&Plan> for v1::Plan {
    fn from(plan: &Plan) -> Self {
        Self {
            cron: plan.cron.clone(),
            timezone: plan.timezone.clone(),
            overlap: plan.overlap.name().to_owned(),
            catch_up_ms: millis(plan.catch_up),
            call: Some((&*plan.call).into()),
            timeout_ms: plan.timeout.map_or(0, millis),
        }
    }
}

impl TryFrom<v1::Plan> for Plan {
    type Error = BadMessage;
    fn try_from(wire: v1::Plan) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Plan");
        let call = READING.required("call", wire.call)?;
        Ok(Self {
            cron: wire.cron,
            timezone: wire.timezone,
            overlap: named("Plan", "overlap", &wire.overlap, Overlap::of_name)?,
            catch_up: Duration::from_millis(wire.catch_up_ms),
            call: Arc::new(call.try_into()?),
            timeout: Some(wire.timeout_ms)
                .filter(|millis| *millis > 0)
                .map(Duration::from_millis),
        })
    }
}

impl From<&Schedule> for v1::Schedule {
    fn from(schedule: &Schedule) -> Self {
        let (mode, reason) = match &schedule.mode {
            Mode::Active => (ACTIVE, ""),
            Mode::Paused { reason } => (PAUSED, reason.as_str()),
            Mode::Deleted => (DELETED, ""),
        };
        Self {
            plan: Some((&schedule.plan).into()),
            mode: mode.to_owned(),
            reason: reason.to_owned(),
            planned_at_ms: schedule.planned_at.as_millis(),
            waiting: write_all(&schedule.waiting),
            fired: schedule.fired,
            missed: schedule.missed,
            latest_missed: write_all(&schedule.latest_missed),
        }
    }
}

const ACTIVE: &str = "active";
const PAUSED: &str = "paused";
const DELETED: &str = "deleted";

impl TryFrom<v1::Schedule> for Schedule {
    type Error = BadMessage;
    fn try_from(wire: v1::Schedule) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Schedule");
        let mode = match wire.mode.as_str() {
            ACTIVE => Mode::Active,
            PAUSED => Mode::Paused {
                reason: wire.reason,
            },
            DELETED => Mode::Deleted,
            _ => return Err(READING.bad("mode", Problem::Unknown(wire.mode))),
        };
        Ok(Self {
            plan: READING.required("plan", wire.plan)?.try_into()?,
            mode,
            planned_at: READING.time("planned_at_ms", wire.planned_at_ms)?,
            waiting: read_all(wire.waiting)?,
            fired: wire.fired,
            missed: wire.missed,
            latest_missed: read_all(wire.latest_missed)?,
        })
    }
}

impl From<&Waiting> for v1::Waiting {
    fn from(waiting: &Waiting) -> Self {
        Self {
            at_ms: waiting.at.as_millis(),
            key: key_to_wire(waiting.key),
        }
    }
}

impl TryFrom<v1::Waiting> for Waiting {
    type Error = BadMessage;
    fn try_from(wire: v1::Waiting) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Waiting");
        Ok(Self {
            at: READING.time("at_ms", wire.at_ms)?,
            key: READING.key("key", &wire.key)?,
        })
    }
}

impl From<&Missed> for v1::Missed {
    fn from(missed: &Missed) -> Self {
        Self {
            from_ms: missed.from.as_millis(),
            to_ms: missed.to.as_millis(),
            count: missed.count,
            why: missed.why.name().to_owned(),
        }
    }
}

impl TryFrom<v1::Missed> for Missed {
    type Error = BadMessage;
    fn try_from(wire: v1::Missed) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("Missed");
        Ok(Self {
            from: READING.time("from_ms", wire.from_ms)?,
            to: READING.time("to_ms", wire.to_ms)?,
            count: wire.count,
            why: named("Missed", "why", &wire.why, WhyMissed::of_name)?,
        })
    }
}

impl From<&NewSchedule> for v1::ScheduleRequest {
    fn from(new: &NewSchedule) -> Self {
        Self {
            id: new.id.to_string(),
            plan: Some((&new.plan).into()),
        }
    }
}

impl TryFrom<v1::ScheduleRequest> for NewSchedule {
    type Error = BadMessage;
    fn try_from(wire: v1::ScheduleRequest) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("ScheduleRequest");
        let plan = Plan::try_from(READING.required("plan", wire.plan)?)?;
        check_call(&plan.call)?;
        Ok(Self {
            id: READING.id("id", wire.id)?,
            plan,
        })
    }
}

impl From<&ChangeSchedule> for v1::ChangeScheduleRequest {
    fn from(asked: &ChangeSchedule) -> Self {
        use v1::change_schedule_request::Change as Wire;
        let change = match &asked.change {
            ScheduleChange::Pause { reason } => Wire::Pause(reason.clone()),
            ScheduleChange::Resume => Wire::Resume(v1::Resume {}),
            ScheduleChange::Delete => Wire::Delete(v1::Delete {}),
            ScheduleChange::Trigger { key } => Wire::Trigger(v1::Trigger {
                key: key_to_wire(*key),
            }),
            ScheduleChange::Backfill { from, to } => Wire::Backfill(v1::Backfill {
                from_ms: from.as_millis(),
                to_ms: to.as_millis(),
            }),
        };
        Self {
            id: asked.id.to_string(),
            change: Some(change),
        }
    }
}

impl TryFrom<v1::ChangeScheduleRequest> for ChangeSchedule {
    type Error = BadMessage;
    fn try_from(wire: v1::ChangeScheduleRequest) -> Result<Self, BadMessage> {
        use v1::change_schedule_request::Change as Wire;
        const READING: Reading = Reading("ChangeScheduleRequest");
        let change = match READING.required("change", wire.change)? {
            Wire::Pause(reason) => ScheduleChange::Pause { reason },
            Wire::Resume(v1::Resume {}) => ScheduleChange::Resume,
            Wire::Delete(v1::Delete {}) => ScheduleChange::Delete,
            Wire::Trigger(trigger) => ScheduleChange::Trigger {
                key: Reading("Trigger").key("key", &trigger.key)?,
            },
            Wire::Backfill(backfill) => ScheduleChange::Backfill {
                from: Reading("Backfill").time("from_ms", backfill.from_ms)?,
                to: Reading("Backfill").time("to_ms", backfill.to_ms)?,
            },
        };
        Ok(Self {
            id: READING.id("id", wire.id)?,
            change,
        })
    }
}

fn named<T>(
    message: &'static str,
    field: &'static str,
    text: &str,
    of_name: fn(&str) -> Option<T>,
) -> Result<T, BadMessage> {
    of_name(text).ok_or_else(|| Reading(message).bad(field, Problem::Unknown(text.to_owned())))
}
