//! An execution that goes on as another for ever: what its earlier generations left goes out of memory and of the store.

use super::*;

fn rows(world: &World) -> usize {
    let all = crate::store::Limit {
        rows: usize::MAX,
        bytes: usize::MAX,
    };
    world
        .disk
        .image()
        .open()
        .rows(None, all)
        .unwrap()
        .rows
        .len()
}

/// One generation of `a`: five leaves that ran here, five calls that nobody serves.
fn generation(world: &mut World, worker: &mut Worker, n: u64, granted: u64) {
    let tasks = worker.tasks();
    assert_eq!(tasks, [format!("a v{n}")]);
    let ops = (0..5).flat_map(|place| {
        let (leaf, waiting) = (format!("a.~{n}.s-{place}"), format!("a.~{n}.c-{place}"));
        let leaf = child(&leaf, 0, ChildKind::Step, Timestamp::NEVER);
        let far = ChildKind::Call(call("nobody"));
        [
            Op::Record(leaf, one()),
            Op::Create(child(&waiting, 0, far, Timestamp::NEVER)),
        ]
    });
    let end = End::ContinueAs(Payload::json(format!("[{n}]")));
    let turn = worker.turn("a", n, 1, ops.collect(), end);
    let credits = FromWorker::Credits { granted };
    world.say(worker, [turn, credits]);
}

#[test]
fn a_thousand_generations_leave_a_bounded_number_of_rows_and_a_bounded_tree() {
    let mut world = World::new();
    let mut worker = world.worker(1, &["f"], 1);
    world.ask(create("a"));
    let (mut most_rows, mut most_records) = (0, 0);
    for n in 1..=1_000 {
        generation(&mut world, &mut worker, n, n + 1);
        most_rows = most_rows.max(rows(&world));
        most_records = most_records.max(world.engine.memory.tree_mut("a").unwrap().len());
    }
    assert!(most_records <= 1 + 10, "{most_records} records in memory");
    let lag = crate::limits::TRIM_EVERY + 2 * 10;
    assert!(most_rows <= lag, "{most_rows} rows");
    world.check();
}

#[test]
fn what_a_crash_left_behind_goes_with_the_next_generation() {
    let mut world = World::roomy();
    world.ask(create("a"));
    for n in 1..=60 {
        // The rows of a few generations wait to be removed when it crashes.
        let mut worker = world.worker(u128::from(n), &["f"], 1);
        generation(&mut world, &mut worker, n, 1);
        world.inputs.push_back(Input::Closed {
            stream: worker.stream,
        });
        world.run();
        if n % 7 == 0 {
            world.restart();
        }
    }
    world.check();
    let mut worker = world.worker(99, &["f"], 1);
    generation(&mut world, &mut worker, 61, 1);
    assert_eq!(world.engine.memory.tree_mut("a").unwrap().len(), 1);
    world.engine.trim(1).unwrap();
    assert_eq!(rows(&world), 1);
    world.check();
}
