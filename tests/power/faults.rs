//! Each sync and each write of a server fails, one run per call: it stops or refuses, in clear words, and the next start
//! has everything that was acknowledged.

use std::{collections::BTreeSet, env};

use serde_json::json;
use tokio::runtime::Runtime;
use tonic::Code;

use crate::{
    client::Client,
    harness::{PATIENCE, Process},
    images::{seed, sweep},
    log::{Op, syncs_after_a_failed_one},
    site::{EIO, ENOSPC, Fault, Program, Site},
    verdict::{Acknowledged, Verdict, judge_folder, note},
};

/// What a process ends with when its disk fails.
const BROKEN: i32 = 70;
const PROMISES: usize = 5;
/// Promises that a server finds at its second start: enough for tables of several pages.
const OLD: usize = 30;
/// Calls of which none is skipped.
const FIRST: usize = 8;
/// Power cuts that are tried on a run.
const IMAGES: usize = 24;
/// For as long as the server runs.
const FOR_EVER: usize = 1 << 30;

/// A server that met a fault, and what became of it.
pub(crate) struct Met {
    pub(crate) site: Site,
    server: Process,
    code: Option<i32>,
    ops: Vec<Op>,
    /// Creates that were refused for want of room.
    refused: usize,
}

impl Met {
    /// On which file, if the call was ever made.
    pub(crate) fn struck(&self) -> Option<&str> {
        self.ops.iter().find_map(|op| {
            let Op::Fault(name) = op else {
                return None;
            };
            Some(name.as_str())
        })
    }

    fn say(&self) -> String {
        format!(
            "struck {:?}, code {:?}, output:\n{}",
            self.struck(),
            self.code,
            self.server.output()
        )
    }

    fn expect_broken(&self) {
        assert_eq!(self.code, Some(BROKEN), "{}", self.say());
        let output = self.server.output();
        let last = output.lines().last().unwrap_or_default();
        let place = self.site.folder.path().display().to_string();
        let is_clear = last.contains(&place) || last.contains("resonate.lock");
        assert!(
            is_clear && !output.contains("panicked"),
            "no clear message: {}",
            self.say()
        );
    }

    /// True if SQLite may have kept the fault to itself. It does not tell when a sync of a folder fails, nor all that
    /// happens while it makes a file a store; nothing was acknowledged by then, and our own syncs come after it.
    fn is_kept_by_sqlite(&self) -> bool {
        let made = self
            .ops
            .iter()
            .position(|op| matches!(op, Op::SyncNames { of_parent: true }));
        let struck = self.ops.iter().position(|op| matches!(op, Op::Fault(_)));
        match self.struck() {
            Some("") => true,
            Some("resonate.db-journal" | "resonate.db") => {
                made.is_none_or(|made| struck < Some(made))
            }
            _ => false,
        }
    }

    /// It stopped, or nobody needed to know, and then no power cut shows anything of it.
    pub(crate) fn expect_broken_or_as_good_as_new(&self) {
        if self.code == Some(0) && self.is_kept_by_sqlite() {
            sweep(&self.ops, IMAGES, seed()).expect_nothing_lost();
        } else {
            self.expect_broken();
        }
    }

    /// What is on the disk now has everything that was acknowledged.
    fn expect_kept(&self) {
        let mut acknowledged = Acknowledged::new();
        for op in &self.ops {
            if let Op::Mark(mark) = op {
                note(&mut acknowledged, mark);
            }
        }
        let verdict = judge_folder(&self.site.data(), &acknowledged);
        assert_eq!(verdict, Verdict::Sound, "{}", self.say());
    }
}

/// Which start of a server meets the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The one that makes the store.
    First,
    /// One that finds what a killed server left.
    Second,
}

/// Serves a few requests with a fault below, until they are done or the server has ended.
pub(crate) fn meet(start: Start, fault: Fault) -> Met {
    let mut site = Site::new();
    if start == Start::Second {
        let mut server = site.start(Program::Real, None);
        Runtime::new().unwrap().block_on(async {
            let mut client = Client::connect(&site.url(), &mut server)
                .await
                .expect("it serves");
            for n in 0..OLD {
                client
                    .create(&site.marks, &format!("p-old-{n}-200"))
                    .await
                    .unwrap();
            }
        });
        server.kill();
    }
    let mut server = site.start(Program::Real, Some(fault));
    let refused =
        Runtime::new()
            .unwrap()
            .block_on(ask(&site, &mut server, fault.times == FOR_EVER));
    if server.is_running() && refused.is_some() {
        server.signal("TERM");
    }
    let code = server.wait().code();
    let ops = if site.data().exists() {
        site.recorded()
    } else {
        Vec::new()
    };
    Met {
        site,
        server,
        code,
        ops,
        refused: refused.unwrap_or(0),
    }
}

/// How often a create was refused for want of room; none if the server ended by itself.
async fn ask(site: &Site, server: &mut Process, is_full: bool) -> Option<usize> {
    let mut client = Client::connect(&site.url(), server).await?;
    let mut refused = 0;
    for n in 0..PROMISES {
        let id = format!("p-{n}-200");
        let begun = tokio::time::Instant::now();
        let created = loop {
            match client.create(&site.marks, &id).await {
                Ok(()) => break true,
                Err(status) if status.code() == Code::ResourceExhausted => refused += 1,
                Err(_) => return None,
            }
            // Reading goes on.
            let known = client.is_pending("p-0-200").await;
            assert!(known.is_ok() || known.is_err_and(|status| status.code() == Code::NotFound));
            if is_full {
                break false;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "the server does not recover: {}",
                server.output()
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        if created {
            settle(site, &mut client, &id, is_full).await?;
        }
    }
    Some(refused)
}

async fn settle(site: &Site, client: &mut Client, id: &str, is_full: bool) -> Option<()> {
    loop {
        match client.settle(&site.marks, id).await {
            Ok(()) => return Some(()),
            Err(status) if status.code() == Code::ResourceExhausted && is_full => return Some(()),
            Err(status) if status.code() == Code::ResourceExhausted => {}
            Err(_) => return None,
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// So manieth calls are tried, unless `RESONATE_POWER_STRIDE` says another number.
pub(crate) fn stride(stride: usize) -> usize {
    let given = env::var("RESONATE_POWER_STRIDE")
        .ok()
        .and_then(|stride| stride.parse().ok());
    given.unwrap_or(stride).max(1)
}

/// Of which call, with which error, how many in a row.
type Kind = (&'static str, i32, usize);

/// The calls of a kind, one run each; ends with the run that has no such call any more.
fn each(start: Start, (of, errno, times): Kind, stride: usize, mut check: impl FnMut(&Met)) {
    let stride = self::stride(stride);
    let (mut runs, mut refused, mut codes, mut files) = (0, 0, BTreeSet::new(), BTreeSet::new());
    let first = 1 + usize::try_from(seed()).unwrap() % stride;
    // The first ones make the store, each in its own way.
    for n in (1..=FIRST).chain((FIRST + first..).step_by(stride)) {
        let met = meet(
            start,
            Fault {
                of,
                n,
                errno,
                times,
            },
        );
        let Some(file) = met.struck() else {
            assert_eq!(met.code, Some(0), "{}", met.say());
            break;
        };
        files.insert(file.to_owned());
        check(&met);
        met.expect_kept();
        runs += 1;
        refused += met.refused;
        codes.insert(met.code);
    }
    let figures = json!({ "test": format!("power/faults/{of}/{errno}"), "start": format!("{start:?}"), "times": times, "stride": stride, "runs": runs,
        "codes": codes, "files": files, "creates_refused": refused });
    println!("{figures}");
    assert!(runs > 3, "too few calls to mean anything: {runs}");
}

#[test]
fn a_failed_sync_stops_the_server_and_is_never_tried_again() {
    each(Start::First, ("sync", EIO, 1), 3, expect_stopped_at_once);
}

#[test]
fn a_failed_sync_stops_a_server_that_starts_again() {
    each(Start::Second, ("sync", EIO, 1), 3, expect_stopped_at_once);
}

fn expect_stopped_at_once(met: &Met) {
    met.expect_broken_or_as_good_as_new();
    let after = syncs_after_a_failed_one(&met.ops);
    assert!(
        after.is_empty() || met.is_kept_by_sqlite(),
        "{after:?}: {}",
        met.say()
    );
}

#[test]
fn a_failed_write_stops_the_server() {
    each(Start::First, ("write", EIO, 1), 31, expect_stopped);
}

#[test]
fn a_failed_write_stops_a_server_that_starts_again() {
    each(Start::Second, ("write", EIO, 1), 31, expect_stopped);
}

fn expect_stopped(met: &Met) {
    match met.struck() {
        // Nobody reads it: without a reserve the server is as good as before.
        Some("resonate.reserve") => assert_eq!(met.code, Some(0), "{}", met.say()),
        // Its place in memory could not be taken, before anything was written: that is told as a disk that is full.
        Some(name) if name.ends_with("-shm") => {}
        _ => met.expect_broken_or_as_good_as_new(),
    }
}

#[test]
fn a_write_without_room_is_refused_and_the_server_recovers() {
    each(Start::First, ("write", ENOSPC, 1), 31, expect_refused);
}

#[test]
fn a_disk_that_stays_full_refuses_and_stops_nothing() {
    each(
        Start::First,
        ("write", ENOSPC, FOR_EVER),
        31,
        expect_refused,
    );
}

#[test]
fn a_server_that_starts_again_on_a_full_disk_refuses_and_stops_nothing() {
    each(
        Start::Second,
        ("write", ENOSPC, FOR_EVER),
        31,
        expect_refused,
    );
}

/// A server that serves goes on; one that cannot open says why.
fn expect_refused(met: &Met) {
    let has_served = met.server.output().contains("http://");
    if has_served {
        assert_eq!(met.code, Some(0), "{}", met.say());
    } else {
        met.expect_broken();
    }
}

#[test]
fn half_a_write_is_written_to_its_end() {
    each(Start::First, ("write", 0, 1), 43, |met| {
        assert_eq!(met.code, Some(0), "{}", met.say())
    });
}
