//! Every byte of a small store is changed, and it is cut at every length: what is then told is the truth, or nothing.
//!
//! A plain `cargo test` takes every so manieth place, `cargo test --release` every one; `RESONATE_SWEEP_STRIDE` says
//! otherwise. The figures are printed as one line of JSON.

use std::{
    panic,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::fixture::{Fixture, Image, Truth, fixture, quick_folder};
use crate::config::open_sound;

const BIT: u8 = 0x04;

/// What is done to which file.
#[derive(Clone, Copy, Debug)]
enum Harm {
    FlipInFile(usize),
    FlipInLog(usize),
    CutFile(usize),
    CutLog(usize),
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Everything is there and right.
    Whole,
    /// Refused as damaged, with file, table and key.
    Refused,
    /// The last commits of the log are missing, whole, as after a power cut.
    Behind(usize),
}

fn stride() -> usize {
    let asked = std::env::var("RESONATE_SWEEP_STRIDE").ok();
    let default = if cfg!(debug_assertions) { 211 } else { 1 };
    asked
        .and_then(|stride| stride.parse().ok())
        .unwrap_or(default)
}

#[test]
fn damage_is_recovered_from_or_refused_and_never_served() {
    let (fixture, stride) = (fixture(), stride());
    let Image { file, log } = &fixture.image;
    let harms: Vec<Harm> = (0..file.len())
        .step_by(stride)
        .flat_map(|at| [Harm::FlipInFile(at), Harm::CutFile(at)])
        .chain(
            (0..log.len())
                .step_by(stride)
                .flat_map(|at| [Harm::FlipInLog(at), Harm::CutLog(at)]),
        )
        .collect();
    let (next, seen) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let folder = quick_folder();
                while let Some(harm) = harms.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let class = classify(&fixture, *harm, folder.path());
                    seen.lock().unwrap().push((*harm, class));
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), harms.len(), "a case did not end");
    tell(&seen, &fixture, stride);
    for (harm, class) in &seen {
        let is_fine = match (harm, class) {
            (_, Class::Whole | Class::Refused) => true,
            // Only what lies behind the last whole commit may be missing.
            (Harm::FlipInLog(_), Class::Behind(commits)) => *commits <= 2,
            (Harm::CutLog(_), Class::Behind(_)) => true,
            (Harm::FlipInFile(_) | Harm::CutFile(_), Class::Behind(_)) => false,
        };
        assert!(is_fine, "{harm:?}: {class:?}");
    }
}

fn classify(fixture: &Fixture, harm: Harm, folder: &Path) -> Class {
    let mut image = fixture.image.clone();
    match harm {
        Harm::FlipInFile(at) => image.file[at] ^= BIT,
        Harm::FlipInLog(at) => image.log[at] ^= BIT,
        Harm::CutFile(at) => image.file.truncate(at),
        Harm::CutLog(at) => image.log.truncate(at),
    }
    image.put(folder);
    let opened = panic::catch_unwind(|| {
        let mut store = open_sound(folder)?;
        Ok(Truth::read(&mut store))
    });
    match opened.unwrap_or_else(|_| panic!("{harm:?}: a panic")) {
        Err(error) => refused(harm, &error),
        Ok(Err(error)) => panic!("{harm:?}: only a read found it: {error}"),
        Ok(Ok(truth)) => match fixture
            .truths
            .iter()
            .rev()
            .position(|known| *known == truth)
        {
            Some(0) => Class::Whole,
            Some(behind) => Class::Behind(behind),
            None => panic!("{harm:?}: something else was served: {truth:?}"),
        },
    }
}

/// The code that a process ends with is that of damage, and people are told where.
fn refused(harm: Harm, error: &crate::OpenError) -> Class {
    let message = error.to_string();
    let named = message.contains("resonate.db") && error.is_damage();
    assert!(named, "{harm:?}: {error:?}");
    Class::Refused
}

fn tell(seen: &[(Harm, Class)], fixture: &Fixture, stride: usize) {
    let count = |is: &dyn Fn(&(Harm, Class)) -> bool| seen.iter().filter(|one| is(one)).count();
    let of = |kind: &str, class: Option<Class>| {
        count(&|(harm, is)| {
            let name = format!("{harm:?}");
            name.starts_with(kind)
                && class.map_or(matches!(is, Class::Behind(_)), |class| class == *is)
        })
    };
    let kinds = ["FlipInFile", "CutFile", "FlipInLog", "CutLog"].map(|kind| {
        let (whole, refused) = (of(kind, Some(Class::Whole)), of(kind, Some(Class::Refused)));
        let behind = of(kind, None);
        format!(r#""{kind}":{{"whole":{whole},"refused":{refused},"behind":{behind}}}"#)
    });
    let (file, log) = (fixture.image.file.len(), fixture.image.log.len());
    let (rows, commits) = (
        fixture.truths.last().map_or(0, |truth| truth.rows.len()),
        fixture.truths.len() - 1,
    );
    println!(
        r#"{{"sweep":"corruption","cases":{},"stride":{stride},"file_bytes":{file},"log_bytes":{log},"rows":{rows},"log_commits":{commits},{},"wrong":0}}"#,
        seen.len(),
        kinds.join(",")
    );
}
