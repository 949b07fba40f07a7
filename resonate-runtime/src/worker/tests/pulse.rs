//! Threads that do not come back: of a runtime that polls nothing unless the test lets it.

use super::{super::link::NOT_BEGUN, *};

/// A runtime whose only thread is blocked until [`Blocked::comes_back`].
struct Blocked(Option<tokio::runtime::Runtime>);

impl Blocked {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        Self(Some(runtime.unwrap()))
    }

    fn peer(&self, capacity: usize) -> Peer {
        Peer::start_on(self.0.as_ref().unwrap().handle(), capacity)
    }

    /// Everything that waits there is polled. A runtime may be driven and dropped only where none is.
    fn comes_back(&mut self) {
        let runtime = self.0.take().unwrap();
        let driven = std::thread::spawn(move || {
            runtime.block_on(async {
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
            });
            runtime
        });
        self.0 = Some(driven.join().unwrap());
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let runtime = self.0.take().unwrap();
        std::thread::spawn(move || drop(runtime)).join().unwrap();
    }
}

/// What is given back next, and how long after `since`.
async fn given_back(far: &mut Far, since: Instant) -> (String, Duration) {
    match far.next_beating().await {
        FromWorker::GiveBack { task, .. } => (task.to_string(), since.elapsed()),
        other => panic!("{other:?}"),
    }
}

fn is_within_a_heartbeat_of(expected: Duration, waited: Duration) -> bool {
    expected <= waited && waited <= expected + HEARTBEAT
}

#[tokio::test(start_paused = true)]
async fn what_has_not_begun_is_given_back_after_a_lease_and_the_rest_after_ten() {
    let mut blocked = Blocked::new();
    let mut peer = blocked.peer(3);
    let mut far = peer.welcomed().await;
    let (mut begun, mut unbegun) = (far.run(&peer, "a", 1).await, far.run(&peer, "b", 1).await);
    unbegun
        .handle
        .polling_since
        .store(NOT_BEGUN, Ordering::Release);
    // A child of `a` took the last slot while `c` was on its way.
    let _child = begun.worker.slots().try_take().unwrap();
    far.dispatch("c", 1).await;
    far.acknowledged("c", 1).await;
    // The probe goes out with the first heartbeat.
    tokio::time::sleep_until(begun.dispatched.arrived + HEARTBEAT).await;
    let silent_since = Instant::now();
    for task in ["b", "c"] {
        let (given, waited) = given_back(&mut far, silent_since).await;
        assert_eq!(given, task);
        assert!(is_within_a_heartbeat_of(LEASE, waited), "{task} {waited:?}");
    }
    unbegun.is_dropped().await;
    assert!(begun.has_no_event(), "what has begun may come back");
    let (given, waited) = given_back(&mut far, silent_since).await;
    assert_eq!(given, "a");
    let ten = LEASE * limits::SILENT_LEASES;
    assert!(is_within_a_heartbeat_of(ten, waited), "{waited:?}");
    let why = begun.is_dropped().await;
    assert!(why.contains("no thread"), "{why}");
    // Nothing is taken until a thread is back, and then as much as is free.
    (begun.slot, unbegun.slot) = (None, None);
    assert!(far.is_silent().await);
    blocked.comes_back();
    assert_eq!(far.next_beating().await, FromWorker::Credits { granted: 5 });
    assert!(far.is_silent().await && peer.begun_now().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_comes_back_in_time_finds_what_it_held() {
    let mut blocked = Blocked::new();
    let mut peer = blocked.peer(2);
    let mut far = peer.welcomed().await;
    let mut begun = far.run(&peer, "a", 1).await;
    let until = Instant::now() + LEASE * (limits::SILENT_LEASES - 1);
    while Instant::now() < until {
        assert!(far.is_silent().await);
    }
    blocked.comes_back();
    let until = Instant::now() + LEASE * 2;
    while Instant::now() < until {
        assert!(far.is_silent().await);
        blocked.comes_back();
    }
    assert!(begun.has_no_event());
}
