//! The fuzzer's targets without a fuzzer: on the committed seeds, and on mutations of them that are the same every time.
//! With a nightly compiler and cargo-fuzz the same functions run by coverage, see `fuzz/README.md`.
//!
//! `UPDATE_EXPECT=1` writes the seeds that are made from values anew. `RESONATE_MUTATIONS` is how many mutations each
//! target gets, `RESONATE_SEED` the choices of others.

mod mutate;
mod seeds;
#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;

use std::{
    collections::BTreeMap,
    env, fs,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    time::Duration,
};

use tokio::time::Instant;

use self::mutate::Mutate;

/// Mutations of a target that reads a message, which takes no time; the others get fewer.
const MUTATIONS: u64 = 24_000;
/// An input is small; whoever needs this long for one does not come to an end.
const PATIENCE: Duration = Duration::from_secs(20);

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fuzz", "seeds"]
        .iter()
        .collect()
}

/// The seeds of each target, in the order of their names.
fn committed() -> BTreeMap<String, Vec<(String, Vec<u8>)>> {
    let read = |path: PathBuf| fs::read(path).expect("a seed can be read");
    let name = |entry: &fs::DirEntry| entry.file_name().into_string().expect("UTF-8");
    let entries = |path: PathBuf| {
        let entries = fs::read_dir(path).expect("the folder of the seeds");
        entries.map(|entry| entry.expect("an entry of a folder"))
    };
    let seeds_of = |path: PathBuf| {
        let mut seeds: Vec<_> = entries(path)
            .map(|entry| (name(&entry), read(entry.path())))
            .collect();
        seeds.sort();
        seeds
    };
    entries(folder())
        .map(|target| (name(&target), seeds_of(target.path())))
        .collect()
}

/// Runs one input; a panic shows the input that made it. True if it meant something to the target.
fn run(target: &str, data: &[u8]) -> bool {
    let start = Instant::now();
    let ended = panic::catch_unwind(AssertUnwindSafe(|| targets::run(target, data)));
    let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(
        ended.is_ok(),
        "target {target} found something, see above; its input: {hex}"
    );
    assert!(
        start.elapsed() < PATIENCE,
        "target {target} took {:?} for {hex}",
        start.elapsed()
    );
    ended.is_ok_and(|meant_something| meant_something)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

#[test]
fn every_target_has_seeds_and_every_seed_a_target() {
    let known: Vec<_> = targets::ALL
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let seeded: Vec<_> = committed().into_keys().collect();
    assert_eq!(seeded, known);
    for (name, _) in targets::ALL {
        let binary = format!("{}/fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        assert!(
            fs::exists(&binary).is_ok_and(|there| there),
            "{binary} is missing"
        );
    }
}

/// Seeds that are refused at their first byte seed nothing. These two are refused on purpose.
#[test]
fn every_seed_means_something_to_its_target() {
    let mut meaningless = Vec::new();
    for (target, seeds) in committed() {
        let without = seeds.iter().filter(|(_, data)| !run(&target, data));
        meaningless.extend(without.map(|(name, _)| format!("{target}/{name}")));
    }
    assert_eq!(meaningless, ["bincode_payload/deep", "json_payload/deep"]);
}

#[test]
fn what_is_made_of_values_today_passes_as_well() {
    for (target, name, data) in seeds::made() {
        run(target, &data);
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(folder().join(target).join(name), data).expect("a seed can be written");
        }
    }
}

/// One test per target, so that they run side by side and a failed one is named.
macro_rules! mutations {
    ($($target:ident)*) => {$(
        #[test]
        fn $target() {
            mutated(stringify!($target));
        }
    )*
        #[test]
        fn no_target_is_forgotten() {
            let known: Vec<_> = targets::ALL.iter().map(|(name, _)| *name).collect();
            assert_eq!(known, [$(stringify!($target)),*]);
        }
    };
}

mutations!(apply apply_wire bincode_payload client_reply client_request command_line from_worker json_payload
    promise_id store_file stored_row to_worker);

fn mutated(target: &str) {
    let seeds = committed().remove(target).expect("every target has seeds");
    let seeds: Vec<_> = seeds.into_iter().map(|(_, data)| data).collect();
    for seed in &seeds {
        run(target, seed);
    }
    let asked = number("RESONATE_MUTATIONS").unwrap_or(MUTATIONS);
    let mutations = match target {
        // A store is opened for each.
        "store_file" => asked / 150,
        "apply" | "apply_wire" => asked / 8,
        _ => asked,
    };
    let mut mutate = Mutate::new(number("RESONATE_SEED").unwrap_or(1));
    for _ in 0..mutations {
        run(target, &mutate.one_of(&seeds));
    }
    println!("FIGURES {{\"kind\":\"mutations\",\"target\":\"{target}\",\"inputs\":{mutations}}}");
}
