//! Who is let go, when, and whom a later call puts an end to.

use super::*;
use crate::{
    Call, Create, Memory, NewPromise, Outcome, Payload, Request, SessionId, TaskVersion,
    request::ReleaseReason,
};

/// Keys beside the rules: every change of a record is told, and who is let go stays so until it is claimed.
#[derive(Default)]
struct World {
    memory: Memory,
    keys: Keys,
    now: i64,
    let_go: Vec<String>,
}

fn id(text: &str) -> PromiseId {
    PromiseId::new(text).unwrap()
}

fn address() -> Address {
    Address::new("s", "f", 1)
}

impl World {
    fn new(allowed: PerKey) -> Self {
        let mut world = Self::default();
        world.keys.know_all(at(0));
        world.allow(allowed);
        world
    }

    fn allow(&mut self, allowed: impl Into<Option<PerKey>>) {
        let recalled = self.keys.announce(&address(), allowed.into(), at(self.now));
        self.let_go
            .retain(|id| !recalled.iter().any(|one| one.as_str() == id));
        self.hear();
    }

    fn request(&mut self, request: Request) {
        let applied = self.memory.request(at(self.now), request);
        for change in applied.changed {
            self.keys.update(&change.after, at(self.now));
        }
        self.hear();
    }

    fn hear(&mut self) {
        let let_go = self.keys.take_let_go().into_iter();
        self.let_go.extend(let_go.map(|asks| asks.id.to_string()));
    }

    fn create(&mut self, name: &str, key: &str) {
        self.create_with(name, key, None);
    }

    fn create_with(&mut self, name: &str, key: &str, priority: Option<i8>) {
        let call = Call {
            address: address(),
            signature: 0,
            param: Payload::json("[]"),
            retry: None,
            priority,
            start_at: Timestamp::ZERO,
            key: Some(key.into()),
        };
        let promise = NewPromise {
            id: id(name),
            call: Some(Arc::new(call)),
            timeout_at: Timestamp::NEVER,
            labels: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        self.request(Request::Create(Create {
            promise,
            any: false,
        }));
    }

    fn claim(&mut self, name: &str) {
        assert!(
            self.let_go.contains(&name.to_owned()),
            "{name} may not start"
        );
        self.let_go.retain(|id| id != name);
        self.request(Request::Claim {
            id: id(name),
            session: SessionId(1),
            tied: None,
            retry: None,
        });
    }

    fn release(&mut self, name: &str, version: u64) {
        self.request(Request::Release {
            id: id(name),
            version: TaskVersion(version),
            session: SessionId(1),
            why: ReleaseReason::GivenBack,
        });
    }

    fn settle(&mut self, name: &str) {
        self.request(Request::Settle {
            id: id(name),
            outcome: Outcome::Resolved(Payload::json("1")),
            key: None,
        });
    }

    fn wait(&mut self, millis: i64) {
        self.now += millis;
        self.keys.open(at(self.now));
        self.hear();
    }

    /// Carries out what later calls do to those before them; says what that is.
    fn end(&mut self) -> Vec<String> {
        let mut ended = Vec::new();
        while let Some((id, over)) = self.keys.take_over() {
            ended.push(match &over {
                Over::Superseded(by) => format!("{id} for {by}"),
                Over::Merged(into) => format!("{id} into {into}"),
            });
            let request = match over {
                Over::Superseded(_) => Request::Cancel {
                    id,
                    reason: String::new(),
                    key: None,
                },
                Over::Merged(into) => Request::Merge { id, into },
            };
            self.request(request);
        }
        ended
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

const ONE: PerKey = PerKey {
    at_once: None,
    rate: None,
    latest_wins: false,
    debounce: None,
};

#[test]
fn one_has_the_key_until_it_has_settled_and_others_do_not_wait_for_it() {
    let mut world = World::new(ONE);
    for (name, key) in [("a", "k"), ("b", "k"), ("c", "l"), ("d", "k")] {
        world.create(name, key);
    }
    assert_eq!(world.let_go, ["a", "c"]);
    world.claim("a");
    world.release("a", 1);
    assert_eq!(world.let_go, ["c", "a"]);
    world.claim("a");
    world.settle("a");
    assert_eq!(world.let_go, ["c", "b"]);
    world.settle("d");
    world.claim("b");
    world.settle("b");
    world.settle("c");
    assert!(world.keys.lines.is_empty() && world.keys.places.is_empty());
}

#[test]
fn so_many_have_it_at_once_as_are_allowed_and_a_higher_priority_goes_first() {
    let mut world = World::new(PerKey {
        at_once: Some(2),
        ..ONE
    });
    for name in ["a", "b", "c"] {
        world.create(name, "k");
    }
    world.create_with("d", "k", Some(5));
    assert_eq!(world.let_go, ["a", "b"]);
    world.claim("b");
    world.settle("b");
    assert_eq!(world.let_go, ["a", "d"]);
}

#[test]
fn nobody_is_let_go_before_all_holders_are_known() {
    let mut before = World::new(ONE);
    before.create("a", "k");
    before.create("b", "k");
    before.claim("a");
    let mut keys = Keys::default();
    let records: Vec<_> = before.memory.records().cloned().collect();
    for record in records.iter().rev() {
        keys.update(record, at(9));
    }
    assert_eq!(keys.take_let_go(), []);
    keys.know_all(at(9));
    assert_eq!(keys.take_let_go(), []);
    before.settle("a");
    for record in before.memory.records() {
        keys.update(record, at(9));
    }
    let let_go: Vec<_> = keys.take_let_go().into_iter().map(|asks| asks.id).collect();
    assert_eq!(let_go, [id("b")]);
}

#[test]
fn a_key_has_its_own_rate_and_a_new_one_need_not_wait() {
    let rate = Rate {
        starts: 2,
        per: Duration::from_secs(10),
    };
    let mut world = World::new(PerKey {
        at_once: Some(100),
        rate: Some(rate),
        ..ONE
    });
    world.create("early", "k");
    assert!(world.let_go.is_empty(), "nobody knows what was before");
    world.wait(60_000);
    world.claim("early");
    for name in ["a", "b", "c"] {
        world.create(name, "k");
    }
    assert_eq!(world.let_go, ["a"]);
    world.claim("a");
    world.create("other", "l");
    assert_eq!(world.let_go, ["other"]);
    world.claim("other");
    assert_eq!(world.keys.opens_at(), Some(at(65_000)));
    world.wait(5_000);
    assert_eq!(world.let_go, ["b"]);
    world.wait(60_000);
    assert_eq!(world.let_go, ["b"], "one after the other");
    world.claim("b");
    assert_eq!(world.let_go, ["c"]);
    world.claim("c");
    for name in ["early", "a", "b", "c", "other"] {
        world.settle(name);
    }
    world.wait(0);
    assert_eq!(world.keys.lines.len(), 1, "what started is remembered");
    world.wait(60_000);
    assert!(world.keys.lines.is_empty() && world.keys.resting.is_empty());
}

#[test]
fn the_latest_wins_over_what_waits_and_what_runs() {
    let mut world = World::new(PerKey {
        latest_wins: true,
        ..ONE
    });
    world.create("a", "k");
    world.claim("a");
    world.release("a", 1);
    world.create("b", "k");
    world.create("c", "k");
    world.create("x", "l");
    assert_eq!(world.end(), ["a for c", "b for c"]);
    assert_eq!(world.let_go, ["a", "x", "c"]);
    world.claim("c");
    world.settle("c");
    world.create("d", "k");
    world.claim("d");
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn after_a_pause_the_last_one_runs_and_the_others_settle_as_it_does() {
    let mut world = World::new(PerKey {
        debounce: Some(Duration::from_secs(5)),
        ..ONE
    });
    world.create("a", "k");
    world.wait(4_000);
    world.create("b", "k");
    world.wait(4_000);
    assert_eq!((world.end(), &*world.let_go), (vec![], &[][..]));
    world.wait(1_000);
    assert_eq!(world.end(), ["a into b"]);
    world.memory.deliver_all();
    world.claim("b");
    world.create("c", "k");
    world.wait(9_000);
    assert!(world.let_go.is_empty(), "b has the key");
    world.settle("b");
    world.memory.deliver_all();
    let a = world.memory.get(&id("a")).unwrap();
    assert_eq!(a.promise.state_name(), "resolved");
    assert_eq!(world.let_go, ["c"]);
}

#[test]
fn who_was_let_go_waits_again_when_a_worker_says_more() {
    let mut world = World::default();
    world.keys.know_all(at(0));
    world.create("a", "k");
    world.create("b", "k");
    assert_eq!(world.let_go, ["a"]);
    world.allow(PerKey {
        latest_wins: true,
        ..ONE
    });
    assert_eq!(world.let_go, [""; 0]);
    assert_eq!(world.end(), ["a for b"]);
    assert_eq!(world.let_go, ["b"]);
}

#[test]
fn who_waits_for_a_key_that_the_function_has_no_more_goes_on() {
    let mut world = World::new(ONE);
    for name in ["a", "b", "c"] {
        world.create(name, "k");
    }
    world.claim("a");
    world.allow(None);
    assert_eq!(world.let_go, ["b", "c"]);
}

#[test]
fn people_see_who_has_a_key_and_how_many_wait() {
    let mut world = World::new(ONE);
    for name in ["a", "b", "c"] {
        world.create(name, "k");
    }
    world.create("x", "l");
    let looked = world.keys.look(&"s".into(), &"f".into());
    assert_eq!((looked.waiting, looked.since), (2, Some(at(0))));
    let most: Vec<_> = looked
        .most
        .iter()
        .map(|key| (&*key.text, key.held, key.waiting))
        .collect();
    assert_eq!(most, [("k", 1, 2), ("l", 1, 0)]);
    assert_eq!(looked.most[0].holders, [id("a")]);
    assert!(world.keys.look(&"s".into(), &"g".into()).most.is_empty());
}
