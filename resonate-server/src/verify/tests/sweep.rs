//! Every byte of a small store is changed, and it is cut at every length: what is then told is the truth, or nothing.
//!
//! A plain `cargo test` takes every so manieth place, `cargo test --release` some 20,000, `RESONATE_SWEEP_STRIDE=1` every
//! one. The figures are printed as one line of JSON.

use std::{
    collections::BTreeMap,
    panic,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use resonate_core::limits;

use super::fixture::{Fixture, Image, Truth, fixture, quick_folder};
use crate::{
    OpenError,
    config::open_sound,
    store::{LoadError, SqliteStore},
    verify::{Source, verify},
};

const BIT: u8 = 0x04;
/// A length in the middle of a page says little that another does not.
const CUTS: usize = 4;

/// What is done, and to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Harm {
    /// To the file of a store that was closed.
    Flip,
    Cut,
    /// The same, and the store counts as too large to be verified at the start.
    FlipUnverified,
    /// To a store whose process was killed.
    FlipBelowLog,
    FlipInLog,
    CutLog,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Everything is there and right.
    Whole,
    /// Refused as damaged, with the file, at the start.
    Refused,
    /// Refused as damaged by the first read of it.
    Found,
    /// Served, and found when it is verified.
    Late,
    /// The last commits of the log are missing, whole, as after a power cut.
    Behind(usize),
}

#[test]
fn damage_is_recovered_from_or_refused_and_never_served() {
    let (fixture, stride) = (fixture(), stride());
    let cases = cases(&fixture, stride);
    let (next, seen) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let folder = quick_folder();
                while let Some((harm, at)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let class = classify(&fixture, *harm, *at, folder.path());
                    assert!(is_allowed(*harm, class), "{harm:?} at {at}: {class:?}");
                    *seen
                        .lock()
                        .unwrap()
                        .entry((*harm, class))
                        .or_insert(0_usize) += 1;
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    assert_eq!(
        seen.values().sum::<usize>(),
        cases.len(),
        "a case did not end"
    );
    tell(&seen, &fixture, cases.len(), stride);
    for class in [Class::Whole, Class::Refused] {
        assert!(
            seen.contains_key(&(Harm::Flip, class)),
            "no flip is {class:?}"
        );
    }
}

fn stride() -> usize {
    let asked = std::env::var("RESONATE_SWEEP_STRIDE").ok();
    let default = if cfg!(debug_assertions) { 397 } else { 13 };
    let stride = asked.and_then(|stride| stride.parse().ok());
    stride.unwrap_or(default)
}

fn cases(fixture: &Fixture, stride: usize) -> Vec<(Harm, usize)> {
    let (closed, killed) = (&fixture.closed, &fixture.killed);
    assert!(closed.log.is_empty(), "it was not closed");
    [
        (Harm::Flip, &closed.file, stride),
        (Harm::Cut, &closed.file, stride * CUTS),
        (Harm::FlipUnverified, &closed.file, stride * CUTS),
        (Harm::FlipBelowLog, &killed.file, stride * CUTS),
        (Harm::FlipInLog, &killed.log, stride),
        (Harm::CutLog, &killed.log, stride * CUTS),
    ]
    .into_iter()
    .flat_map(|(harm, bytes, stride)| (0..bytes.len()).step_by(stride).map(move |at| (harm, at)))
    .collect()
}

fn is_allowed(harm: Harm, class: Class) -> bool {
    match class {
        Class::Whole | Class::Refused => true,
        Class::Found | Class::Late => harm == Harm::FlipUnverified,
        // What lies behind the last commit but one is known to have been durable.
        Class::Behind(commits) => harm == Harm::CutLog || (harm == Harm::FlipInLog && commits <= 2),
    }
}

fn classify(fixture: &Fixture, harm: Harm, at: usize, folder: &Path) -> Class {
    let truths = &fixture.truths;
    let (image, truths) = match harm {
        Harm::Flip | Harm::Cut | Harm::FlipUnverified => (&fixture.closed, &truths[..1]),
        Harm::FlipBelowLog | Harm::FlipInLog | Harm::CutLog => (&fixture.killed, &truths[..]),
    };
    harmed(image, harm, at).put(folder);
    let opened = panic::catch_unwind(|| {
        let mut store = if harm == Harm::FlipUnverified {
            SqliteStore::open(folder, limits::PARTS)?
        } else {
            open_sound(folder)?
        };
        Ok(Truth::read(&mut store, fixture.parts.iter().copied()))
    });
    match opened.unwrap_or_else(|_| panic!("{harm:?} at {at}: a panic")) {
        Err(error) => refused(harm, at, &error),
        Ok(Err(LoadError::Damaged(_))) => Class::Found,
        Ok(Err(error)) => panic!("{harm:?} at {at}: {error:?}"),
        Ok(Ok(truth)) => match truths.iter().rev().position(|known| *known == truth) {
            Some(0) => Class::Whole,
            Some(commits) => Class::Behind(commits),
            None => {
                let report = verify(Source::Folder(folder)).map(|report| report.problems);
                let is_found = report
                    .as_ref()
                    .map_or_else(|error| error.is_damage(), |found| !found.is_empty());
                assert!(
                    is_found,
                    "{harm:?} at {at}: {truth:?} was served, and nobody notices"
                );
                Class::Late
            }
        },
    }
}

fn harmed(image: &Image, harm: Harm, at: usize) -> Image {
    let mut image = image.clone();
    match harm {
        Harm::Flip | Harm::FlipUnverified | Harm::FlipBelowLog => image.file[at] ^= BIT,
        Harm::FlipInLog => image.log[at] ^= BIT,
        Harm::Cut => image.file.truncate(at),
        Harm::CutLog => image.log.truncate(at),
    }
    image
}

/// The code that a process ends with is that of damage, and people are told where.
fn refused(harm: Harm, at: usize, error: &OpenError) -> Class {
    let is_named = error.to_string().contains("resonate.db");
    assert!(is_named && error.is_damage(), "{harm:?} at {at}: {error:?}");
    Class::Refused
}

fn tell(seen: &BTreeMap<(Harm, Class), usize>, fixture: &Fixture, cases: usize, stride: usize) {
    let counts = seen
        .iter()
        .map(|((harm, class), count)| format!(r#""{harm:?} {class:?}":{count}"#));
    let counts: Vec<_> = counts.collect();
    println!(
        r#"{{"sweep":"corruption","cases":{cases},"stride":{stride},"file_bytes":{},"log_bytes":{},"rows":{},"log_commits":{},{},"panics":0,"wrong":0}}"#,
        fixture.closed.file.len(),
        fixture.killed.log.len(),
        fixture.truths.last().map_or(0, |truth| truth.rows.len()),
        fixture.truths.len() - 1,
        counts.join(",")
    );
}
