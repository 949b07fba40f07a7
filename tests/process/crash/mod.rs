//! A worker dies before and after each of its turns, one run per point; the answer is the same each time, and nothing
//! that was recorded runs again.

mod lane;
mod programs;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use resonate_runtime::testing::TurnPoint;

use self::lane::{Lane, PROGRAMS, Program, Run};
use crate::{effects::Effect, worker::Crash};

/// Runs under way at once: most of the time they wait for the lease of the worker that died.
const LANES: usize = 8;

/// How often a run is made until it comes as far as the turn at which its worker is to die.
const TRIES: usize = 4;

/// One run that is still to be made.
type Todo = (Program, Crash);

/// What a program does when nobody dies.
struct Quiet {
    answer: String,
    effects: BTreeSet<String>,
    points: Vec<Crash>,
}

#[test]
fn a_worker_of_everything_may_die_at_every_turn() {
    the_answer_is_the_same_after_each_crash("tour,till,stock", "json", "");
}

#[test]
fn a_caller_of_other_services_may_die_at_every_turn_with_bincode() {
    // The others write JSON, so each side reads what the other wrote.
    the_answer_is_the_same_after_each_crash("tour", "bincode", "till,stock");
}

#[test]
fn a_worker_that_is_called_may_die_at_every_turn() {
    the_answer_is_the_same_after_each_crash("till,stock", "json", "tour");
}

fn the_answer_is_the_same_after_each_crash(
    mortal: &'static str,
    codec: &'static str,
    staying: &str,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lanes: Vec<_> = (0..LANES)
        .map(|_| Lane::start((mortal, codec), staying, runtime.handle()))
        .collect();
    let quiet: BTreeMap<_, _> = PROGRAMS
        .into_iter()
        .map(|program| (program, quiet(&lanes[0], program)))
        .collect();
    let points = |(program, quiet): (&Program, &Quiet)| {
        let program = *program;
        let points = quiet.points.clone().into_iter();
        points.map(move |point| (program, point))
    };
    let mut todo: Vec<Todo> = quiet.iter().flat_map(points).collect();
    todo.reverse();
    let (all, todo, crashes) = (todo.len(), Mutex::new(todo), Mutex::new(0));
    std::thread::scope(|scope| {
        for lane in &lanes {
            scope.spawn(|| {
                while let Some((program, crash)) = next(&todo) {
                    // What arrives together shares a turn, so a run may have fewer of them than the one that was counted.
                    let has_crashed = (0..TRIES).any(|again| {
                        let name = format!("{}-{again}", name(program, crash));
                        let run = lane.run(program, &name, Some(crash));
                        check(&quiet[&program], &run, program, crash);
                        run.has_crashed
                    });
                    *crashes.lock().unwrap() += usize::from(has_crashed);
                }
            });
        }
    });
    let crashes = crashes.into_inner().unwrap();
    println!("{mortal} in {codec}: {crashes} crashes at {all} points");
    assert!(all * 9 <= crashes * 10, "{crashes} crashes at {all} points");
}

fn next(todo: &Mutex<Vec<Todo>>) -> Option<Todo> {
    todo.lock().unwrap().pop()
}

fn name(program: Program, (point, nth): Crash) -> String {
    format!("{program:?}-{point:?}-{nth}")
}

/// A run in which nobody dies: everything runs once.
fn quiet(lane: &Lane, program: Program) -> Quiet {
    let Run {
        answer,
        has_crashed,
        effects,
        points,
    } = lane.run(program, &format!("{program:?}"), None);
    assert!(!has_crashed);
    let once: BTreeSet<_> = effects.iter().map(|effect| effect.what.clone()).collect();
    assert_eq!(once.len(), effects.len(), "{effects:?}");
    assert!(!points.is_empty(), "{program:?} has no turns");
    Quiet {
        answer,
        effects: once,
        points,
    }
}

fn check(quiet: &Quiet, run: &Run, program: Program, crash: Crash) {
    let name = name(program, crash);
    assert_eq!(run.answer, quiet.answer, "{name}");
    let ran: BTreeSet<_> = run
        .effects
        .iter()
        .map(|effect| effect.what.clone())
        .collect();
    assert_eq!(ran, quiet.effects, "{name}: {:?}", run.effects);
    // A stage begins when the one before is recorded.
    for pair in run.effects.windows(2) {
        let is_in_order = stage(&pair[0]) <= stage(&pair[1]);
        assert!(
            is_in_order,
            "{name}: recorded, and ran again: {:?}",
            run.effects
        );
    }
}

fn stage(effect: &Effect) -> u32 {
    let stage = effect.what.split('_').next();
    stage
        .and_then(|stage| stage.parse().ok())
        .expect("an effect begins with its stage")
}

#[test]
#[should_panic(expected = "recorded, and ran again")]
fn what_runs_again_after_it_was_recorded_is_found() {
    let crash = (TurnPoint::Unsent, 1);
    let effects = ["1_quote", "2_pay", "1_quote"].map(|what| Effect {
        what: what.to_owned(),
        promise: "Tour".to_owned(),
        version: 1,
        process: 1,
    });
    let quiet = Quiet {
        answer: String::new(),
        effects: effects.iter().map(|effect| effect.what.clone()).collect(),
        points: vec![crash],
    };
    let run = Run {
        answer: String::new(),
        has_crashed: true,
        effects: effects.to_vec(),
        points: vec![],
    };
    check(&quiet, &run, Program::Tour, crash);
}
