//! A disk without room for more: what is new is refused before anything is touched, everything else goes on.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn without_room_nothing_new_is_taken_and_what_is_there_goes_on() {
    let full = Arc::new(AtomicBool::new(false));
    let is_full = Arc::clone(&full);
    let mut world = World::faulty(move |verb| {
        (verb == Verb::Room && is_full.load(Ordering::Relaxed)).then_some(Fault::Full)
    });
    world.ask(create("a"));
    world.ask(create("b"));
    let mut worker = world.worker(1, &["f"], 10);
    assert_eq!(worker.tasks(), ["a v1", "b v1"]);
    full.store(true, Ordering::Relaxed);

    let commits = world.engine.figures.commits;
    assert!(matches!(
        world.try_ask(create("new")),
        Err(AskError::NoRoom(_))
    ));
    assert_eq!(
        world.engine.figures.commits, commits,
        "it was refused before anything was written"
    );
    let unknown = world.try_ask(Request::Get { id: id("new") });
    assert!(matches!(
        unknown,
        Err(AskError::Refused(Refusal::NotFound(_)))
    ));

    world.ask(create("a"));
    let reason = "no longer wanted".to_owned();
    world.ask(Request::Cancel {
        id: id("b"),
        reason,
        key: None,
    });
    assert_eq!(world.state("b"), "canceled done v1");
    let children = vec![Op::Create(child(
        "a.c",
        0,
        ChildKind::External,
        Timestamp::NEVER,
    ))];
    let turn = worker.turn("a", 1, 1, children, End::GoOn);
    world.say(&worker, [turn]);
    assert_eq!(world.state("a.c"), "pending");
    let outcome = Outcome::Resolved(Payload::json("1"));
    world.ask(Request::Settle {
        id: id("a.c"),
        outcome,
        key: None,
    });
    assert_eq!(world.state("a.c"), "resolved");

    full.store(false, Ordering::Relaxed);
    world.ask(create("new"));
    world.check();
}
