//! Many proxies await one promise: what is written grows with their number and not faster, and nobody is forgotten.

use std::{collections::BTreeMap, sync::Arc};

use resonate_core::{
    Applied, ChildKind, Create, End, Link, Memory, Message, NewChild, NewPromise, Op, Outcome,
    Payload, PromiseId, Request, Seq, SessionId, TaskVersion, Timestamp, Turn, limits,
    testing::script,
};

fn id(text: &str) -> PromiseId {
    PromiseId::new(text).expect("a good id")
}

/// A root that many callers await, each through a proxy of its own.
struct Crowd {
    state: Memory,
    turns: u32,
}

/// What requests wrote and sent.
#[derive(Debug, Default)]
struct Written {
    rows: usize,
    /// Names of awaiters in all rows that were written.
    names: usize,
    /// The most that one request sent: answers and their bytes.
    answers: usize,
    bytes: usize,
}

impl Written {
    fn add(&mut self, applied: &Applied) {
        let records = applied.changed.iter();
        let pages = applied.pages.iter();
        self.rows += applied.changed.len() + applied.pages.len();
        self.names += records
            .map(|change| change.after.promise.awaiters.len())
            .chain(pages.filter_map(|page| Some(page.after.as_ref()?.proxies.len())))
            .sum::<usize>();
        let answers = applied.messages.iter().filter_map(|message| {
            if let Message::Answer { outcome, .. } = message {
                Some(outcome.bytes())
            } else {
                None
            }
        });
        let answers: Vec<_> = answers.collect();
        self.answers = self.answers.max(answers.len());
        self.bytes = self.bytes.max(answers.iter().sum());
    }
}

impl Crowd {
    /// `x`, and a caller `a` that awaits it `awaiters` times.
    fn new(awaiters: usize) -> (Self, Written) {
        let mut crowd = Self {
            state: Memory::default(),
            turns: 0,
        };
        crowd.create("x", None);
        let call = "0 create a s/f\n1 claim a A";
        let _printed = script::run_on(&mut crowd.state, call);
        let mut numbers = (1..=awaiters).peekable();
        while numbers.peek().is_some() {
            let ops = numbers.by_ref().take(limits::TURN_OPS);
            let ops = ops.map(|n| Op::Create(wait_for_x(n))).collect();
            crowd.turn(ops);
        }
        let written = crowd.deliver();
        (crowd, written)
    }

    fn create(&mut self, name: &str, call: Option<Arc<resonate_core::Call>>) {
        let (labels, tags) = (BTreeMap::new(), BTreeMap::new());
        let promise = NewPromise {
            id: id(name),
            call,
            timeout_at: Timestamp::NEVER,
            labels,
            tags,
        };
        let any = false;
        let create = Request::Create(Create { promise, any });
        let created = self.state.request(Timestamp::ZERO, create);
        assert!(created.answer.is_ok(), "{created:?}");
    }

    fn turn(&mut self, ops: Vec<Op>) {
        self.turns += 1;
        let turn = Turn {
            id: id("a"),
            version: TaskVersion(1),
            session: SessionId(u128::from(b'A')),
            n: self.turns,
            shown: Seq(u64::MAX),
            ops,
            end: End::GoOn,
        };
        let now = self.state.now();
        let written = self.state.request(now, Request::Turn(turn));
        assert!(written.answer.is_ok(), "{written:?}");
    }

    fn deliver(&mut self) -> Written {
        let mut written = Written::default();
        while let Some(applied) = self.state.deliver() {
            written.add(&applied);
        }
        written
    }

    fn settle(&mut self, bytes: usize) -> Written {
        let outcome = Outcome::Resolved(Payload::json("1".repeat(bytes)));
        let settle = Request::Settle {
            id: id("x"),
            outcome,
            key: None,
        };
        let now = self.state.now();
        let mut written = Written::default();
        written.add(&self.state.request(now, settle));
        let later = self.deliver();
        Written {
            rows: written.rows + later.rows,
            names: written.names + later.names,
            answers: written.answers.max(later.answers),
            bytes: written.bytes.max(later.bytes),
        }
    }

    fn states(&self) -> BTreeMap<&'static str, usize> {
        let mut states = BTreeMap::new();
        for record in self.state.records() {
            if record.promise.parent() == Some(&id("a")) {
                *states.entry(record.promise.state_name()).or_default() += 1;
            }
        }
        states
    }
}

fn proxy(n: usize) -> PromiseId {
    id(&format!("a.x-{n}"))
}

fn wait_for_x(n: usize) -> NewChild {
    NewChild {
        id: proxy(n),
        position: u32::try_from(n).expect("a small number"),
        location: "here".into(),
        called_at: Timestamp::ZERO,
        kind: ChildKind::Proxy(Link::Await { id: id("x") }),
        timeout_at: Timestamp::NEVER,
        shielded: false,
        compensation: None,
        labels: BTreeMap::new(),
    }
}

#[test]
fn what_is_written_for_many_awaiters_grows_with_their_number_and_not_faster() {
    const MANY: usize = 5_000;
    let (mut crowd, subscribed) = Crowd::new(MANY);
    assert_eq!(subscribed.rows, MANY, "one row for each that comes");
    let most = MANY * limits::AWAITERS_PER_PAGE;
    assert!(subscribed.names <= most, "{subscribed:?} of {most}");
    let answered = crowd.settle(1);
    // The record, then each proxy and its page, a whole page at a time.
    let pages = MANY.div_ceil(limits::AWAITERS_PER_PAGE);
    let rounds = MANY.div_ceil(limits::ANSWERS);
    let rows = 1 + MANY + pages + rounds;
    assert!(answered.rows <= rows, "{answered:?} of {rows}");
    assert!(answered.answers <= limits::ANSWERS, "{answered:?}");
    assert_eq!(crowd.states(), BTreeMap::from([("resolved", MANY)]));
    assert_eq!(crowd.state.check(), Ok(()));
}

#[test]
fn large_answers_are_sent_in_rounds_of_bounded_bytes() {
    const LARGE: usize = limits::ANSWER_BYTES / 3;
    let (mut crowd, _) = Crowd::new(100);
    let answered = crowd.settle(LARGE);
    assert!(answered.answers <= 3, "{answered:?}");
    assert!(answered.bytes <= limits::ANSWER_BYTES, "{answered:?}");
    assert_eq!(crowd.states(), BTreeMap::from([("resolved", 100)]));
    assert_eq!(crowd.state.check(), Ok(()));
}

#[test]
fn who_stops_waiting_is_taken_out_and_leaves_room_for_others() {
    let (mut crowd, _) = Crowd::new(500);
    let drops = (1..=490).map(|n| Op::Cancel { id: proxy(n) }).collect();
    crowd.turn(drops);
    crowd.deliver();
    assert_eq!(crowd.state.check(), Ok(()));
    crowd.turn((501..=600).map(|n| Op::Create(wait_for_x(n))).collect());
    let again = crowd.deliver();
    assert_eq!(again.rows, 100);
    crowd.settle(1);
    let states = BTreeMap::from([("canceled", 490), ("resolved", 110)]);
    assert_eq!(crowd.states(), states);
    assert_eq!(crowd.state.check(), Ok(()));
}

#[test]
fn an_awaiter_that_comes_twice_is_named_once() {
    let (mut crowd, _) = Crowd::new(100);
    let (id, back) = (id("x"), proxy(90));
    let copy = Request::Deliver(Message::Subscribe { id, back });
    let applied = crowd.state.request(Timestamp::ZERO, copy);
    assert!(applied.changed.is_empty() && applied.pages.is_empty());
}
