//! What users rely on, with real processes on loopback: kills, stops, bad input, depth and width.
//!
//! [`harness`] starts and kills; every other file is a behaviour.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the exemption for tests ends at #[test] functions"
)]

mod harness;
mod kills;
