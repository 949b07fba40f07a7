//! SIGTERM under load: rolling restarts of workers and server fail no call and repeat nothing.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    checkout::Checkout,
    harness::{Process, Server, eventually},
};

const ROUNDS: usize = 3;
/// So long that who waits for the end of one is found out.
const LEASE: &str = "300s";
const SHORTER_THAN_LEASE: Duration = Duration::from_secs(150);
/// A process that is told to leave has left within this: far less than a lease or the grace.
const PROMPT: Duration = Duration::from_secs(8);

#[test]
fn rolling_restarts_fail_no_call_and_repeat_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--lease", LEASE]);
    let checkout = Checkout::new(folder.path(), &server.url, 120);
    let mut workers = [
        checkout.start("payments", &["payments"]),
        checkout.start("warehouse", &["warehouse"]),
        checkout.start("shop", &["shop", "--serve-only"]),
    ];
    let mut client = checkout.start("client", &["shop", "--submit-only", "--pace", "50"]);
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut restarts = 0;
    for _ in 0..ROUNDS {
        for process in workers.iter_mut().chain([&mut server.process]) {
            restarts += 1;
            eventually("orders are under way", || {
                restarts * 25 <= checkout.effects().len()
            });
            slowest = slowest.max(leave(process));
            process.start_again();
        }
    }
    assert!(
        client.is_running(),
        "all orders were answered before the last restart"
    );
    checkout.expect_once(&mut client);
    let took = start.elapsed();
    assert!(took < SHORTER_THAN_LEASE, "the last order took {took:?}");
    let told = client.output();
    assert!(!told.contains("FAILED"), "{told}");
    println!("{restarts} restarts, the slowest took {slowest:?} to leave");
    for process in workers.iter_mut().chain([&mut server.process]) {
        leave(process);
    }
}

/// SIGTERM: it ends soon, and says that all is well.
fn leave(process: &mut Process) -> Duration {
    let start = Instant::now();
    process.signal("TERM");
    let status = process.wait();
    let took = start.elapsed();
    assert!(
        status.success(),
        "{}: {status}\n{}",
        process.name,
        process.output()
    );
    assert!(took < PROMPT, "{} took {took:?} to leave", process.name);
    took
}
