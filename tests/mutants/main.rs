//! Planted bugs, each against the harness that must find it: one that finds nothing here proves nothing elsewhere.
//!
//! The bugs are `resonate_core::mutants`. [`case`] says for each which harness must find it, within which budget and by
//! which check; [`child`] runs a harness as a process with that bug in it; [`build`] finds its binary. The rules of the
//! core have their scripts here once more, in [`scripts`], and [`flow`] has what no other harness looks at.
//!
//! `cargo test -p resonate --features mutants --test mutants -- --nocapture` prints the table;
//! `RESONATE_MUTANTS=lease-never-ends,timer-early` runs those only.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the exemption for tests ends at #[test] functions"
)]

mod build;
mod case;
mod child;
mod flow;
mod scripts;

use std::{collections::BTreeSet, env, sync::Arc, thread};

use resonate_core::mutants::Mutant;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use self::{
    build::Binaries,
    case::{By, Case, SOUND, case},
    child::Ended,
};

/// Not a test: what comes first, by its name, in a process that runs tests of this binary.
#[test]
fn a_bug_is_planted() {
    resonate_server::mutants::plant();
}

/// What the scripts of the core call.
#[track_caller]
fn check(script: &str, expect: expect_test::Expect) {
    expect.assert_eq(&resonate_core::testing::script::run(script));
}

/// All, or those that are named.
fn chosen() -> Vec<Case> {
    let Ok(names) = env::var("RESONATE_MUTANTS") else {
        return Mutant::ALL.iter().map(|mutant| case(*mutant)).collect();
    };
    let named = |name: &str| {
        let mut all = Mutant::ALL.iter();
        let found = all.find(|mutant| mutant.name() == name);
        case(*found.unwrap_or_else(|| panic!("RESONATE_MUTANTS: there is no {name:?}")))
    };
    names.split(',').map(named).collect()
}

/// What a harness is run for.
#[derive(Clone, Debug)]
enum What {
    Mutant(Case),
    /// The same without a bug, or a mutant is killed by what is no bug.
    Sound(By),
}

async fn run_all(binaries: &Arc<Binaries>, all: Vec<What>) -> Vec<(What, Ended)> {
    let at_once = thread::available_parallelism().map_or(2, usize::from);
    let places = Arc::new(Semaphore::new(at_once));
    let mut running = JoinSet::new();
    for (nth, what) in all.into_iter().enumerate() {
        let (places, binaries) = (Arc::clone(&places), Arc::clone(binaries));
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            let ended = match &what {
                What::Mutant(case) => child::run(&binaries, case.by, Some(case.mutant)).await,
                What::Sound(by) => child::run(&binaries, *by, None).await,
            };
            (nth, what, ended)
        });
    }
    let mut ended = running.join_all().await;
    ended.sort_by_key(|(nth, ..)| *nth);
    ended
        .into_iter()
        .map(|(_, what, ended)| (what, ended))
        .collect()
}

/// Each harness once, as large as any mutant needs it.
fn sound(cases: &[Case]) -> Vec<What> {
    let needed = cases.iter().map(|case| case.by);
    let all: BTreeSet<By> = needed.chain(SOUND.iter().copied()).collect();
    let is_largest = |by: &&By| !all.iter().any(|other| by.is_part_of(*other));
    all.iter()
        .filter(is_largest)
        .copied()
        .map(What::Sound)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_bug_is_found() {
    if env::var_os(resonate_server::mutants::VARIABLE).is_some() {
        return;
    }
    let cases = chosen();
    let binaries = Arc::new(tokio::task::block_in_place(Binaries::build));
    let begun = Instant::now();
    let mut all = sound(&cases);
    all.extend(cases.iter().copied().map(What::Mutant));
    let ended = run_all(&binaries, all).await;
    let mut failed = Vec::new();
    println!("{:<30} {:>7}  found by", "planted", "seconds");
    for (what, ended) in &ended {
        let seconds = ended.took.as_secs_f64();
        let (name, verdict) = match what {
            What::Mutant(case) => (case.mutant.name(), ended.expect_found(case.says)),
            What::Sound(_) => ("nothing", ended.expect_sound()),
        };
        let by = match what {
            What::Mutant(case) => case.by,
            What::Sound(by) => *by,
        };
        let said = verdict.as_ref().unwrap_or_else(|wrong| wrong);
        println!("{name:<30} {seconds:>7.1}  {by}: {said}");
        if verdict.is_err() {
            eprintln!("--- {name}, {by}:\n{}", ended.tail());
            failed.push(name);
        }
    }
    let planted = cases.len();
    let killed = planted - failed.iter().filter(|name| **name != "nothing").count();
    println!(
        "FIGURES {{\"kind\":\"mutants\",\"killed\":{killed},\"planted\":{planted},\"seconds\":{:.0}}}",
        begun.elapsed().as_secs_f64()
    );
    assert!(
        failed.is_empty(),
        "not as it should be: {failed:?}; see above"
    );
}

/// The table of docs/reliability.md, as it must be.
#[test]
fn the_page_has_a_row_for_each() {
    let page = include_str!("../../docs/reliability.md");
    let rows = Mutant::ALL.iter().map(|mutant| {
        let (name, breaks) = (mutant.name(), mutant.breaks());
        let by = case(*mutant).by.binary().replace("mutants", "rules");
        format!("| {:?} | `{name}` | {breaks} | {by} |\n", mutant.area())
    });
    let table: String = rows.collect();
    assert!(page.contains(&table), "the page must have\n{table}");
}

#[test]
fn every_area_has_its_mutants_and_every_mutant_a_reason() {
    let areas: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.area()).collect();
    assert_eq!(areas.len(), 5);
    assert!(Mutant::ALL.len() >= 35);
    for mutant in Mutant::ALL {
        let says = case(*mutant).says;
        assert!(!says.is_empty() && !says.contains(&""), "{mutant:?}");
    }
}
