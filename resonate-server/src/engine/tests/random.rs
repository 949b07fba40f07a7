//! Random requests while commits fail and the process dies: what was acknowledged stays, the invariants always hold.

use std::sync::Mutex;

use resonate_core::{Memory, Origin, testing::random::Draw};

use super::*;

const SEEDS: u64 = 60;
const BYTES: usize = 2_000;

/// What clients have been told: a promise that was settled for one of them is so for ever.
#[derive(Default)]
struct Journal(BTreeMap<PromiseId, Arc<Record>>);

impl Journal {
    #[track_caller]
    fn told(&mut self, answer: &Answer) {
        let Ok(Reply::Promise { record, .. }) = answer else {
            return;
        };
        if !record.promise.is_pending() {
            let first = self
                .0
                .entry(record.promise.id.clone())
                .or_insert_with(|| Arc::clone(record));
            assert_eq!(
                first.promise.state, record.promise.state,
                "{} changed",
                record.promise.id
            );
        }
    }

    #[track_caller]
    fn holds(&mut self, world: &mut World) {
        for id in self.0.keys().cloned().collect::<Vec<_>>() {
            let answer = world.try_ask(Request::Get { id: id.clone() });
            if answer.is_err() && self.is_forgotten(world, &id) {
                continue;
            }
            assert!(answer.is_ok(), "{id} is lost");
            self.told(&answer);
        }
    }

    /// True for what settled below an earlier generation of a history: it is trimmed.
    fn is_forgotten(&self, world: &mut World, id: &PromiseId) -> bool {
        let origin = self
            .0
            .get(id)
            .and_then(|record| record.promise.origin.clone());
        let Some(Origin {
            parent, generation, ..
        }) = origin
        else {
            return false;
        };
        match world.try_ask(Request::Get { id: parent.clone() }) {
            Ok(Reply::Promise { record, .. }) => generation < record.promise.generation,
            _ => self.is_forgotten(world, &parent),
        }
    }
}

#[test]
fn what_was_acknowledged_stays_through_crashes_and_failed_commits() {
    let (mut crashes, mut refused) = (0, 0);
    for seed in 1..=SEEDS {
        let bytes = bytes(seed);
        let mut dice = bytes.iter().rev().copied().cycle();
        let next_fault: Arc<Mutex<Option<Fault>>> = Arc::default();
        let mut world = World::new();
        let faulty = |world: &mut World, next_fault: &Arc<Mutex<Option<Fault>>>| {
            let fault = Arc::clone(next_fault);
            let script = move |verb| {
                if verb == Verb::Commit {
                    fault.lock().unwrap().take()
                } else {
                    None
                }
            };
            let store = Faulty::new(Box::new(world.disk.open()), script);
            world.inputs.clear();
            world.engine = Engine::start(Box::new(store), SETTINGS, world.now).unwrap();
        };
        faulty(&mut world, &next_fault);
        let (mut draw, mut state, mut journal) =
            (Draw::new(&bytes), Memory::default(), Journal::default());
        let start = world.now.wall;
        while let Some((at, request)) = draw.request(&state) {
            state.request(at, request.clone());
            state.deliver_all();
            world.now = world
                .now
                .after(world.now.wall.until(start.after(Timestamp::ZERO.until(at))));
            let roll = dice.next().unwrap_or_default();
            *next_fault.lock().unwrap() = match roll {
                0..8 => Some(Fault::Full),
                8..16 => Some(Fault::Lost),
                16..24 => Some(Fault::Failed),
                _ => None,
            };
            let mut answered = world.ask_later(request);
            if ran(&mut world).is_err() || (24..32).contains(&roll) {
                crashes += 1;
                if let Ok(told) = answered.try_recv() {
                    journal.told(&told.answer);
                }
                next_fault.lock().unwrap().take();
                faulty(&mut world, &next_fault);
                world.check();
                journal.holds(&mut world);
                continue;
            }
            next_fault.lock().unwrap().take();
            let told = answered.try_recv().expect("an answer after the round");
            let answer = told.answer;
            refused += usize::from(matches!(answer, Err(AskError::NoRoom(_))));
            journal.told(&answer);
        }
        world.check();
        journal.holds(&mut world);
        world.check();
    }
    assert!(
        crashes > 300 && refused > 40,
        "{crashes} crashes, {refused} without room: too tame"
    );
}

/// Runs until there is nothing to do, or the engine stops.
fn ran(world: &mut World) -> Result<(), EngineError> {
    for _ in 0..1_000 {
        world.step()?;
        let is_idle = !matches!(world.engine.next(), Next::Now | Next::After(Duration::ZERO));
        if is_idle && world.inputs.is_empty() {
            return Ok(());
        }
    }
    panic!("the engine does not come to rest");
}

fn bytes(seed: u64) -> Vec<u8> {
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let step = |_| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 32) as u8
    };
    (0..BYTES).map(step).collect()
}
