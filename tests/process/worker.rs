//! This very binary once more, as a worker of the functions that are linked into it.
//!
//! [`start`] runs it with the environment that makes [`entry`] a worker instead of a test that has nothing to do.

use std::{
    env,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use resonate::{Resonate, codec::Bincode};
use resonate_runtime::testing::TurnPoint;
use tower_layer::layer_fn;

use crate::{effects::Effects, harness::Process, layers, objects, sealed};

/// What it serves, with commas between.
const SERVICES: &str = "RESONATE_TEST_SERVICES";
const URL: &str = "RESONATE_TEST_URL";
/// `json`, `bincode`, `objects` (JSON, what is large in a folder), or `sealed` and the ids of its keys, with commas between.
const CODEC: &str = "RESONATE_TEST_CODEC";
/// The folder for its effects.
pub(crate) const FOLDER: &str = "RESONATE_TEST_FOLDER";
/// `true` if all its functions share one thread.
const ONE_THREAD: &str = "RESONATE_TEST_ONE_THREAD";
/// Where it dies: `Unsent 3` before its third turn is sent, `Answered 3` when its third turn was answered.
const CRASH: &str = "RESONATE_TEST_CRASH";

/// A point at which a worker dies: the turn's stage, and the how manieth that is there.
pub(crate) type Crash = (TurnPoint, usize);

/// How a worker is run, beside what it serves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How<'a> {
    /// What it writes in: `json`, `bincode`, `objects` (JSON, what is large in a folder), or `sealed` and the ids of its keys, with commas between.
    pub(crate) codec: &'a str,
    pub(crate) crash: Option<Crash>,
    /// One thread for all its functions.
    pub(crate) has_one_thread: bool,
    /// The command that runs it, which ends in running what follows it; empty for none.
    pub(crate) under: &'a [&'a str],
}

impl Default for How<'_> {
    fn default() -> Self {
        Self {
            codec: "json",
            crash: None,
            has_one_thread: false,
            under: &[],
        }
    }
}

/// A worker of these services; its effects are written in the folder.
pub(crate) fn start(
    folder: &Path,
    name: &str,
    url: &str,
    services: &str,
    crash: Option<Crash>,
) -> Process {
    start_with("json", folder, name, url, services, crash)
}

/// The same, and it writes in this codec.
pub(crate) fn start_with(
    codec: &str,
    folder: &Path,
    name: &str,
    url: &str,
    services: &str,
    crash: Option<Crash>,
) -> Process {
    let how = How {
        codec,
        crash,
        ..How::default()
    };
    start_as(how, folder, name, url, services)
}

/// The same, run like this.
pub(crate) fn start_as(
    how: How<'_>,
    folder: &Path,
    name: &str,
    url: &str,
    services: &str,
) -> Process {
    let this = env::current_exe().expect("the test has a path");
    let set = [
        format!("{SERVICES}={services}"),
        format!("{URL}={url}"),
        format!("{CODEC}={}", how.codec),
        format!("{FOLDER}={}", folder.display()),
        format!("{ONE_THREAD}={}", how.has_one_thread),
        how.crash.map_or_else(
            || format!("{CRASH}="),
            |(point, nth)| format!("{CRASH}={point:?} {nth}"),
        ),
        this.display().to_string(),
    ];
    let set = set.iter().map(String::as_str);
    let all: Vec<_> = how
        .under
        .iter()
        .copied()
        .chain(["env"])
        .chain(set)
        .chain(["worker::entry", "--exact", "--nocapture"])
        .collect();
    let (first, rest) = all.split_first().expect("it begins with a program");
    Process::start(folder, name, Path::new(first), rest)
}

/// No test of its own: what [`start`] runs.
#[test]
fn entry() {
    let Ok(services) = env::var(SERVICES) else {
        return;
    };
    let runtime = if env::var(ONE_THREAD).is_ok_and(|one| one == "true") {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    } else {
        tokio::runtime::Runtime::new()
    };
    runtime.unwrap().block_on(async {
        let effects = Effects::open(Path::new(&env::var(FOLDER).unwrap()));
        let builder = match env::var(CODEC).unwrap().as_str() {
            "bincode" => Resonate::builder().codec(Bincode),
            "objects" => Resonate::builder().objects(objects::folder()),
            codec => match codec.strip_prefix("sealed ") {
                Some(keys) => Resonate::builder().codec(sealed::codec(keys)),
                None => Resonate::builder(),
            },
        };
        let worker = builder
            .url(env::var(URL).unwrap())
            .serve(services.split(','))
            .layer(layer_fn(layers::Checks::new(&effects)))
            .provide(effects)
            .on_turn(count)
            .start();
        let worker = worker.await.unwrap();
        worker.run_until_shutdown().await.unwrap();
    });
}

/// Counts turns, says so, and dies at the one it was told.
fn count(point: TurnPoint) {
    static UNSENT: AtomicUsize = AtomicUsize::new(0);
    static ANSWERED: AtomicUsize = AtomicUsize::new(0);
    let seen = match point {
        TurnPoint::Unsent => &UNSENT,
        TurnPoint::Answered => &ANSWERED,
    };
    let this = format!("{point:?} {}", seen.fetch_add(1, Ordering::Relaxed) + 1);
    println!("{this}");
    if env::var(CRASH).is_ok_and(|crash| crash == this) {
        std::process::abort();
    }
}
