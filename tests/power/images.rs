//! Power cuts at any moment of a real server's life: nothing that was acknowledged is missing from any image.

use std::{
    collections::BTreeMap,
    env,
    sync::{Mutex, mpsc},
    thread,
};

use serde_json::json;

use crate::{
    disk::{Disk, How, Image},
    draw::Draw,
    log::Op,
    site::{Program, Site, fast_folder},
    verdict::{self, Acknowledged, Verdict, judge, note},
    workload::{End, Phase, record},
};

/// Images in all, unless `RESONATE_POWER_IMAGES` says another number.
const IMAGES: usize = 320;

/// What became of the images of one recording.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) operations: usize,
    pub(crate) acknowledged: usize,
    pub(crate) images: usize,
    pub(crate) sound: usize,
    /// Before anything was acknowledged.
    pub(crate) refused: BTreeMap<String, usize>,
    /// Those that must not be, each with how it came about.
    pub(crate) bad: Vec<(String, Verdict)>,
}

impl Tally {
    pub(crate) fn lost(&self) -> usize {
        self.bad
            .iter()
            .filter(|(_, verdict)| matches!(verdict, Verdict::Lost(_) | Verdict::Refused(_)))
            .count()
    }

    pub(crate) fn expect_nothing_lost(&self) {
        assert!(
            self.bad.is_empty(),
            "{} of {} images are bad, such as {:#?}",
            self.bad.len(),
            self.images,
            self.bad.first()
        );
    }
}

/// How many images are made of each moment: after no op, after one, and so on.
type Moments = BTreeMap<usize, usize>;

/// Makes and judges so many images of a recording: a part of them from before the first acknowledgement, where there
/// are few ops, the others from anywhere.
pub(crate) fn sweep(ops: &[Op], images: usize, seed: u64) -> Tally {
    let first = ops
        .iter()
        .position(|op| matches!(op, Op::Mark(_)))
        .unwrap_or(ops.len());
    let mut draw = Draw::new(seed);
    let mut moments = Moments::new();
    for nth in 0..images {
        let among = if nth % 8 == 0 { first } else { ops.len() };
        let moment = usize::try_from(draw.below(among as u64 + 1)).unwrap();
        *moments.entry(moment).or_default() += 1;
    }
    judge_at(ops, &moments, seed)
}

/// The same of the moments after the last start only: half of them while it folds the log that it found.
pub(crate) fn sweep_last_start(ops: &[Op], images: usize, seed: u64) -> Tally {
    let start = ops.iter().rposition(|op| matches!(op, Op::Start)).unwrap();
    let names = |op: &Op| matches!(op, Op::SyncNames { .. });
    let folded = start + ops[start..].iter().position(names).unwrap_or(0);
    let mut draw = Draw::new(seed);
    let mut moments = Moments::new();
    for nth in 0..images {
        let end = if nth % 2 == 0 { folded } else { ops.len() };
        let moment = start + usize::try_from(draw.below((end - start) as u64 + 1)).unwrap();
        *moments.entry(moment).or_default() += 1;
    }
    judge_at(ops, &moments, seed)
}

fn judge_at(ops: &[Op], moments: &Moments, seed: u64) -> Tally {
    let tally = Mutex::new(Tally {
        operations: ops.len(),
        ..Tally::default()
    });
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let (give, take) = mpsc::sync_channel::<(String, Image, Acknowledged)>(workers);
    let take = Mutex::new(take);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let place = fast_folder();
                loop {
                    let next = take.lock().unwrap().recv();
                    let Ok((how, image, acknowledged)) = next else {
                        return;
                    };
                    let verdict = judge(&image, &place.path().join("image"), &acknowledged);
                    count(
                        &mut tally.lock().unwrap(),
                        how,
                        verdict,
                        acknowledged.is_empty(),
                    );
                }
            });
        }
        make(ops, moments, seed, &give);
        drop(give);
    });
    let mut tally = tally.into_inner().unwrap();
    tally.acknowledged = ops.iter().filter(|op| matches!(op, Op::Mark(_))).count();
    tally
}

fn make(
    ops: &[Op],
    moments: &Moments,
    seed: u64,
    give: &mpsc::SyncSender<(String, Image, Acknowledged)>,
) {
    let (mut disk, mut acknowledged) = (Disk::new(seed), Acknowledged::new());
    let (mut draw, mut ways) = (Draw::new(seed ^ 1), How::ALL.iter().cycle());
    // Nothing happened yet, then each op.
    for (moment, op) in std::iter::once(None)
        .chain(ops.iter().map(Some))
        .enumerate()
    {
        if let Some(op) = op {
            disk.apply(op);
        }
        if let Some(Op::Mark(mark)) = op {
            note(&mut acknowledged, mark);
        }
        for _ in 0..moments.get(&moment).copied().unwrap_or(0) {
            let how = ways.next().expect("a cycle has no end");
            // The reserve holds bytes that nobody reads, and is made again if it is not whole.
            let image = disk.image(*how, &mut draw, |name| name != "resonate.reserve");
            let how = format!("seed {seed}, after {moment} ops, {how:?}");
            give.send((how, image, acknowledged.clone()))
                .expect("the judges wait for more");
        }
    }
}

fn count(tally: &mut Tally, how: String, verdict: Verdict, is_early: bool) {
    tally.images += 1;
    match verdict {
        Verdict::Sound => tally.sound += 1,
        Verdict::Refused(why) if is_early => {
            // Without the path, which is another one each time.
            let why = why.split("image").last().unwrap_or_default().to_owned();
            *tally.refused.entry(why).or_default() += 1;
        }
        bad @ (Verdict::Refused(_) | Verdict::Lost(_) | Verdict::Wrong(_)) => {
            tally.bad.push((how, bad));
        }
    }
}

pub(crate) const SHORT: Phase = Phase {
    promises: 12,
    bytes: 300,
    calls: 3,
};
/// Values so large that the log is folded into the file, and begun again, while clients go on.
const LARGE: Phase = Phase {
    promises: 32,
    bytes: 300_000,
    calls: 1,
};

pub(crate) fn seed() -> u64 {
    let given = env::var("RESONATE_POWER_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    given.unwrap_or(1)
}

/// How many images are asked for, of this test's part of them.
fn wanted(sixteenths: usize) -> usize {
    let given = env::var("RESONATE_POWER_IMAGES")
        .ok()
        .and_then(|images| images.parse().ok());
    given.unwrap_or(IMAGES) * sixteenths / 16
}

fn report(name: &str, tally: &Tally) {
    let figures = json!({
        "test": name, "seed": seed(), "images": tally.images, "operations": tally.operations,
        "acknowledged": tally.acknowledged, "refused_before_the_first_answer": tally.refused, "lost": tally.lost(),
        "bad": tally.bad.len(),
    });
    println!("{figures}");
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged() {
    let mut site = Site::new();
    let phases = [
        (SHORT, End::Asked),
        (SHORT, End::Killed),
        (SHORT, End::Killed),
        (SHORT, End::Asked),
    ];
    let ops = record(&mut site, Program::Real, &phases);
    let tally = sweep(&ops, wanted(13), seed());
    report("power/short", &tally);
    tally.expect_nothing_lost();
}

#[test]
fn a_power_cut_while_the_log_is_folded_loses_nothing_that_was_acknowledged() {
    let mut site = Site::new();
    let ops = record(
        &mut site,
        Program::Real,
        &[(LARGE, End::Killed), (SHORT, End::Asked)],
    );
    let begun_again = restarts_of_the_log(&ops);
    assert!(begun_again > 0, "the log was never folded and begun again");
    let tally = sweep(&ops, wanted(3), seed());
    report("power/folded", &tally);
    tally.expect_nothing_lost();
}

/// How often the log's first bytes were written with others, which SQLite does after it folded all of it.
fn restarts_of_the_log(ops: &[Op]) -> usize {
    let mut logs = BTreeMap::new();
    for op in ops {
        if let Op::Create(name, file) = op
            && name.ends_with("-wal")
        {
            logs.insert(*file, (Vec::new(), 0));
        }
        if let Op::Write { file, at: 0, bytes } = op
            && let Some((head, changes)) = logs.get_mut(file)
        {
            let now = bytes[..bytes.len().min(32)].to_vec();
            *changes += usize::from(!head.is_empty() && *head != now);
            *head = now;
        }
    }
    logs.values().map(|(_, changes)| changes).sum()
}

#[test]
fn the_judge_sees_what_is_missing_and_what_is_half() {
    let mut site = Site::new();
    let ops = record(
        &mut site,
        Program::Real,
        &[(
            Phase {
                promises: 3,
                bytes: 20,
                calls: 0,
            },
            End::Asked,
        )],
    );
    let (mut disk, mut acknowledged) = (Disk::new(0), Acknowledged::new());
    ops.iter().for_each(|op| disk.apply(op));
    let image = disk.image(How::Everything, &mut Draw::new(0), |_| true);
    let place = fast_folder();
    let judged =
        |acknowledged: &Acknowledged| judge(&image, &place.path().join("image"), acknowledged);
    assert_eq!(judged(&acknowledged), Verdict::Sound);
    note(&mut acknowledged, "created p-0-0-1-20");
    assert_eq!(judged(&acknowledged), Verdict::Sound);
    note(&mut acknowledged, "resolved p-0-0-1-20");
    assert!(
        matches!(judged(&acknowledged), Verdict::Lost(_)),
        "it is pending"
    );
    let mut acknowledged = Acknowledged::new();
    note(&mut acknowledged, "created nobody");
    assert!(
        matches!(judged(&acknowledged), Verdict::Lost(_)),
        "it is missing"
    );
    let mut cut = disk.image(How::Everything, &mut Draw::new(0), |_| true);
    for (name, bytes) in &mut cut.0 {
        if name == "resonate.db" {
            let middle = bytes.len() / 2;
            bytes[middle..middle + 2_000].fill(0x55);
        }
    }
    let verdict = verdict::judge(&cut, &place.path().join("cut"), &Acknowledged::new());
    assert!(
        matches!(verdict, Verdict::Wrong(_) | Verdict::Refused(_)),
        "{verdict:?}"
    );
}
