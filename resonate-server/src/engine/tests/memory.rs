//! What is in memory, and what it costs.

use super::*;
use crate::process;

#[test]
#[ignore = "a measurement: prints, and takes some seconds"]
fn what_a_task_that_nobody_serves_costs_in_memory() {
    const TASKS: u64 = 100_000;
    let mut world = World::new();
    let on_disk = |world: &World| world.disk.image();
    let before = process::resident_bytes();
    for n in 0..TASKS {
        let _answered = world.ask_later(create(&format!("order-{n:07}")));
    }
    world.run();
    let held = process::resident_bytes() - before;
    // The store is in memory, too: its share is what a copy of it takes.
    let copy = on_disk(&world);
    let stored = process::resident_bytes() - before - held;
    drop(copy);
    println!(
        "{} bytes a task in the engine, {} in the store",
        held.saturating_sub(stored) / TASKS,
        stored / TASKS
    );
}
