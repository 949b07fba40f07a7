//! Server and three services, each killed again and again while orders are under way.

use std::{path::Path, time::Duration};

use crate::harness::{PATIENCE, Process, Server, example, pause};

const ORDERS: &str = "200";
/// What the README of the example says of the first 200 orders.
const VERDICT: &str = "VERDICT: all 200 orders are paid and fully shipped or declined with their reason; nothing twice, nothing missing";
const KILLS_EACH: usize = 10;

/// The services of the checkout, each in its own process.
struct Services {
    all: Vec<Process>,
}

impl Services {
    fn start(folder: &Path, url: &str, codec: &str) -> Self {
        let program = example("checkout");
        let data = folder.join("shop");
        let common = [
            "--limit",
            ORDERS,
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
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--lease", "2s"]);
    let mut services = Services::start(folder.path(), &server.url, codec);
    let (mut draw, start) = (Draw::new(), tokio::time::Instant::now());
    while services.shop().is_running() {
        assert!(start.elapsed() < PATIENCE, "the orders do not end");
        let mut candidates: Vec<_> = services
            .all
            .iter_mut()
            .chain([&mut server.process])
            .collect();
        candidates.retain_mut(|process| process.kills < KILLS_EACH + 2 && process.is_running());
        if !candidates.is_empty() {
            let at = usize::try_from(draw.below(candidates.len() as u64)).unwrap();
            candidates[at].kill_and_restart();
        }
        pause(Duration::from_millis(50 + draw.below(400)));
    }
    let (status, printed) = (services.shop().wait(), services.shop().output());
    assert!(status.success(), "{printed}");
    assert!(printed.contains(VERDICT), "{printed}");
    let kills: Vec<_> = services
        .all
        .iter()
        .chain([&server.process])
        .map(|process| (&process.name, process.kills))
        .collect();
    println!(
        "killed {kills:?}; {}",
        printed
            .lines()
            .rfind(|line| line.starts_with("side effects"))
            .unwrap_or_default()
    );
    assert!(
        kills.iter().all(|(_, kills)| *kills >= KILLS_EACH),
        "too few kills to mean anything: {kills:?}"
    );
}

#[test]
fn ledgers_are_exact_after_every_process_was_killed_ten_times() {
    ledgers_are_exact_after_kills("json");
}

#[test]
fn ledgers_are_exact_after_kills_with_bincode_too() {
    ledgers_are_exact_after_kills("bincode");
}
