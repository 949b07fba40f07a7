//! Every request in every state: one row each, so a new state or verb cannot arrive unnoticed.

use expect_test::expect_file;
use resonate_core::{Message, Request, ScheduleChange, testing::script};

/// A name, and how to get there at time 10. The promise is `a`.
const STATES: &[(&str, &str)] = &[
    ("absent", ""),
    ("external, pending", "0 create a"),
    ("external, settled", "0 create a\n1 settle a resolved 1"),
    ("external, its time passed unseen", "0 create a timeout=9"),
    ("ready", "0 create a s/f"),
    ("ready later", "0 create a s/f at=500"),
    (
        "leased",
        "0 create a s/f\n1 claim a A\n2 turn a v1 A n1 +external a.x => go",
    ),
    (
        "leased, its time passed unseen",
        "0 create a s/f timeout=9\n1 claim a A",
    ),
    (
        "suspended",
        "0 create a s/f\n1 claim a A\n2 turn a v1 A n1 +external a.x => suspend",
    ),
    (
        "tied",
        "0 create a s/f\n1 claim a A\n2 turn a v1 A n1 +external a.x => tie",
    ),
    (
        "woken, warm",
        "0 create a s/f\n1 claim a A\n2 turn a v1 A n1 +external a.x => suspend\n3 settle a.x resolved 1",
    ),
    ("halted", "0 create a s/f\n1 claim a A\n2 halt a by hand"),
    (
        "done",
        "0 create a s/f\n1 claim a A\n2 turn a v1 A n1 => fulfill resolved 1",
    ),
    ("canceled", "0 create a s/f\n1 claim a A\n2 cancel a enough"),
    ("schedule", "0 schedule a s/f cron=*_*_*_*_*"),
    (
        "schedule, paused",
        "0 schedule a s/f cron=*_*_*_*_*\n1 pause a by hand",
    ),
    (
        "schedule, deleted",
        "0 schedule a s/f cron=*_*_*_*_*\n1 delete a",
    ),
];

/// Every request, at time 10. `name` below fails to compile when a variant has no row.
const REQUESTS: &[&str] = &[
    "create a s/f",
    "create a",
    "get a",
    "settle a resolved 1",
    "settle a rejected 2",
    "cancel a enough",
    "claim a B",
    "claim a A v1",
    "hold a v1 A shown=0",
    "hold a v9 A shown=0",
    "recall a v1 A",
    "turn a v1 A n1 => go",
    "turn a v1 A n2 => go",
    "turn a v1 A n2 => suspend",
    "turn a v1 A n2 +record a.s resolved 1 => fulfill resolved 2",
    "turn a v0 A n1 => fulfill resolved 2",
    "turn a v1 B n2 => fulfill resolved 2",
    "release a v1 A lost",
    "release a v1 A back",
    "halt a stop",
    "continue a",
    "expire a",
    "schedule a s/f cron=*_*_*_*_*",
    "schedule a s/f cron=0_3_*_*_* zone=Europe/Berlin",
    "schedule a s/f cron=0_24_*_*_*",
    "pause a enough",
    "resume a",
    "trigger a",
    "backfill a 0 10",
    "backfill a 0 11",
    "delete a",
    "message a create b.p s/f",
    "message a subscribe b.p",
    "message a tell b.p resolved 1",
    "message a answer resolved 1",
    "message a unsubscribe b.p",
    "message a cancel enough",
    "message a wave",
    "message a answers",
    "message a trim",
];

#[test]
fn every_request_in_every_state_has_an_answer() {
    let mut table = String::new();
    for (state, script) in STATES {
        table += &format!("## {state}\n");
        for request in REQUESTS {
            let printed = script::run(&format!("{script}\n10 {request}"));
            let last = printed.lines().last().unwrap_or_default();
            table += &format!("{request}\n    {}\n", last.trim_start_matches("10 "));
        }
    }
    expect_file!["./table.txt"].assert_eq(&table);
}

/// The first word of a request's rows.
fn name(request: &Request) -> &'static str {
    match request {
        Request::Create(_) => "create",
        Request::Get { .. } => "get",
        Request::Settle { .. } => "settle",
        Request::Cancel { .. } => "cancel",
        Request::Claim { .. } => "claim",
        Request::Hold { .. } => "hold",
        Request::Recall { .. } => "recall",
        Request::Turn(_) => "turn",
        Request::Release { .. } => "release",
        Request::Halt { .. } => "halt",
        Request::Continue { .. } => "continue",
        Request::Expire { .. } => "expire",
        Request::Schedule(_) => "schedule",
        Request::ChangeSchedule { change, .. } => match change {
            ScheduleChange::Pause { .. } => "pause",
            ScheduleChange::Resume => "resume",
            ScheduleChange::Delete => "delete",
            ScheduleChange::Trigger { .. } => "trigger",
            ScheduleChange::Backfill { .. } => "backfill",
        },
        Request::Deliver(Message::Cancel { .. }) => "message a cancel",
        Request::Deliver(Message::Create { .. }) => "message a create",
        Request::Deliver(Message::Subscribe { .. }) => "message a subscribe",
        Request::Deliver(Message::Tell { .. }) => "message a tell",
        Request::Deliver(Message::Answer { .. }) => "message a answer",
        Request::Deliver(Message::Unsubscribe { .. }) => "message a unsubscribe",
        Request::Deliver(Message::Wave { .. }) => "message a wave",
        Request::Deliver(Message::Answers { .. }) => "message a answers",
        Request::Deliver(Message::Trim { .. }) => "message a trim",
    }
}

#[test]
fn every_kind_of_request_has_a_row() {
    let bytes: Vec<u8> = (0..200_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut state = resonate_core::Memory::default();
    let mut draw = resonate_core::testing::random::Draw::new(&bytes);
    let mut missing = std::collections::BTreeSet::new();
    while let Some((now, request)) = draw.request(&state) {
        if !REQUESTS.iter().any(|row| row.starts_with(name(&request))) {
            missing.insert(name(&request));
        }
        state.request(now, request);
        for message in state.messages() {
            if !REQUESTS
                .iter()
                .any(|row| row.starts_with(name(&Request::Deliver(message.clone()))))
            {
                missing.insert("a message");
            }
        }
        if state.messages().len() > 3 {
            state.deliver_all();
        }
    }
    assert!(missing.is_empty(), "{missing:?} have no row in the table");
}
