//! What users rely on, in one process: a server in memory, one or more workers, ordinary durable functions.
//!
//! [`world`] starts and looks; every other file is a behaviour. The functions of a file have a service of their own. With
//! `RESONATE_TEST_CODEC=bincode` all processes write bincode; [`codecs`] runs everything once more that way.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the exemption for tests ends at #[test] functions"
)]

mod answers;
mod calls;
mod cancel;
mod codecs;
mod compensate;
mod divergence;
mod embedded;
mod execution;
mod fan;
mod flow;
mod hazards;
mod http;
mod ids;
mod limits;
mod promises;
mod schedules;
mod steps;
mod timers;
mod urls;
mod waiting;
mod world;
