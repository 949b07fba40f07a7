//! `resonate schedule`.

use std::sync::Arc;

use resonate_core::{
    Kind, Mode, NewSchedule, Overlap, Payload, Plan, PromiseId, Record, Schedule, ScheduleChange,
    SettleKey, Timestamp, Timing,
};
use resonate_proto::client::{ChangeSchedule, PromiseReply, Search, StateFilter};
use serde_json::{Value, json};

use super::{
    args::schedule::{Backfill, Create, Get, Schedules},
    args::{One, Plain, WithReason},
    code::{Code, Failed},
    moment::{long, moment},
    output::{Output, table},
    record,
};
use crate::api::grpc::caller::Caller;

pub(super) async fn run(asked: &Schedules, url: &str, out: Output) -> Result<Code, Failed> {
    match asked {
        Schedules::List(Plain { .. }) => list(url, out).await,
        Schedules::Get(args) => get(args, url, out).await,
        Schedules::Create(args) => create(args, url, out).await,
        Schedules::Pause(WithReason { id, reason, .. }) => {
            let reason = reason.clone();
            change(id, ScheduleChange::Pause { reason }, url, out).await
        }
        Schedules::Resume(One { id, .. }) => change(id, ScheduleChange::Resume, url, out).await,
        Schedules::Delete(One { id, .. }) => change(id, ScheduleChange::Delete, url, out).await,
        Schedules::Trigger(args) => trigger(args, url, out).await,
        Schedules::Backfill(args) => backfill(args, url, out).await,
    }
}

async fn list(url: &str, out: Output) -> Result<Code, Failed> {
    let mut caller = Caller::connect(url).await?;
    let mut search = Search {
        state: Some(StateFilter::Schedule),
        roots_only: true,
        ..Search::default()
    };
    let mut found = Vec::new();
    loop {
        let page = caller.search(&search).await?;
        found.extend(page.records);
        search.cursor = page.cursor;
        if search.cursor.is_empty() {
            break;
        }
    }
    let found: Vec<_> = found
        .iter()
        .filter_map(|record| Some((record, record.promise.schedule()?)))
        .collect();
    if out.is_json() {
        for (record, schedule) in found {
            out.line(&to_json(record, schedule, &[], 1).to_string());
        }
        return Ok(Code::Ok);
    }
    let rows: Vec<_> = found
        .into_iter()
        .map(|(record, schedule)| {
            [
                record.promise.id.to_string(),
                mode(schedule).to_owned(),
                schedule.plan.cron.clone(),
                schedule.plan.timezone.clone(),
                next(record, schedule),
                schedule.plan.call.address.to_string(),
            ]
        })
        .collect();
    out.line(&table(
        ["ID", "STATE", "CRON", "TIME ZONE", "NEXT", "CALLS"],
        &rows,
    ));
    Ok(Code::Ok)
}

async fn get(args: &Get, url: &str, out: Output) -> Result<Code, Failed> {
    let id = schedule_id(&args.id)?;
    let mut caller = Caller::connect(url).await?;
    // What is due by now fires before it is shown.
    let record = caller.get(&id).await?.record;
    let Some(schedule) = record.promise.schedule() else {
        return Err(no_schedule(&id));
    };
    let mut firings = caller.tree(&id).await?;
    firings.retain(|firing| firing.promise.parent() == Some(&id));
    firings.sort_by_key(|firing| std::cmp::Reverse(fire_time(firing)));
    firings.truncate(args.limit);
    out.show(
        || to_json(&record, schedule, &firings, args.next),
        || to_text(&record, schedule, &firings, args.next),
    );
    Ok(Code::Ok)
}

async fn create(args: &Create, url: &str, out: Output) -> Result<Code, Failed> {
    let id = schedule_id(&args.id)?;
    Timing::parse(&args.cron, &args.timezone).map_err(Failed::usage)?;
    let address = args.function.parse().map_err(Failed::usage)?;
    let mut values = Vec::new();
    for text in &args.args {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Failed::usage(format!(
                "--arg {text}: {error}; it is JSON, so text is written '\"{text}\"'"
            ))
        })?;
        values.push(value);
    }
    let plan = Plan {
        cron: args.cron.clone(),
        timezone: args.timezone.clone(),
        overlap: Overlap::of_name(&args.overlap).ok_or_else(|| {
            Failed::usage(format!(
                "{:?} is no overlap policy; choose skip, queue, allow or cancel-running",
                args.overlap
            ))
        })?,
        catch_up: args.catch_up,
        call: Arc::new(resonate_core::Call {
            address,
            signature: 0,
            param: Payload::json(Value::from(values).to_string()),
            retry: None,
            priority: None,
            start_at: Timestamp::ZERO,
        }),
        timeout: args.timeout,
    };
    let mut caller = Caller::connect(url).await?;
    let reply = caller.schedule(&NewSchedule { id, plan }).await?;
    Ok(show(&reply, out))
}

async fn trigger(args: &One, url: &str, out: Output) -> Result<Code, Failed> {
    let key = Some(SettleKey(rand_key()?));
    let asked = ChangeSchedule {
        id: schedule_id(&args.id)?,
        change: ScheduleChange::Trigger { key },
    };
    let reply = Caller::connect(url).await?.change_schedule(&asked).await?;
    let firing = match &reply.record.promise.kind {
        Kind::Proxy(link) => link.target().to_string(),
        Kind::Call(_) | Kind::Step | Kind::Timer | Kind::External | Kind::Schedule(_) => {
            out.note("another firing is under way, so this one waits");
            return Ok(show(&reply, out));
        }
    };
    out.show(|| json!({ "firing": firing }), || firing.clone());
    Ok(Code::Ok)
}

async fn backfill(args: &Backfill, url: &str, out: Output) -> Result<Code, Failed> {
    let time = |text: &str| {
        Timestamp::parse(text).ok_or_else(|| {
            Failed::usage(format!(
                "{text:?} is no time; write it like 2026-12-01T03:00:00Z, with Z or an offset such as +01:00"
            ))
        })
    };
    let (from, to) = (time(&args.from)?, time(&args.to)?);
    change(&args.id, ScheduleChange::Backfill { from, to }, url, out).await
}

async fn change(id: &str, change: ScheduleChange, url: &str, out: Output) -> Result<Code, Failed> {
    let id = schedule_id(id)?;
    let asked = ChangeSchedule { id, change };
    let reply = Caller::connect(url).await?.change_schedule(&asked).await?;
    Ok(show(&reply, out))
}

fn show(reply: &PromiseReply, out: Output) -> Code {
    let record = &reply.record;
    if let Some(schedule) = record.promise.schedule() {
        out.show(
            || to_json(record, schedule, &[], 1),
            || to_text(record, schedule, &[], 1),
        );
    }
    if !reply.new {
        out.note("it was so already");
    }
    Code::Ok
}

fn to_json(record: &Record, schedule: &Schedule, firings: &[Arc<Record>], count: usize) -> Value {
    let plan = &schedule.plan;
    let times = upcoming(record, schedule, count);
    let missed = schedule.latest_missed.iter().map(|missed| {
        json!({ "from": moment(missed.from), "to": moment(missed.to), "count": missed.count, "why": missed.why.name() })
    });
    let reason = match &schedule.mode {
        Mode::Paused { reason } => Some(reason),
        Mode::Active | Mode::Deleted => None,
    };
    json!({
        "id": record.promise.id.to_string(),
        "state": mode(schedule),
        "reason": reason,
        "cron": plan.cron,
        "timezone": plan.timezone,
        "overlap": plan.overlap.name(),
        "catch_up_ms": u64::try_from(plan.catch_up.as_millis()).unwrap_or(u64::MAX),
        "function": plan.call.address.to_string(),
        "next": times.iter().map(|at| moment(*at)).collect::<Vec<_>>(),
        "waiting": schedule.waiting.iter().map(|waiting| moment(waiting.at)).collect::<Vec<_>>(),
        "fired": schedule.fired,
        "missed": schedule.missed,
        "latest_missed": missed.collect::<Vec<_>>(),
        "firings": firings.iter().map(|firing| {
            json!({ "id": target(firing), "fire_time": moment(fire_time(firing)), "state": record::state(firing), "result": record::result(firing) })
        }).collect::<Vec<_>>(),
    })
}

fn to_text(record: &Record, schedule: &Schedule, firings: &[Arc<Record>], count: usize) -> String {
    let plan = &schedule.plan;
    let mut lines = vec![format!("{}  {}", record.promise.id, mode(schedule))];
    let mut line = |name: &str, text: String| lines.push(format!("  {name:<10}{text}"));
    if let Mode::Paused { reason } = &schedule.mode {
        line("reason", reason.clone());
    }
    line("calls", plan.call.address.to_string());
    line("cron", format!("{} in {}", plan.cron, plan.timezone));
    line(
        "overlap",
        format!(
            "{}, catches up {}",
            plan.overlap.name(),
            long(plan.catch_up)
        ),
    );
    let timing = schedule.timing().ok();
    let shown = |at: Timestamp| match &timing {
        Some(timing) => timing.local(at),
        None => moment(at),
    };
    for at in upcoming(record, schedule, count) {
        line("next", shown(at));
    }
    for waiting in &schedule.waiting {
        line("waits", shown(waiting.at));
    }
    line("fired", schedule.fired.to_string());
    line("missed", schedule.missed.to_string());
    for missed in &schedule.latest_missed {
        let (from, to) = (shown(missed.from), shown(missed.to));
        let times = if missed.count == 1 {
            from
        } else {
            format!("{} from {from} to {to}", missed.count)
        };
        line("", format!("{times}: {}", missed.why.name()));
    }
    for firing in firings {
        let state = record::state(firing);
        let at = shown(fire_time(firing));
        line("firing", format!("{at}  {state}  {}", target(firing)));
    }
    lines.join("\n")
}

/// The next firings: the first as it is armed, the others as the plan says.
fn upcoming(record: &Record, schedule: &Schedule, count: usize) -> Vec<Timestamp> {
    let first = record.promise.timeout_at;
    let Some(timing) = schedule.timing().ok().filter(|_| !first.is_never()) else {
        return Vec::new();
    };
    let later: Vec<_> = timing
        .upcoming(first)
        .take(count.saturating_sub(1))
        .collect();
    std::iter::once(first).take(count).chain(later).collect()
}

fn next(record: &Record, schedule: &Schedule) -> String {
    match (record.promise.timeout_at, schedule.timing()) {
        (at, _) if at.is_never() => "-".to_owned(),
        (at, Ok(timing)) => timing.local(at),
        (at, Err(_)) => moment(at),
    }
}

fn mode(schedule: &Schedule) -> &'static str {
    match schedule.mode {
        Mode::Active => "active",
        Mode::Paused { .. } => "paused",
        Mode::Deleted => "deleted",
    }
}

fn fire_time(firing: &Record) -> Timestamp {
    let origin = firing.promise.origin.as_ref();
    origin.map_or(firing.promise.created_at, |origin| origin.called_at)
}

fn target(firing: &Record) -> String {
    match &firing.promise.kind {
        Kind::Proxy(link) => link.target().to_string(),
        Kind::Call(_) | Kind::Step | Kind::Timer | Kind::External | Kind::Schedule(_) => {
            firing.promise.id.to_string()
        }
    }
}

fn schedule_id(text: &str) -> Result<PromiseId, Failed> {
    PromiseId::user_root(text).map_err(Failed::usage)
}

fn no_schedule(id: &PromiseId) -> Failed {
    Failed::usage(format!(
        "`{id}` is no schedule; `resonate get {id}` shows what it is"
    ))
}

/// Tells this trigger from every other.
fn rand_key() -> Result<u128, Failed> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failed::new(Code::Broken, error))?;
    Ok(u128::from_be_bytes(bytes))
}
