//! The server over a real connection, and the command as a real process.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests; the exemption for them ends at #[test] functions"
)]

#[cfg(feature = "cli")]
mod command;
mod embedded;
mod served;
mod worker;
