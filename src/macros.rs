//! tokio's `join!`, `try_join!` and `select!` with `biased;`: they poll in the order in which they are written, so that a
//! durable function does the same each time. The unbiased ones rotate, or throw dice.

/// Waits for several futures at once and gives all their results: `tokio::join!` that polls in the order it is written.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (one, two) = resonate::join!(async { 1 }, async { 2 });
/// assert_eq!(one + two, 3);
/// # }
/// ```
#[macro_export]
macro_rules! join {
    (biased; $($futures:tt)*) => { $crate::__private::tokio::join!(biased; $($futures)*) };
    ($($futures:tt)*) => { $crate::__private::tokio::join!(biased; $($futures)*) };
}

/// Waits for several futures at once until one fails or all have succeeded: `tokio::try_join!` that polls in the order it
/// is written. What has not ended when one fails is dropped, and so canceled.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let both: Result<(u32, u32), String> = resonate::try_join!(async { Ok(1) }, async { Err("no".to_owned()) });
/// assert_eq!(both, Err("no".to_owned()));
/// # }
/// ```
#[macro_export]
macro_rules! try_join {
    (biased; $($futures:tt)*) => { $crate::__private::tokio::try_join!(biased; $($futures)*) };
    ($($futures:tt)*) => { $crate::__private::tokio::try_join!(biased; $($futures)*) };
}

/// Waits for the first of several futures: `tokio::select!` that polls in the order it is written. The others are
/// dropped, and so canceled.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let first = resonate::select! {
///     one = async { 1 } => one,
///     two = async { 2 } => two,
/// };
/// assert_eq!(first, 1);
/// # }
/// ```
#[macro_export]
macro_rules! select {
    (biased; $($branches:tt)*) => { $crate::__private::tokio::select! { biased; $($branches)* } };
    ($($branches:tt)*) => { $crate::__private::tokio::select! { biased; $($branches)* } };
}
