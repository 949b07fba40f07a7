//! From what came of a request to a line.

use std::fmt::Write as _;

use crate::{
    Applied, Change, Effect, Message, Mode, Outcome, Payload, Record, Reply, Schedule, Seq,
    SessionId, Settlement, TaskState, Timestamp, TurnReply, TurnStatus,
};

pub(super) fn outcome(now: Timestamp, applied: &Applied) -> String {
    let mut line = format!("{now} {}", answer(applied));
    for change in &applied.changed {
        write!(line, " | {}", changed(change)).expect("writing to a String does not fail");
    }
    for record in &applied.removed {
        write!(line, " | -{}", record.promise.id).expect("writing to a String does not fail");
    }
    for page in &applied.pages {
        let proxies = page.after.as_ref().map_or(0, |page| page.proxies.len());
        write!(
            line,
            " | page {} of {} awaiters of {}",
            page.number, proxies, page.of
        )
        .expect("writing to a String does not fail");
    }
    for message in &applied.messages {
        write!(line, " | send {}", sent(message)).expect("writing to a String does not fail");
    }
    for effect in &applied.effects {
        if let Some(text) = shown(effect) {
            write!(line, " | {text}").expect("writing to a String does not fail");
        }
    }
    line
}

fn answer(applied: &Applied) -> String {
    match &applied.answer {
        Err(refusal) => format!("refused {refusal}"),
        Ok(Reply::Promise { record, new }) => format!(
            "{}{}",
            promise(record),
            if *new { "" } else { " (as it was)" }
        ),
        Ok(Reply::Claimed(claimed)) => {
            let children: Vec<_> = claimed
                .children
                .iter()
                .map(|child| promise(child))
                .collect();
            let warmth = if claimed.warm { "warm" } else { "cold" };
            format!("claimed {warmth} [{}]", children.join(", "))
        }
        Ok(Reply::Held { settled }) => format!("held [{}]", settlements(settled)),
        Ok(Reply::Turn(TurnReply { settled, status })) => {
            format!("{} [{}]", became(status), settlements(settled))
        }
        Ok(Reply::Done) => "done".to_owned(),
    }
}

fn became(status: &TurnStatus) -> String {
    match status {
        TurnStatus::Leased => "leased".to_owned(),
        TurnStatus::Suspended => "suspended".to_owned(),
        TurnStatus::Over => "over".to_owned(),
        TurnStatus::Halted { reason } => format!("halted: {reason}"),
    }
}

fn settlements(settled: &[Settlement]) -> String {
    let texts = settled.iter().map(|settlement| {
        let outcome = settlement
            .outcome
            .as_ref()
            .map_or("as recorded".to_owned(), ended);
        format!("{} {outcome} {}", settlement.id, place(settlement.seq))
    });
    texts.collect::<Vec<_>>().join(", ")
}

fn changed(change: &Change) -> String {
    format!(
        "{}{}",
        if change.before.is_none() { "+" } else { "" },
        promise(&change.after)
    )
}

fn promise(record: &Record) -> String {
    let id = &record.promise.id;
    let state = match record.promise.settled() {
        Some(settled) => format!("{} {}", ended(&settled.outcome), place(settled.seq)),
        None if record.promise.timeout_at.is_never() => "pending".to_owned(),
        None => format!("pending until {}", record.promise.timeout_at),
    };
    if let Some(schedule) = record.promise.schedule() {
        return scheduled(record, schedule);
    }
    let Some(task) = record.task.as_ref().filter(|_| record.promise.is_pending()) else {
        return format!("{id} {state}");
    };
    let task_state = match &task.state {
        TaskState::Pending { ready_at } => format!("ready at {ready_at}"),
        TaskState::Leased { session, .. } => format!("leased {}", letter(*session)),
        TaskState::Suspended {
            tied: Some(session),
        } => format!("tied to {}", letter(*session)),
        TaskState::Suspended { tied: None } => "suspended".to_owned(),
        TaskState::Halted(halted) => format!("halted ({})", halted.reason),
        TaskState::Done => "done".to_owned(),
    };
    let mut counts = match (task.attempts, task.failures, task.losses) {
        (0, ..) => String::new(),
        (attempts, failures, losses) => {
            format!(" attempts {attempts} failures {failures} losses {losses}")
        }
    };
    if task.stalls > 0 {
        counts += &format!(" stalls {}", task.stalls);
    }
    format!("{id} {state}, {task_state} v{}{counts}", task.version)
}

fn scheduled(record: &Record, schedule: &Schedule) -> String {
    let promise = &record.promise;
    let mode = match &schedule.mode {
        Mode::Active if promise.timeout_at.is_never() => "never again".to_owned(),
        Mode::Active => format!("next {}", promise.id.firing(promise.timeout_at)),
        Mode::Paused { reason } => format!("paused ({reason})"),
        Mode::Deleted => "deleted".to_owned(),
    };
    let waiting = schedule
        .waiting
        .iter()
        .map(|waiting| promise.id.firing(waiting.at).to_string());
    let waiting: Vec<_> = waiting.collect();
    let missed = schedule.latest_missed.last().map_or(String::new(), |last| {
        format!(
            ", missed {}: {} {} to {} ({})",
            schedule.missed,
            last.count,
            promise.id.firing(last.from),
            promise.id.firing(last.to),
            last.why.name()
        )
    });
    format!(
        "{} {mode}, fired {}, waiting [{}]{missed}",
        promise.id,
        schedule.fired,
        waiting.join(", ")
    )
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Resolved(payload) => format!("resolved {}", text(payload)),
        Outcome::Rejected(payload) => format!("rejected {}", text(payload)),
        Outcome::Failed(failure) => format!("failed {}: {}", failure.kind.name(), failure.message),
        Outcome::Canceled { reason } => format!("canceled ({reason})"),
        Outcome::TimedOut => "timedout".to_owned(),
    }
}

fn sent(message: &Message) -> String {
    match message {
        Message::Create { promise, back, .. } => format!("create {} for {back}", promise.id),
        Message::Subscribe { id, back } => format!("subscribe {id} for {back}"),
        Message::Tell { id, outcome, back } => format!("tell {id} {} for {back}", ended(outcome)),
        Message::Answer { proxy, outcome } => format!("answer {proxy} {}", ended(outcome)),
        Message::Cancel { id, reason } => format!("cancel {id} ({reason})"),
        Message::Unsubscribe { id, back } => format!("unsubscribe {id} for {back}"),
        Message::Wave { id } => format!("wave below {id}"),
        Message::Answers { id } => format!("answers of {id}"),
        Message::Trim { id } => format!("trim below {id}"),
    }
}

/// Every settlement is shown as a change already.
fn shown(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Settled(_) => None,
        Effect::Push {
            session,
            task,
            settlement,
            ..
        } => Some(format!(
            "push {} {task} <- {} {}",
            letter(*session),
            settlement.id,
            place(settlement.seq)
        )),
        Effect::Drop {
            session,
            task,
            version,
            why,
        } => Some(format!(
            "drop {} {task} v{version} ({why})",
            letter(*session)
        )),
    }
}

fn place(seq: Seq) -> String {
    format!("{}.{}", seq.0 >> 16, seq.0 & 0xFFFF)
}

fn letter(session: SessionId) -> char {
    u8::try_from(session.0).map_or('?', char::from)
}

fn text(payload: &Payload) -> String {
    String::from_utf8_lossy(&payload.data).into_owned()
}
