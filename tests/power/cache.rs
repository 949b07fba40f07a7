//! A failed sync leaves bytes that everybody reads and no disk has. What is built on them must not fall with them.
//!
//! The model forgets what a failed sync did not write; the files of the real process still show it, as the page cache
//! does. The server that comes next reads it there.

use serde_json::json;
use tokio::runtime::Runtime;

use crate::{
    client::Client,
    faults::{Met, Start, meet, stride},
    images::{Tally, seed, sweep_last_start},
    log::{Inode, Op},
    site::{EIO, Fault, Program},
};

fn fault(n: usize) -> Fault {
    Fault {
        of: "sync",
        n,
        errno: EIO,
        times: 1,
    }
}

/// What happens when the n-th sync fails, and the server is started again and acknowledges more.
fn after_a_failed_sync(start: Start, n: usize) -> Option<Vec<Op>> {
    let Met { mut site, .. } = {
        let met = meet(start, fault(n));
        met.struck()?;
        met.expect_broken_or_as_good_as_new();
        met
    };
    let mut server = site.start(Program::Real, None);
    Runtime::new().unwrap().block_on(async {
        let mut client = Client::connect(&site.url(), &mut server)
            .await
            .expect("it starts again");
        for n in 0..3 {
            let id = format!("p-again-{n}-500");
            client.create(&site.marks, &id).await.unwrap();
            client.settle(&site.marks, &id).await.unwrap();
        }
    });
    server.kill();
    Some(site.recorded())
}

/// The same run of a server that believes what it reads in the log: without the bytes that were written again before
/// the log was opened.
fn without_writing_again(ops: &[Op]) -> Vec<Op> {
    let log: Option<Inode> = ops.iter().find_map(|op| {
        let Op::Create(name, inode) = op else {
            return None;
        };
        name.ends_with("-wal").then_some(*inode)
    });
    let start = ops.iter().rposition(|op| matches!(op, Op::Start)).unwrap();
    let of_log = |op: &Op| matches!(op, Op::Sync(inode) if Some(*inode) == log);
    let synced = start + ops[start..].iter().position(of_log).unwrap_or(0);
    let is_again =
        |at: usize, op: &Op| (start..synced).contains(&at) && matches!(op, Op::Write { .. });
    let left = ops.iter().enumerate().filter(|(at, op)| !is_again(*at, op));
    left.map(|(_, op)| op.clone()).collect()
}

/// Which sync, counted from the start, is that of the first commit that a client asked for: what it changes is not in
/// the log yet, so there is nothing else to read it from.
fn first_commit(start: Start) -> usize {
    let Met { site, .. } = meet(start, fault(usize::MAX >> 40));
    let ops = site.recorded();
    let start = ops.iter().rposition(|op| matches!(op, Op::Start)).unwrap();
    let until = ops[start..]
        .iter()
        .take_while(|op| !matches!(op, Op::Mark(_)));
    let syncs = until.filter(|op| matches!(op, Op::Sync(_) | Op::SyncNames { .. }));
    syncs.count()
}

fn sweep_with_and_without(runs: impl Iterator<Item = Vec<Op>>, images: usize) -> (Tally, Tally) {
    let (mut sound, mut mutant) = (Tally::default(), Tally::default());
    for (nth, ops) in runs.enumerate() {
        let seed = seed() + nth as u64;
        let tally = sweep_last_start(&ops, images, seed);
        tally.expect_nothing_lost();
        sound.images += tally.images;
        let tally = sweep_last_start(&without_writing_again(&ops), images, seed);
        mutant.images += tally.images;
        mutant.bad.extend(tally.bad);
    }
    let figures = json!({ "test": "power/cache", "images": sound.images, "lost": 0,
        "bad_without_writing_the_log_again": mutant.bad.len() });
    println!("{figures}");
    (sound, mutant)
}

#[test]
fn the_log_is_written_again_before_anything_is_built_on_it() {
    let n = first_commit(Start::Second);
    // The same run under several draws of what the failed sync had written.
    let ops = after_a_failed_sync(Start::Second, n).expect("there is such a sync");
    let (_, mutant) = sweep_with_and_without(std::iter::repeat_n(ops, 5), 32);
    assert!(
        !mutant.bad.is_empty(),
        "{} of {} images: nothing shows what the log is written again for",
        mutant.bad.len(),
        mutant.images
    );
}

#[test]
fn what_is_acknowledged_after_a_failed_sync_does_not_rest_on_bytes_that_no_disk_has() {
    let all = |start, first: usize| {
        let calls = (first..).step_by(stride(12));
        calls.map_while(move |n| after_a_failed_sync(start, n))
    };
    let (sound, _) = sweep_with_and_without(all(Start::First, 2).chain(all(Start::Second, 3)), 24);
    assert!(sound.images > 48, "too few syncs to mean anything");
}
