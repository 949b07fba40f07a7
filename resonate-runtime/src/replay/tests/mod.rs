//! Real async bodies over scripted histories and over the reference server; no runtime, no clock.

mod changes;
mod dropping;
mod law;
mod mismatches;
mod run;
mod scripts;
mod turns;
mod world;

use std::fmt::Write as _;

use expect_test::Expect;
use resonate_core::{End, Op, Turn};

use self::run::Run;
use crate::{
    Error, Result,
    call::Call,
    function::{Definition, Options, Parameter},
    plumbing::Output,
    settings::Settings,
};

/// Runs a body over a history, answers what it records, and prints every turn on a line. Places in these tests are `here`.
///
/// A line of a history is `position kind name -> outcome @seq`, or `.. pending`. Kinds: call, step, timer, promise, change.
/// Outcomes are JSON, `!text` for a failure, `canceled`, `timedout`.
#[track_caller]
fn check<F: Future<Output = Result<u64>> + Send + 'static>(
    history: &str,
    body: fn() -> F,
    expected: Expect,
) {
    expected.assert_eq(&trace(history, body));
}

fn trace<F: Future<Output = Result<u64>> + Send + 'static>(
    history: &str,
    body: fn() -> F,
) -> String {
    let mut run = Run::new(&run::records(history), body());
    let mut text = String::new();
    loop {
        run.drive();
        let turn = run.turn();
        if turn.ops.is_empty() && turn.end == End::GoOn {
            break;
        }
        let is_over = turn.end != End::GoOn;
        writeln!(text, "{}", line(&turn)).unwrap();
        if is_over {
            break;
        }
        run.answer(&turn);
    }
    if run.waiters() > 0 {
        writeln!(text, "waits for {}", run.waiters()).unwrap();
    }
    text
}

/// A turn as tests read it.
fn line(turn: &Turn) -> String {
    let mut said: Vec<_> = turn.ops.iter().map(told).collect();
    said.extend((turn.end != End::GoOn).then(|| ended(&turn.end)));
    here(&said.join(" | "))
}

/// Line numbers of the tests would change with every edit.
fn here(text: &str) -> String {
    let mut parts = text.split(concat!(env!("CARGO_PKG_NAME"), "/src/replay/tests/"));
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "here" + part.trim_start_matches(|c: char| c.is_alphanumeric() || "_.:".contains(c))
    })
}

fn told(op: &Op) -> String {
    match op {
        Op::Create(child) => format!("create {} {}", child.position, child.id),
        Op::CreateClaimed(child) => format!("create claimed {} {}", child.position, child.id),
        Op::Record(child, outcome) => format!(
            "record {} {} {}",
            child.position,
            child.id,
            run::shown(outcome)
        ),
        Op::Cancel { id } => format!("cancel {id}"),
        Op::MoveTimer { id, .. } => format!("move {id}"),
        Op::Label { name, value } => format!("label {name} {value}"),
        Op::State { .. } => "state".to_owned(),
    }
}

fn ended(end: &End) -> String {
    match end {
        End::Fulfill(outcome) => format!("ends {}", run::shown(outcome)),
        End::Fail {
            failure, retryable, ..
        } => {
            format!(
                "fails {}: {}{}",
                failure.kind.name(),
                failure.message,
                if *retryable { ", again" } else { "" }
            )
        }
        End::Halt { reason, .. } => format!("halts: {reason}"),
        End::ContinueAs(_) => "continues".to_owned(),
        End::GoOn | End::Suspend { .. } | End::Release => format!("{end:?}"),
    }
}

const fn function(name: &'static str) -> Definition {
    const PARAMETERS: &[Parameter] = &[Parameter {
        name: "n",
        ty: "u64",
    }];
    Definition {
        name,
        service: "shop",
        version: 1,
        parameters: PARAMETERS,
        result: "Result<u64>",
        body_fingerprint: 0,
        item: || "",
        options: Options::NONE,
        file: "src/shop.rs",
        line: 1,
        run: None,
    }
}

static CHECKOUT: Definition = function("checkout");
static CHARGE: Definition = function("charge");
static SHIP: Definition = function("ship");
static SHIP_2: Definition = Definition {
    version: 2,
    ..function("ship")
};
static PLAIN_LIKE: Definition = Definition {
    result: "Result<String>",
    ..function("plain")
};
static PLAIN: Definition = Definition {
    result: "u64",
    ..function("plain")
};

#[track_caller]
fn call(definition: &'static Definition, n: u64) -> Call<Result<u64>> {
    Call::new(
        definition,
        Output::of_result(),
        Settings::default().encode(None, &(n,)),
    )
}

#[track_caller]
fn charge(n: u64) -> Call<Result<u64>> {
    call(&CHARGE, n)
}

#[track_caller]
fn ship(n: u64) -> Call<Result<u64>> {
    call(&SHIP, n)
}

#[track_caller]
fn plain(n: u64) -> Call<u64> {
    Call::new(
        &PLAIN,
        Output::of_value(),
        Settings::default().encode(None, &(n,)),
    )
}

fn fails(text: &str) -> Error {
    Error::new(text)
}
