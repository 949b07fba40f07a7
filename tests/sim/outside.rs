//! Those outside: they settle what they are to settle, some of it too late; cancel what may be canceled; and let go on what
//! was halted for no fault of its own.

use std::time::Duration;

use resonate_core::{
    Create, HaltCause, Kind, NewPromise, Outcome, Payload, PromiseId, Record, Request, TaskState,
    Timestamp,
};
use resonate_proto::client::Settle;
use resonate_runtime::testing::Server as _;
use tokio::time::sleep;

use crate::{dice::Dice, program::value_of, sim::wall, wire::Far, world::World};

/// Looks after everything, for ever.
pub(crate) async fn look_after(world: World) {
    let dice = world.sim.dice().apart();
    loop {
        sleep(dice.millis(500, 20_000)).await;
        let pending: Vec<_> = {
            let model = world.sim.model();
            let pending = model.records().filter(|record| record.promise.is_pending());
            pending.cloned().collect()
        };
        for record in pending {
            look_at(&world, &dice, &record);
        }
    }
}

fn look_at(world: &World, dice: &Dice, record: &Record) {
    let promise = &record.promise;
    if matches!(promise.kind, Kind::External) && promise.parent().is_some() {
        if dice.per_mille(600) {
            world.server.tell(Request::Settle {
                id: promise.id.clone(),
                outcome: opens(&promise.id),
                key: None,
            });
        }
    } else if promise.labels.contains_key("cancelable") && dice.per_mille(100) {
        cancel(world, &promise.id);
    }
    let state = record.task.as_ref().map(|task| &task.state);
    if let Some(TaskState::Halted(halted)) = state {
        if halted.cause == HaltCause::Poison {
            go_on(world, dice, record);
        } else {
            let wrong = format!("{} is halted: {}", promise.id, halted.reason);
            world.sim.violation(wrong);
        }
    }
}

/// An operator looks at what lost its worker too often: for most it was not their fault.
fn go_on(world: &World, dice: &Dice, record: &Record) {
    let id = record.promise.id.clone();
    if record.promise.labels.contains_key("deadly") {
        world.sim.count("a deadly function was halted");
        let mended = dice.per_mille(500);
        if !mended && dice.per_mille(500) {
            return cancel(world, &id);
        }
        world.ledger.goes_on(&id, mended);
    } else {
        world.sim.count("a task that lost ten workers went on");
    }
    world.server.tell(Request::Continue { id, key: None });
}

fn cancel(world: &World, id: &PromiseId) {
    world.sim.count("a call was canceled from outside");
    world.server.tell(Request::Cancel {
        id: id.clone(),
        reason: "as the seed wants it".to_owned(),
        key: None,
    });
}

/// What opens a gate: its number is the end of its id.
fn opens(id: &PromiseId) -> Outcome {
    let name = id.as_str().rsplit(".g").next().unwrap_or_default();
    let no: u32 = name.parse().expect("the id of a gate ends with its number");
    Outcome::Resolved(Payload::json(value_of(no).to_string()))
}

/// A client lets the short timeouts of its promises pass, about, and settles them then.
pub(crate) async fn lapse(far: Far, name: String, until: Duration) {
    let (sim, dice) = (far.sim.clone(), far.sim.dice().apart());
    for n in 0.. {
        sleep(dice.millis(0, 120_000)).await;
        if until <= sim.elapsed() {
            return;
        }
        let Ok(id) = PromiseId::new(format!("{name}-lapse{n}")) else {
            return;
        };
        let length = dice.pick(&[1, 20, 1_000, 10_000]);
        let now = Timestamp::from_millis(wall());
        let promise = NewPromise {
            id: id.clone(),
            call: None,
            timeout_at: now.after(Duration::from_millis(length)),
            labels: Default::default(),
            tags: Default::default(),
        };
        let created = far.create(Create {
            promise,
            any: false,
        });
        if created.await.is_err() {
            continue;
        }
        sleep(dice.millis(length / 2, length + length / 2)).await;
        let settle = Settle {
            id,
            outcome: Outcome::Resolved(Payload::json("1")),
            key: None,
        };
        match far.settle(settle).await {
            Ok(_) => sim.count("a short timeout was met"),
            Err(_) => sim.count("a short timeout was missed, or nobody knows"),
        }
    }
}
