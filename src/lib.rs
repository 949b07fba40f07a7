//! Distributed async/await for Rust: ordinary `async fn`s that survive crashes and run on any process of a service.
//!
//! # A durable function
//!
//! `#[durable]` makes an `async fn` durable. Calling it gives a [`Call`]: a lazy future, as in all of Rust, whose result
//! is kept by a server. Whatever process serves the function may run it; whatever crashes, `.await` gives its result.
//!
//! ```
//! use resonate::prelude::*;
//!
//! #[derive(Serialize, Deserialize)]
//! pub struct Receipt { id: String, cents: u64 }
//!
//! #[durable(service = "payments", retry = Retry::exponential().max_attempts(5))]
//! async fn charge(card: &str, cents: u64) -> Result<Receipt> {
//!     // Any async code: an HTTP client, a database.
//!     let id = format!("{}-{cents}", card.len());
//!     Ok(Receipt { id, cents })
//! }
//!
//! #[durable(service = "warehouse")]
//! async fn ship(item: &str) -> Result<String> {
//!     Ok(format!("parcel with {item}"))
//! }
//!
//! #[durable(service = "shop")]
//! async fn checkout(card: String, items: Vec<String>) -> Result<Vec<String>> {
//!     let receipt = charge(&card, 1200).await?;                        // runs in another service
//!     let approved: bool = promise("approval").timeout(days(2)).await?; // somebody resolves it
//!     if !approved {
//!         return Err(Error::terminal(format!("{} was not approved", receipt.id)));
//!     }
//!     sleep(hours(1)).await;                                           // holds no thread and no memory
//!     let mut parcels = Vec::new();
//!     for item in &items {
//!         parcels.push(ship(item).await?);
//!     }
//!     Ok(parcels)
//! }
//! ```
//!
//! Arguments are parameters of the function, by value or by shared reference; they and the result are serialized with
//! serde. There is no context parameter and no name at the call: a call *is* the function, checked by the compiler.
//!
//! # Starting
//!
//! [`Resonate`] ties a process to a server. Without a URL it runs the server inside of the process, so a first program
//! needs nothing installed:
//!
#![cfg_attr(feature = "embedded", doc = "```standalone_crate")]
#![cfg_attr(not(feature = "embedded"), doc = "```no_run")]
//! use resonate::prelude::*;
//!
//! #[durable]
//! async fn greet(name: &str) -> String {
//!     format!("Hello, {name}!")
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     let resonate = Resonate::builder().in_memory().start().await?;
//!     // Outside of durable functions a call needs an id: the same id is the same execution.
//!     assert_eq!(greet("Ferris").id("greeting-1").await, "Hello, Ferris!");
//!     resonate.shutdown().await;
//!     Ok(())
//! }
//! ```
//!
//! For services in processes of their own, start `resonate serve` somewhere and set `RESONATE_URL`, or use
//! [`Builder::url`]; each process [serves](Builder::serve) the services it is to execute, and
//! [`Resonate::run_until_shutdown`] lets it leave politely.
//!
//! # What is an answer and what is a failure
//!
//! An `Err(e)` of the function's own error type is an *answer*: it is kept and given to everybody who awaits it. An
//! [`Error`], which `?` makes from any [`std::error::Error`], is a *failure*: the attempt is tried again by the retry
//! policy, unless it was made by [`Error::terminal`]. A panic is a failure, and a crash is a new attempt elsewhere.
//!
//! # Three rules
//!
//! A function that calls others may be put aside and run again from its first line; calls that have a result give it.
//! 1. Side effects belong in durable functions or in a [`step`], which run and are recorded:
//!    `let quote = step(|| async { fetch(&url).await }).label("quote").await?;`.
//! 2. Time and chance come from here: [`now`], [`random`], [`uuid`].
//! 3. The same history leads to the same calls. How often something is polled must not matter, so use [`select!`],
//!    [`join!`] and [`try_join!`] from here: tokio's, with `biased;`.
//!
//! # Structured concurrency
//!
//! Dropping a call's future cancels it, down its whole tree and on every worker that runs a part of it. So a
//! [`select!`] that is decided, a [`timeout`] that fires and an early `?` clean up behind them. [`Call::detach`] is the
//! way to let something outlive its caller. What is done and cannot be dropped is undone: [`Call::compensate`] names the
//! call that undoes this one, and [`on_cancel`] the call to make when the function around it is cancelled or fails.
//! [`map`], [`race()`] and [`join_all`] run many calls, a bounded number at once.
//!
//! # Tests
//!
//! With the feature `testing`, `#[resonate::test]` runs services and a server inside of a test, in virtual time: a sleep
//! of thirty days passes at once. `docs/guide/testing.md` has the rest.

#[cfg(feature = "embedded")]
mod embedded;
mod macros;
pub mod prelude;
#[cfg(feature = "testing")]
pub mod testing;

pub use resonate_macros::durable;
#[cfg(feature = "testing")]
pub use resonate_macros::test;
pub use resonate_runtime::{
    Builder, ByReference, ByValue, Call, CallResult, ContinueAs, Detached, DuplicateFunction,
    Error, ErrorKind, Execution, Found, Handle, JoinAll, Map, MapOutcome, MapWhole, Overlap,
    Promise, Race, Resonate, Result, Retry, Schedule, ScheduleBuilder, Search, Sleep, StartError,
    Step, Tell, Through, Timeout, Timestamp, Undo, Why, cancel, changed, codec, continue_as, days,
    execution, hours, is_replaying, join_all, label, map, minutes, now, on_cancel, promise, race,
    random, reject, resolve, seconds, shield, sleep, sleep_until, state, step, timeout,
    try_execution, try_state, uuid,
};

#[doc(hidden)]
pub use resonate_runtime::plumbing as __private;

/// The programs of the pages in `docs/guide` and of the README, compiled as users read them.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/guide/cancellation.md")]
    mod cancellation {}
    #[doc = include_str!("../docs/guide/effects.md")]
    mod effects {}
    #[doc = include_str!("../docs/guide/failures.md")]
    mod failures {}
    #[doc = include_str!("../docs/guide/fan-out.md")]
    mod fan_out {}
    #[doc = include_str!("../docs/guide/flow-control.md")]
    mod flow_control {}
    #[doc = include_str!("../docs/guide/functions.md")]
    mod functions {}
    #[doc = include_str!("../docs/guide/getting-started.md")]
    mod getting_started {}
    #[doc = include_str!("../docs/guide/operating.md")]
    mod operating {}
    #[doc = include_str!("../docs/guide/promises.md")]
    mod promises {}
    #[doc = include_str!("../docs/guide/schedules.md")]
    mod schedules {}
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/testing.md")]
    mod testing {}
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/versions.md")]
    mod versions {}
}
