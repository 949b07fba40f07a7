//! What users rely on, with real processes on loopback: kills, stops, bad input, depth and width.
//!
//! [`harness`] starts and kills; [`worker`] is this binary as a worker, [`effects`] what its functions did; every other
//! file is a behaviour.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the exemption for tests ends at #[test] functions"
)]

mod abuse;
mod announced;
mod backup;
mod bad_input;
mod cancel;
mod cgroup;
mod checkout;
mod command_line;
mod corruption;
mod crash;
mod depth_and_width;
mod descriptors;
mod drain;
mod effects;
mod elsewhere;
mod harness;
mod herd;
#[path = "../it/http.rs"]
mod http;
mod kills;
mod light;
mod lost_answers;
mod memory;
mod namespace;
mod network;
mod planted;
mod poison;
mod proxy;
mod restart;
mod schedules;
mod slow;
mod urls;
mod versions;
mod worker;
mod zombie;
