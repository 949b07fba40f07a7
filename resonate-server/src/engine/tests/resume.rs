//! What was halted because the code had left its history goes on by itself on other code, and only there.

use super::*;

/// A worker whose body of `f` has this fingerprint.
fn build(world: &mut World, session: u128, body: u64, granted: u64) -> Worker {
    let mut hello = hello(session, &["f"], granted);
    hello.functions[0].body_fingerprint = body;
    world.connect(hello)
}

fn diverges(world: &mut World, worker: &Worker, task: &str, version: u64) {
    let end = End::Halt {
        cause: HaltCause::NonDeterministic,
        reason: "another call".to_owned(),
    };
    let turn = worker.turn(task, version, 1, Vec::new(), end);
    world.say(worker, [turn]);
}

#[test]
fn a_worker_with_other_code_gets_what_was_halted_and_each_code_once() {
    let mut world = World::new();
    let mut broken = build(&mut world, 1, 7, 9);
    world.ask(create("a"));
    assert_eq!(broken.tasks(), ["a v1"]);
    diverges(&mut world, &broken, "a", 1);
    assert_eq!(world.state("a"), "pending halted v1");

    let mut alike = build(&mut world, 2, 7, 9);
    assert_eq!(world.state("a"), "pending halted v1");

    let mut mended = build(&mut world, 3, 8, 9);
    assert_eq!(mended.tasks(), ["a v2"]);
    diverges(&mut world, &mended, "a", 2);
    assert_eq!(
        world.state("a"),
        "pending halted v2",
        "no better, and not tried again"
    );
    let mut again = build(&mut world, 4, 8, 9);
    assert_eq!(
        (broken.tasks(), alike.tasks(), again.tasks()),
        (vec![], vec![], vec![])
    );
    world.check();
}

#[test]
fn other_code_that_is_there_already_gets_it_at_once() {
    let mut world = World::new();
    let mut broken = build(&mut world, 1, 7, 1);
    world.ask(create("a"));
    let mut fitting = build(&mut world, 2, 8, 9);
    assert_eq!(broken.tasks(), ["a v1"]);
    diverges(&mut world, &broken, "a", 1);
    assert_eq!(fitting.tasks(), ["a v2"]);
    world.say(&fitting, [fitting.fulfill("a", 2)]);
    assert_eq!(world.state("a"), "resolved done v2");
    world.check();
}

#[test]
fn it_waits_for_a_place_and_is_found_again_after_a_restart() {
    let mut world = World::new();
    let broken = build(&mut world, 1, 7, 9);
    world.ask(create("a"));
    diverges(&mut world, &broken, "a", 1);
    world.restart();
    let mut full = build(&mut world, 2, 8, 0);
    assert_eq!(world.state("a"), "pending halted v1");
    world.say(&full, [FromWorker::Credits { granted: 1 }]);
    assert_eq!(full.tasks(), ["a v2"]);
    world.check();
}

#[test]
fn what_an_operator_halted_stays_so() {
    let mut world = World::new();
    let mut broken = build(&mut world, 1, 7, 9);
    world.ask(create("a"));
    assert_eq!(broken.tasks(), ["a v1"]);
    let (cause, reason) = (HaltCause::Operator, "stop".to_owned());
    world.ask(Request::Halt {
        id: id("a"),
        cause,
        reason,
        key: None,
    });
    build(&mut world, 2, 8, 9);
    assert_eq!(world.state("a"), "pending halted v1");
    world.check();
}

/// Two that one build has left.
fn two_halted(world: &mut World) {
    let broken = build(world, 1, 7, 9);
    for task in ["a", "b"] {
        world.ask(create(task));
        diverges(world, &broken, task, 1);
        assert_eq!(world.state(task), "pending halted v1");
    }
}

#[test]
fn a_worker_gets_no_more_of_them_than_it_has_places() {
    let mut world = World::new();
    two_halted(&mut world);
    let mut fitting = build(&mut world, 2, 8, 1);
    assert_eq!(fitting.tasks().len(), 1);
    world.say(&fitting, [FromWorker::Credits { granted: 2 }]);
    assert_eq!(fitting.tasks().len(), 1);
    world.check();
}

#[test]
fn what_goes_on_counts_against_the_limit_of_its_function() {
    let mut world = World::new();
    two_halted(&mut world);
    let mut hello = hello(2, &["f"], 9);
    hello.functions[0].body_fingerprint = 8;
    hello.functions[0].defaults.allowed.concurrency = Some(1);
    let mut fitting = world.connect(hello);
    let first = fitting.dispatches();
    assert_eq!(first.len(), 1);
    let task = first[0].record.promise.id.to_string();
    world.say(&fitting, [fitting.fulfill(&task, 2)]);
    assert_eq!(fitting.tasks().len(), 1);
    world.check();
}
