//! Streams and inboxes: rows that come and go beside the records, and readers that wait for them.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::engine::Tailed;

fn emit(n: u64) -> Op {
    Op::Emit {
        n,
        item: Payload::json(n.to_string()),
    }
}

fn receive(id: &str) -> Op {
    Op::Create(child(id, 0, ChildKind::Receive, Timestamp::NEVER))
}

impl World {
    fn tail(&mut self, from: u64) -> oneshot::Receiver<Tailed> {
        let (answer, answered) = oneshot::channel();
        let id = id("a");
        self.inputs.push_back(Input::Tail { id, from, answer });
        self.run();
        answered
    }

    fn send(&mut self, n: u64) {
        self.ask(Request::Send {
            id: id("a"),
            message: Payload::json(n.to_string()),
            key: None,
        });
    }

    fn rows(&self) -> usize {
        let (rows, bytes) = (usize::MAX, usize::MAX);
        let mut store = self.disk.image().open();
        let page = store.rows(None, crate::store::Limit { rows, bytes });
        page.unwrap().rows.len()
    }
}

fn items(told: Tailed) -> (u64, usize, bool) {
    let page = told.answer.unwrap();
    (page.offset, page.items.len(), page.is_over)
}

#[test]
fn a_reader_waits_for_what_comes_and_for_the_end() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    assert_eq!(worker.tasks(), ["a v1"]);
    let (mut first, mut later) = (world.tail(0), world.tail(2));
    assert!(first.try_recv().is_err());
    let turn = worker.turn("a", 1, 1, vec![emit(0), emit(1)], End::GoOn);
    world.say(&worker, [turn]);
    assert_eq!(items(first.try_recv().unwrap()), (0, 2, false));
    assert!(later.try_recv().is_err());
    let turn = worker.turn("a", 1, 2, Vec::new(), End::Fulfill(one()));
    world.say(&worker, [turn]);
    assert_eq!(items(later.try_recv().unwrap()), (2, 0, true));
    // The end comes with the last items.
    world.restart();
    assert_eq!(items(world.tail(1).try_recv().unwrap()), (1, 1, true));
    world.check();
}

#[test]
fn a_reader_is_told_when_what_it_would_be_given_could_not_be_written() {
    let is_full = Arc::new(AtomicBool::new(false));
    let fails = Arc::clone(&is_full);
    let mut world = World::faulty(move |verb| {
        (matches!(verb, Verb::Commit) && fails.swap(false, Ordering::Relaxed))
            .then_some(Fault::Full)
    });
    let mut worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    assert_eq!(worker.tasks(), ["a v1"]);
    let mut reader = world.tail(0);
    is_full.store(true, Ordering::Relaxed);
    let turn = worker.turn("a", 1, 1, vec![emit(0)], End::GoOn);
    world.say(&worker, [turn]);
    assert!(matches!(
        reader.try_recv().unwrap().answer,
        Err(AskError::NoRoom(_))
    ));
    assert_eq!(world.get("a").promise.feeds, None);
    world.check();
}

#[test]
fn a_message_is_read_once_although_its_row_outlives_a_crash() {
    let mut world = World::new();
    world.ask(create("a"));
    for n in 1..=3 {
        world.send(n);
    }
    assert_eq!(world.rows(), 4);
    let mut worker = world.worker(1, &["f"], 1);
    assert_eq!(worker.tasks(), ["a v1"]);
    let end = End::Suspend {
        tied: false,
        wake_at: Some(Timestamp::from_millis(2_000_000)),
    };
    let turn = worker.turn("a", 1, 1, vec![receive("a.inbox")], End::GoOn);
    world.say(&worker, [turn]);
    let turn = worker.turn("a", 1, 2, vec![receive("a.inbox-1")], end);
    world.say(&worker, [turn]);
    // Both are read, and their rows would go with the next trim.
    world.restart();
    assert_eq!(world.rows(), 6);
    let feeds = world.get("a").promise.feeds.clone().unwrap();
    assert_eq!((feeds.inbox.first, feeds.inbox.next), (2, 3));
    world.engine.trim(1).unwrap();
    assert_eq!(world.rows(), 4);
    world.check();
    let read = world.stored("a.inbox-1");
    let settled = read.promise.settled().unwrap().outcome.clone();
    assert_eq!(settled, Outcome::Resolved(Payload::json("2")));
}
