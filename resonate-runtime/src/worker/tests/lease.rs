//! Heartbeats, and what a worker believes when they are not answered.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_lease_without_answered_heartbeats_drops_everything_and_begins_anew() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    one.submit(1, End::GoOn);
    far.turn("a", 1).await;
    let silent_since = Instant::now();
    one.is_dropped().await;
    assert!(silent_since.elapsed() <= LEASE);
    let (mut far, hello) = peer.hello().await;
    assert!(hello.held.is_empty());
    far.welcome(&[]).await;
    assert!(
        far.is_silent().await,
        "the turn of the lost claim is not repeated"
    );
}

#[tokio::test(start_paused = true)]
async fn answered_heartbeats_keep_the_lease() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    let end = Instant::now() + LEASE * 4;
    let mut beats = 0;
    while let Ok(item) = tokio::time::timeout_at(end, far.next()).await {
        let FromWorker::Heartbeat { n, stalled } = item else {
            panic!("{item:?}")
        };
        assert!(stalled.is_empty());
        far.say(ToWorker::HeartbeatAnswer { n }).await;
        beats += 1;
    }
    assert!((11..=12).contains(&beats), "{beats} in 60 s");
    assert!(one.has_no_event());
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_drops_nothing() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    let broke = Instant::now();
    far.breaks().await;
    // The pauses are drawn; the first three together are far shorter than a lease.
    for _ in 0..2 {
        peer.hello().await.0.breaks().await;
    }
    let (mut far, hello) = peer.hello().await;
    assert!(broke.elapsed() < LEASE);
    assert_eq!(hello.held.len(), 1);
    far.welcome(&[]).await;
    assert!(far.is_silent().await && one.has_no_event());
}

#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_the_lease_drops_everything() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    let broke = Instant::now();
    far.breaks().await;
    let held = loop {
        let (far, hello) = peer.hello().await;
        if LEASE < broke.elapsed() {
            break hello.held;
        }
        far.breaks().await;
    };
    assert!(held.is_empty());
    one.is_dropped().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_the_hello_is_tried_again() {
    let mut peer = Peer::start(1);
    let (_mute, _) = peer.hello().await;
    let far = peer.welcomed().await;
    drop(far);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_blocks_for_a_lease_is_named_until_it_comes_back() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let (one, _other) = (far.run(&peer, "a", 1).await, far.run(&peer, "b", 1).await);
    let stalled = async |far: &mut Far| match far.next().await {
        FromWorker::Heartbeat { n, stalled } => {
            far.say(ToWorker::HeartbeatAnswer { n }).await;
            stalled
                .into_iter()
                .map(|held| held.task.to_string())
                .collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    one.handle
        .polling_since
        .store(one.worker.millis(), Ordering::Release);
    let began = Instant::now();
    while stalled(&mut far).await.is_empty() {}
    assert!(LEASE <= began.elapsed() && began.elapsed() <= LEASE + HEARTBEAT);
    assert_eq!(stalled(&mut far).await, ["a"]);
    one.handle.polling_since.store(0, Ordering::Release);
    assert_eq!(stalled(&mut far).await, [""; 0]);
}
