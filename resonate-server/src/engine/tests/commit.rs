//! Nothing leaves before the commit it depends on; one commit for all that waits; what was not written is not answered.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use super::*;

#[test]
fn nothing_leaves_before_the_commit_it_depends_on() {
    type Waiting = Arc<Mutex<(Vec<oneshot::Receiver<Told<Reply>>>, Vec<Worker>)>>;
    let waiting: Waiting = Waiting::default();
    let seen = Arc::clone(&waiting);
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    let mut world = World::faulty(move |verb| {
        if verb == Verb::Commit {
            let mut seen = seen.lock().unwrap();
            let (answers, workers) = &mut *seen;
            assert!(
                answers.iter_mut().all(|answer| answer.try_recv().is_err()),
                "an answer ran ahead"
            );
            assert!(
                workers.iter_mut().all(|worker| worker.heard().is_empty()),
                "a dispatch ran ahead"
            );
            counted.fetch_add(1, Ordering::Relaxed);
        }
        None
    });
    let mut worker = world.worker(1, &["f"], 10);
    assert!(matches!(*worker.heard(), [ToWorker::Welcome(_)]));
    let answer = world.ask_later(create("a"));
    *waiting.lock().unwrap() = (vec![answer], vec![worker]);
    world.step().unwrap();
    assert_eq!(
        commits.load(Ordering::Relaxed),
        1,
        "creation and claim are one commit"
    );
    let (mut answers, mut workers) = std::mem::take(&mut *waiting.lock().unwrap());
    assert!(answers[0].try_recv().unwrap().answer.is_ok());
    assert_eq!(workers[0].tasks(), ["a v1"]);
}

#[test]
fn everything_that_waits_is_one_commit() {
    let mut world = World::new();
    let answers: Vec<_> = (0..500)
        .map(|n| world.ask_later(create(&format!("a{n}"))))
        .collect();
    world.step().unwrap();
    assert_eq!(world.engine.figures.commits, 1);
    assert_eq!(world.engine.figures.rows, 500);
    assert!(
        answers
            .into_iter()
            .all(|mut answer| answer.try_recv().unwrap().answer.is_ok())
    );
}

#[test]
fn a_round_takes_no_more_than_its_bound_and_the_rest_comes_next() {
    let mut world = World::new();
    let count = limits::ROUND_REQUESTS + 1;
    let mut answers: Vec<_> = (0..count)
        .map(|n| world.ask_later(create(&format!("a{n}"))))
        .collect();
    world.step().unwrap();
    assert!(answers[count - 1].try_recv().is_err());
    world.step().unwrap();
    assert!(answers[count - 1].try_recv().is_ok());
    assert_eq!(world.engine.figures.commits, 2);
}

#[test]
fn an_answer_says_where_it_stands_in_the_log() {
    let mut world = World::new();
    let get = || Request::Get { id: id("a") };
    let place = |world: &mut World, requests: Vec<Request>| {
        let answers: Vec<_> = requests.into_iter().map(|r| world.ask_later(r)).collect();
        world.run();
        let places = answers.into_iter().map(|mut answer| {
            let at = answer.try_recv().unwrap().at.unwrap();
            assert_eq!(at.part, id("a").part());
            (at.epoch, at.seq, at.n)
        });
        places.collect::<Vec<_>>()
    };
    let written = place(&mut world, vec![get(), create("a"), get()]);
    assert_eq!(written, [(1, 1, 0), (1, 1, 1), (1, 1, 2)]);
    assert_eq!(
        place(&mut world, vec![get()]),
        [(1, 2, 0)],
        "it saw batch 1"
    );
    let settle = Request::Settle {
        id: id("a"),
        outcome: Outcome::Resolved(Payload::json("1")),
        key: None,
    };
    assert_eq!(place(&mut world, vec![settle.clone()]), [(1, 2, 1)]);
    let settled = world.get("a").promise.settled().unwrap().seq;
    assert_eq!(settled, Seq::before_batch(2).next(), "it is in that batch");
    world.restart();
    let again = place(&mut world, vec![settle, get()]);
    assert_eq!(again, [(2, 3, 0), (2, 3, 1)]);
}

#[test]
fn reading_and_refusing_write_nothing() {
    let mut world = World::new();
    world.ask(create("a"));
    let (commits, image) = (world.engine.figures.commits, world.disk.image());
    world.get("a");
    assert!(matches!(
        world.try_ask(Request::Get { id: id("b") }),
        Err(AskError::Refused(Refusal::NotFound(_)))
    ));
    let other = NewPromise {
        call: Some(call("g")),
        ..new_promise("a", None, Timestamp::NEVER)
    };
    let refused = world.try_ask(Request::Create(Create {
        promise: other,
        any: false,
    }));
    assert!(matches!(
        refused,
        Err(AskError::Refused(Refusal::AlreadyExists { .. }))
    ));
    assert_eq!(world.engine.figures.commits, commits);
    assert_eq!(rows(&world.disk), rows(&image));
}

fn rows(disk: &MemoryDisk) -> Vec<crate::store::Found> {
    let all = crate::store::Limit {
        rows: usize::MAX,
        bytes: usize::MAX,
    };
    disk.image().open().rows(None, all).unwrap().rows
}

fn is_without_room(answer: &mut oneshot::Receiver<Told<Reply>>) -> bool {
    answer
        .try_recv()
        .is_ok_and(|told| matches!(told.answer, Err(AskError::NoRoom(_))))
}

#[test]
fn a_commit_without_room_is_answered_so_and_leaves_no_trace() {
    let full = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&full);
    let mut world = World::faulty(move |verb| {
        let is_full = verb == Verb::Commit && counter.load(Ordering::Relaxed) > 0;
        is_full.then(|| {
            counter.fetch_sub(1, Ordering::Relaxed);
            Fault::Full
        })
    });
    world.ask(create("a"));
    let mut worker = world.worker(1, &["g"], 10);
    worker.heard();
    full.store(1, Ordering::Relaxed);
    let mut answer = world.ask_later(create("b"));
    let mut reading = world.ask_later(Request::Get { id: id("a") });
    let (look, mut seen) = oneshot::channel();
    world.inputs.push_back(Input::Look { answer: look });
    world.step().unwrap();
    assert!(matches!(seen.try_recv(), Ok(Err(AskError::NoRoom(_)))));
    assert!(is_without_room(&mut answer));
    assert!(
        is_without_room(&mut reading),
        "a read of that round is not answered either"
    );
    assert!(
        worker.is_closed(),
        "workers come back and name what they hold"
    );
    assert!(world.try_ask(Request::Get { id: id("b") }).is_err());
    world.pass(Duration::from_secs(2));
    world.ask(create("b"));
    assert_eq!(world.state("a"), "pending pending v0");
    world.check();
}

#[test]
fn after_a_failed_commit_the_engine_stops_and_answers_nothing() {
    for (fault, is_there) in [(Fault::Failed, false), (Fault::Lost, true)] {
        let mut world = World::faulty(move |verb| (verb == Verb::Commit).then_some(fault));
        let mut answer = world.ask_later(create("a"));
        assert!(matches!(world.step(), Err(EngineError::Commit(_))));
        assert!(answer.try_recv().is_err(), "nothing is answered");
        world.restart();
        assert_eq!(
            world.try_ask(Request::Get { id: id("a") }).is_ok(),
            is_there
        );
        world.ask(create("a"));
        world.check();
    }
}
