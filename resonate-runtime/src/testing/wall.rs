//! The time of day as a simulator tells it, to the thread that it runs on.

use std::cell::Cell;

thread_local! {
    static WALL: Cell<Option<fn() -> i64>> = const { Cell::new(None) };
}

/// From now on this is the time of day on this thread, in milliseconds since 1970; none is the system's again.
pub fn set_wall(wall: Option<fn() -> i64>) {
    WALL.set(wall);
}

/// What the simulator of this thread says, if there is one.
pub fn wall_millis() -> Option<i64> {
    WALL.get().map(|wall| wall())
}
