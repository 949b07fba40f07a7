//! Server and three services, each killed again and again while orders are under way.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use crate::harness::{PATIENCE, Process, Server, example, figures, pause, scale};

/// Orders of one run; the example has a thousand.
const ORDERS: usize = 200;
const ORDERS_MAX: usize = 1_000;
const KILLS_EACH: usize = 10;

/// The services of the checkout, each in its own process.
struct Services {
    all: Vec<Process>,
}

impl Services {
    fn start(folder: &Path, url: &str, codec: &str, orders: usize) -> Self {
        let program = example("checkout");
        let data = folder.join("shop");
        let orders = orders.to_string();
        let common = [
            "--limit",
            &orders,
            "--url",
            url,
            "--codec",
            codec,
            "--data-dir",
            data.to_str().unwrap(),
        ];
        let start = |name: &str, role: &[&str]| {
            Process::start(folder, name, &program, &[role, &common].concat())
        };
        let all = vec![
            start("shop", &["shop", "--approve", "--pace", "60"]),
            start("payments", &["payments"]),
            start("warehouse", &["warehouse"]),
        ];
        Self { all }
    }

    fn shop(&mut self) -> &mut Process {
        &mut self.all[0]
    }
}

/// Draws who is killed next and when; printed, so that a failing run can be told.
struct Draw(u64);

impl Draw {
    fn new() -> Self {
        let seed = std::env::var("RESONATE_KILL_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
        println!("RESONATE_KILL_SEED={seed}");
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % bound
    }
}

fn ledgers_are_exact_after_kills(codec: &str) {
    // A campaign is many runs of the largest size.
    let mut left = ORDERS * scale();
    while left > 0 {
        let orders = left.min(ORDERS_MAX);
        run(codec, orders);
        left -= orders;
    }
}

fn run(codec: &str, orders: usize) {
    let kills_each = KILLS_EACH * orders / ORDERS;
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--lease", "2s"]);
    let mut services = Services::start(folder.path(), &server.url, codec, orders);
    let (mut draw, start) = (Draw::new(), tokio::time::Instant::now());
    let patience = PATIENCE * u32::try_from(orders.div_ceil(ORDERS)).unwrap();
    while services.shop().is_running() {
        assert!(start.elapsed() < patience, "the orders do not end");
        let mut candidates: Vec<_> = services
            .all
            .iter_mut()
            .chain([&mut server.process])
            .collect();
        candidates.retain_mut(|process| process.kills < kills_each + 2 && process.is_running());
        if !candidates.is_empty() {
            let at = usize::try_from(draw.below(candidates.len() as u64)).unwrap();
            candidates[at].kill_and_restart();
        }
        pause(Duration::from_millis(50 + draw.below(400)));
    }
    let (status, printed) = (services.shop().wait(), services.shop().output());
    // What the README of the example says of its first orders.
    let verdict = format!(
        "VERDICT: all {} orders are paid and fully shipped or declined with their reason; nothing twice, nothing missing",
        if orders == ORDERS_MAX {
            "1,000".to_owned()
        } else {
            orders.to_string()
        }
    );
    assert!(status.success() && printed.contains(&verdict), "{printed}");
    let kills: Vec<_> = services
        .all
        .iter()
        .chain([&server.process])
        .map(|process| (&process.name, process.kills))
        .collect();
    let ran = Ran::count(&folder.path().join("shop/effects.log"));
    figures(&json!({
        "kind": "kills", "codec": codec, "orders": orders, "seconds": start.elapsed().as_secs(),
        "kills": kills.iter().map(|(_, kills)| kills).sum::<usize>(),
        "server_kills": server.process.kills, "steps": ran.steps, "steps_run_again": ran.again,
        "executed_after_acknowledgement": ran.after_acknowledgement,
    }));
    assert_eq!(ran.after_acknowledgement, 0);
    assert!(
        kills.iter().all(|(_, kills)| *kills >= kills_each),
        "too few kills to mean anything: {kills:?}"
    );
}

/// What the example's log of effects says: a line is written before each side effect, and when a client has its answer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ran {
    /// Side effects of different promises.
    steps: usize,
    /// Runs of one that had begun before: at least once is what is promised.
    again: usize,
    /// Runs that began although the next thing of the same order shows that their end was acknowledged: a label is
    /// written when the charge is known, and nothing runs when the client has its answer.
    after_acknowledgement: usize,
}

impl Ran {
    fn count(log: &Path) -> Self {
        let log = std::fs::read_to_string(log).unwrap();
        let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
        Self::of(lines)
    }

    fn of(lines: impl Iterator<Item = Value>) -> Self {
        let (mut ran, mut begun, mut reached) = (Self::default(), BTreeSet::new(), BTreeMap::new());
        for line in lines {
            let [promise, what] = ["promise", "what"].map(|field| line[field].as_str().unwrap());
            let order = promise.split('.').next().unwrap().to_owned();
            let stage = match what {
                "charge" => 1,
                "label" | "refund" => 2,
                _ => 3,
            };
            let reached = reached.entry(order).or_insert(0);
            if stage < 3 {
                let is_new = begun.insert((promise.to_owned(), what.to_owned()));
                ran.steps += usize::from(is_new);
                ran.again += usize::from(!is_new);
                ran.after_acknowledgement += usize::from(stage < *reached);
            }
            *reached = stage.max(*reached);
        }
        ran
    }
}

#[test]
fn what_runs_after_its_acknowledgement_is_counted() {
    let line = |what: &str| json!({ "promise": format!("order-1.{what}"), "what": what });
    let count = |whats: &[&str]| Ran::of(whats.iter().map(|what| line(what)));
    let well = count(&["charge", "charge", "label", "label", "answer"]);
    assert_eq!(
        (well.steps, well.again, well.after_acknowledgement),
        (2, 2, 0)
    );
    let late_charge = count(&["charge", "label", "charge", "answer"]);
    let late_label = count(&["charge", "label", "answer", "label"]);
    let wrong = [late_charge, late_label].map(|ran| ran.after_acknowledgement);
    assert_eq!(wrong, [1, 1]);
}

#[test]
fn ledgers_are_exact_after_every_process_was_killed_ten_times() {
    ledgers_are_exact_after_kills("json");
}

#[test]
fn ledgers_are_exact_after_kills_with_bincode_too() {
    ledgers_are_exact_after_kills("bincode");
}
