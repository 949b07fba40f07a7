//! Many proxies await one promise: pages of them are rows, which survive a crash and are written again for the next ones.

use resonate_core::{Link, limits};

use super::*;

/// Tasks of which each awaits `x` through proxies of its own; more than a record and a page hold.
const AWAITERS: usize = limits::AWAITERS + 3 * limits::AWAITERS_PER_PAGE;

fn waiting(world: &mut World) -> Worker {
    let worker = world.worker(1, &["f"], 1);
    world.ask(create_until("x", Timestamp::NEVER));
    world.ask(create("a"));
    let ops = (0..AWAITERS).map(|n| {
        let kind = ChildKind::Proxy(Link::Await { id: id("x") });
        let position = u32::try_from(n).unwrap();
        let name = format!("a.x-{n}");
        Op::Create(child(&name, position, kind, Timestamp::NEVER))
    });
    let turn = worker.turn("a", 1, 1, ops.collect(), End::GoOn);
    world.say(&worker, [turn]);
    world.check();
    worker
}

/// The pages of awaiters in the store, and how many of them are over.
fn pages(world: &World) -> (usize, usize) {
    let mut store = world.disk.image().open();
    let all = crate::store::Limit {
        rows: usize::MAX,
        bytes: usize::MAX,
    };
    let rows = store.rows(None, all).unwrap().rows;
    let pages = rows
        .iter()
        .filter(|found| found.row.id.contains(":.awaiters-"));
    let over = pages.clone().filter(|found| found.row.settled_at.is_some());
    (pages.count(), over.count())
}

#[test]
fn awaiters_survive_a_crash_and_everybody_is_told() {
    let mut world = World::new();
    waiting(&mut world);
    assert_eq!(pages(&world), (3, 0));
    world.restart();
    world.ask(Request::Settle {
        id: id("x"),
        outcome: one(),
        key: None,
    });
    world.run();
    for n in 0..AWAITERS {
        assert_eq!(world.state(&format!("a.x-{n}")), "resolved");
    }
    assert_eq!(pages(&world), (3, 3));
    world.check();
}

#[test]
fn a_crash_amid_the_answers_forgets_nobody() {
    let mut world = World::new();
    waiting(&mut world);
    let _answered = world.ask_later(Request::Settle {
        id: id("x"),
        outcome: Outcome::Resolved(Payload::json("1".repeat(limits::ANSWER_BYTES / 5))),
        key: None,
    });
    for _ in 0..AWAITERS {
        world.step().unwrap();
        world.check();
        world.restart();
    }
    world.run();
    for n in 0..AWAITERS {
        assert_eq!(world.state(&format!("a.x-{n}")), "resolved");
    }
    world.check();
}

#[test]
fn the_row_of_a_page_that_is_over_is_used_again() {
    let mut world = World::new();
    let worker = waiting(&mut world);
    for round in 0..4_u32 {
        let drops = (0..AWAITERS).map(|n| Op::Cancel {
            id: id(&if round == 0 {
                format!("a.x-{n}")
            } else {
                format!("a.x-{n}-{round}")
            }),
        });
        let turn = worker.turn("a", 1, 2 * round + 2, drops.collect(), End::GoOn);
        world.say(&worker, [turn]);
        world.check();
        assert_eq!(pages(&world), (3, 3), "nobody waits");
        let ops = (0..AWAITERS).map(|n| {
            let kind = ChildKind::Proxy(Link::Await { id: id("x") });
            let name = format!("a.x-{n}-{}", round + 1);
            Op::Create(child(&name, 0, kind, Timestamp::NEVER))
        });
        let turn = worker.turn("a", 1, 2 * round + 3, ops.collect(), End::GoOn);
        world.say(&worker, [turn]);
        world.check();
        assert_eq!(pages(&world), (3, 0));
    }
}

#[test]
fn a_list_shows_no_pages() {
    let mut world = World::new();
    waiting(&mut world);
    let mut store = world.disk.image().open();
    let tree = store.tree(id("x").part(), "x", None, crate::store::Limit::default());
    let rows = tree.unwrap().unwrap().page.rows;
    let shown = rows
        .iter()
        .filter_map(|row| disk::read_record(id("x").part(), "x", row).unwrap());
    assert_eq!((rows.len(), shown.count()), (4, 1));
}
