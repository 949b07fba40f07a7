//! Histories from production over the code of today.

use resonate_runtime::{Builder, Replays, Resonate, Result};

/// Replays a history over the functions of this program, as `resonate replay` does: without a server, and nothing that the
/// history does not hold is started.
///
/// The text is what `resonate export ID` or [`Resonate::export`] wrote. Executions that called, stepped or waited are
/// replayed; a function that did none of that has no history.
///
/// ```
/// use resonate::{prelude::*, testing::{World, replay}};
///
/// #[durable]
/// async fn greet(name: String) -> Result<String> {
///     sleep(days(1)).await;
///     Ok(format!("Hello, {name}!"))
/// }
///
/// #[resonate::test]
/// async fn what_has_run_still_fits(world: World) -> Result<()> {
///     greet("Ferris".into()).id("greeting").await?;
///     // In a real test it is a file: `include_str!("histories/greeting.jsonl")`.
///     let history = world.resonate().export("greeting").await?;
///     replay(&history).await?.assert_fits();
///     Ok(())
/// }
/// ```
///
/// # Errors
/// The text is no history, was cut, or was written by a newer version.
pub async fn replay(history: &str) -> Result<Replays> {
    replay_with(Resonate::builder(), history).await
}

/// The same with what the functions need: what is [provided](Builder::provide) to them, and their codecs.
///
/// # Errors
/// As [`replay`].
pub async fn replay_with(builder: Builder, history: &str) -> Result<Replays> {
    builder.replay(history).await
}
