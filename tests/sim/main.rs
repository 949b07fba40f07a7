//! The simulator: the real core, engine, worker and macros on one thread, with a simulated disk, network and clock. One
//! `u64` is a run, and the same number is the same run.
//!
//! Read in this order: [`world`] (a run from its faults to its end), [`faults`] (what a seed draws), [`server`] and
//! [`disk`], [`network`], [`stream`] and [`wire`], [`process`] (real workers and clients behind a gate), [`client`],
//! [`outside`] and [`program`] (what they ask for, with known answers); then what judges: [`model`] (what is durable, with [`messages`],
//! [`leases`] and [`times`]), [`told`] (what left), [`ledger`] and [`seen`] (what user code did and saw), [`probes`],
//! [`report`].
//!
//! `RESONATE_SIM_SEED=n` runs one seed, with `RESONATE_SIM_TRACE=1` readably; `RESONATE_SIM_SEEDS=n` runs so many,
//! `RESONATE_SIM_MINUTES=n` runs for so long; `RESONATE_SIM_FIRST=n` begins there. A seed that fails is run again with less
//! and less of it ([`shrink`]); `RESONATE_SIM_SHRINK=0` leaves that out, `RESONATE_SIM_LESS=..` shows what came of it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the exemption for tests ends at #[test] functions"
)]

mod client;
mod dice;
mod disk;
mod faults;
mod keys;
mod leases;
mod ledger;
mod messages;
mod model;
mod network;
mod outside;
mod probes;
mod process;
mod program;
mod report;
mod seen;
mod server;
mod shrink;
mod sim;
mod stream;
mod times;
mod told;
mod trace;
mod wire;
mod world;

use std::{
    env, panic,
    sync::{Once, mpsc},
    thread,
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    dice::Dice,
    faults::Swarm,
    report::Report,
    shrink::Less,
    world::{Options, Run},
};

/// What a panic says that a program planned.
pub(crate) const PLANNED: &str = "a panic that the program planned";

/// Seeds of a batch if nothing is said: about a minute of one core; with optimization that is over 200 simulated hours.
const SEEDS: u64 = if cfg!(debug_assertions) { 60 } else { 900 };
/// Seeds that are run twice.
const TWICE: usize = if cfg!(debug_assertions) { 8 } else { 100 };
/// How long one seed may take; it takes less than a second.
const PATIENCE: Duration = Duration::from_secs(300);

/// Planned panics are not printed, and no warning of a worker is.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(feature = "mutants")]
        resonate_server::mutants::plant();
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.payload_as_str() != Some(PLANNED) {
                usual(info);
            }
        }));
        if env::var("RESONATE_SIM_TRACE").is_ok_and(|level| level == "2") {
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::DEBUG)
                .init();
        } else {
            let nobody = tracing::subscriber::NoSubscriber::default();
            tracing::subscriber::set_global_default(nobody).expect("nobody else sets one");
        }
    });
}

/// Runs a seed. One that does not end stops the whole program: time may stand still in it for ever.
fn run(seed: u64, options: Options) -> Run {
    let (ended, end) = mpsc::channel::<()>();
    let watching = thread::spawn(move || {
        if end.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("seed {seed} does not end: nothing waits, so its clock stands still");
            std::process::abort();
        }
    });
    let run = world::run(seed, options);
    drop(ended);
    watching.join().expect("it only waits");
    run
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text:?}")),
    )
}

fn failed_once() -> impl Iterator<Item = u64> {
    let lines = include_str!("seeds.txt").lines();
    let seeds = lines.filter(|line| !line.starts_with('#'));
    seeds.map(|line| line.split_whitespace().next().unwrap().parse().unwrap())
}

#[test]
fn a_batch_of_seeds_breaks_no_rule_and_meets_every_fault() {
    quiet();
    let is_shown = env::var_os("RESONATE_SIM_TRACE").is_some();
    let less = env::var("RESONATE_SIM_LESS").map(|less| less.parse().unwrap());
    let options = Options {
        is_shown,
        less: less.unwrap_or_default(),
        ..Options::default()
    };
    let started = Instant::now();
    let mut report = Report::default();
    if let Some(seed) = number("RESONATE_SIM_SEED") {
        report.add(run(seed, options), options);
        report.print(started.elapsed());
        return report.judge();
    }
    failed_once().for_each(|seed| report.add(run(seed, options), options));
    let minutes = number("RESONATE_SIM_MINUTES");
    let until = minutes.map(|minutes| Duration::from_secs(60 * minutes));
    let count = number("RESONATE_SIM_SEEDS").unwrap_or(SEEDS);
    let first = number("RESONATE_SIM_FIRST").unwrap_or(1);
    for seed in first.. {
        let is_over = until.map_or(seed >= first + count, |until| until <= started.elapsed());
        if is_over || report.has_failed() {
            break;
        }
        report.add(run(seed, options), options);
    }
    report.print(started.elapsed());
    report.judge();
}

#[test]
fn the_same_seed_is_the_same_run() {
    quiet();
    let cheap = (1_000..).filter(|seed| {
        let swarm = Swarm::draw(&Dice::new(*seed), Less::default());
        swarm.faulty_for <= Duration::from_secs(120) && swarm.roots <= 8
    });
    for seed in cheap.take(TWICE) {
        let (one, other) = (run(seed, Options::default()), run(seed, Options::default()));
        assert_eq!(one.wrong, None);
        assert_eq!(
            (one.hash, one.counters),
            (other.hash, other.counters),
            "seed {seed}"
        );
    }
}

#[test]
fn a_disk_that_lies_is_found() {
    quiet();
    let options = Options {
        disk_lies: true,
        ..Options::default()
    };
    let found = (1..50)
        .map(|seed| run(seed, options))
        .find_map(|run| run.wrong);
    assert!(found.is_some_and(|wrong| wrong.contains("is lost") || wrong.contains("was durable")));
}
