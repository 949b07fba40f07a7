//! Power cuts, failing disks, full disks: what a server keeps of what it acknowledged, proved on the bytes it writes.
//!
//! Read in this order: `recorder.c` (what the server does to its files), [`log`], [`disk`] (what a power cut leaves of
//! it), [`verdict`] (what must hold), [`images`]; [`mutants`] shows that these find what is wrong. Then [`faults`] (each
//! call fails once), [`cache`] (a failed sync, believed by those who read), [`full`] (no room), [`restart`] (how long).
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the exemption for tests ends at #[test] functions"
)]

mod cache;
mod client;
mod disk;
mod draw;
mod faults;
mod full;
#[path = "../process/harness.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of processes, which need more of it"
)]
mod harness;
mod images;
mod log;
mod mutants;
mod restart;
mod site;
mod small;
mod verdict;
mod workload;
