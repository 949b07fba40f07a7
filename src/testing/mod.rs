//! Tests of durable functions: server and workers in one thread, on virtual time, with crashes where you want them.
//!
//! Needs the feature `testing`; put it under `[dev-dependencies]`:
//! `resonate = { version = "0.1", features = ["testing"] }`.
//!
//! [`#[resonate::test]`](macro@crate::test) makes a test of an `async fn` that takes a [`World`]. Calls in it go to a server
//! of its own that runs in the same thread, to workers that serve every durable function of the program. Time is virtual: it
//! stands still while anybody works and jumps to the next timer when everybody waits, so a month takes milliseconds.
//!
//! ```
//! use resonate::{prelude::*, testing::World};
//!
//! #[durable(service = "mail")]
//! async fn send(to: &str, text: &str) -> Result<()>; // lives elsewhere
//!
//! #[durable]
//! async fn remind(customer: String) -> Result<u32> {
//!     for month in 1..=3 {
//!         sleep(days(30)).await;
//!         send(&customer, &format!("reminder {month}")).await?;
//!     }
//!     Ok(3)
//! }
//!
//! #[resonate::test(crash_everywhere)]
//! async fn three_reminders_are_sent(world: World) {
//!     world.mock(&send("", ""), |(_, _): (String, String)| async { Ok(()) });
//!     assert_eq!(remind("ada".into()).id("ada").await.unwrap(), 3);
//!     assert!(world.elapsed() >= days(90));
//! }
//! ```
//!
//! # Crashes
//!
//! A worker writes in *turns*, each all or nothing. `crash_everywhere` runs the test once to count them, and then twice for
//! every turn: in one run the worker is killed before the turn is written, in the other one after it was. It comes back a
//! second later, and the server gives its leases up after 15 seconds, all in virtual time. What the test asserts must hold
//! in every run: that is the test that nobody writes by hand. `crash_randomly = 20` runs it 20 times with workers that
//! crash at one turn of ten; a failure says with which seed it is seen again.
//!
//! Functions that do something outside, such as charging a card, may run again after a crash, and [`World::runs`] says
//! how often they did.

mod clock;
mod crashes;
mod plan;
mod process;
mod replay;
mod server;
mod transport;
mod world;

#[doc(hidden)]
pub use self::plan::Plan;
pub use self::{
    replay::{replay, replay_with},
    world::World,
};
pub use resonate_runtime::{Fit, Replayed, Replays};
