//! Credits: a worker is sent as many tasks as it has free slots, and each task runs in a slot.

use super::*;

/// Ends an execution.
fn end(begun: Begun) {
    begun
        .worker
        .forget(&begun.handle.id, begun.handle.version());
}

/// Suspends an execution, its body kept.
async fn suspend(far: &mut Far, one: &mut Begun, tied: bool) {
    let (id, version) = (one.handle.id.clone(), one.handle.version());
    one.submit(
        1,
        End::Suspend {
            tied,
            wake_at: None,
        },
    );
    far.turn(id.as_str(), 1).await;
    far.answer(id.as_str(), version.0, 1, TurnStatus::Suspended)
        .await;
    one.event().await;
    one.worker.set_aside(&id, version);
    one.slot = None;
}

#[tokio::test(start_paused = true)]
async fn what_was_granted_is_what_was_received_and_what_is_free() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let (a, b) = (far.run(&peer, "a", 1).await, far.run(&peer, "b", 1).await);
    assert!(far.is_silent().await);
    end(a);
    assert_eq!(far.next_beating().await, FromWorker::Credits { granted: 3 });
    end(b);
    assert_eq!(far.next_beating().await, FromWorker::Credits { granted: 4 });
    far.breaks().await;
    let (_far, hello) = peer.hello().await;
    assert_eq!(hello.granted, 2, "each stream counts anew");
}

#[tokio::test(start_paused = true)]
async fn a_task_without_a_free_slot_waits_for_one_and_hears_what_happens_meanwhile() {
    let mut peer = Peer::start(3);
    let mut far = peer.welcomed().await;
    let mut first = far.run(&peer, "a", 1).await;
    let _children = [
        first.worker.slots().try_take().unwrap(),
        first.worker.slots().try_take().unwrap(),
    ];
    far.dispatch("b", 1).await;
    far.acknowledged("b", 1).await;
    far.dispatch("c", 1).await;
    far.acknowledged("c", 1).await;
    far.say(ToWorker::Settlements {
        task: promise_id("b"),
        version: TaskVersion(1),
        settled: vec![],
    })
    .await;
    far.say(ToWorker::Drop {
        task: promise_id("c"),
        version: TaskVersion(1),
        why: "canceled".to_owned(),
    })
    .await;
    assert!(far.is_silent().await && peer.begun_now().is_none());
    first.slot = None;
    let mut second = peer.begun().await;
    assert_eq!(second.handle.id, promise_id("b"));
    assert!(matches!(second.event().await, ExecutionEvent::Settled(_)));
    second.slot = None;
    assert!(
        far.next_beating().await == FromWorker::Credits { granted: 4 }
            && peer.begun_now().is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn a_warm_body_goes_on_in_the_slot_of_its_dispatch() {
    let mut peer = Peer::start(1);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    suspend(&mut far, &mut one, false).await;
    assert_eq!(far.next_beating().await, FromWorker::Credits { granted: 2 });
    far.say(ToWorker::Dispatch(dispatch("a", 2, true))).await;
    far.acknowledged("a", 2).await;
    match one.event().await {
        ExecutionEvent::Claimed { version, slot, .. } => {
            assert!(version == TaskVersion(2) && slot.is_some())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_warm_dispatch_without_a_body_asks_for_the_history_which_counts_no_credit() {
    let mut peer = Peer::start(1);
    let mut far = peer.welcomed().await;
    far.say(ToWorker::Dispatch(dispatch("a", 5, true))).await;
    far.acknowledged("a", 5).await;
    let (task, version) = (promise_id("a"), TaskVersion(5));
    assert_eq!(
        far.next_beating().await,
        FromWorker::NeedHistory { task, version }
    );
    far.dispatch("a", 5).await;
    far.acknowledged("a", 5).await;
    end(peer.begun().await);
    assert_eq!(far.next_beating().await, FromWorker::Credits { granted: 2 });
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_asked_for_again_counts_no_credit() {
    let mut peer = Peer::start(1);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    suspend(&mut far, &mut one, true).await;
    assert_eq!(far.next_beating().await, FromWorker::Credits { granted: 2 });
    one.worker
        .reclaim(&one.handle.id, TaskVersion(1), Seq::ZERO);
    assert!(
        matches!(far.next_beating().await, FromWorker::Reclaim(held) if held.version == TaskVersion(1))
    );
    far.say(ToWorker::Dispatch(dispatch("a", 2, true))).await;
    far.acknowledged("a", 2).await;
    assert!(matches!(
        one.event().await,
        ExecutionEvent::Claimed { slot: None, .. }
    ));
    assert!(
        far.is_silent().await,
        "2 were granted, 1 was received, 1 is free"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dispatch_that_crossed_the_question_for_it_counts_after_all() {
    let mut peer = Peer::start(1);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    suspend(&mut far, &mut one, true).await;
    assert_eq!(far.next_beating().await, FromWorker::Credits { granted: 2 });
    one.worker
        .reclaim(&one.handle.id, TaskVersion(1), Seq::ZERO);
    far.next_beating().await;
    far.say(ToWorker::Dispatch(dispatch("a", 2, true))).await;
    far.acknowledged("a", 2).await;
    one.event().await;
    let why = "the claim is over".to_owned();
    far.say(ToWorker::Drop {
        task: promise_id("a"),
        version: TaskVersion(1),
        why,
    })
    .await;
    assert_eq!(far.next_beating().await, FromWorker::Credits { granted: 3 });
    assert!(one.has_no_event(), "the newer claim stands");
}

#[tokio::test(start_paused = true)]
async fn a_question_for_a_tied_task_is_asked_again_on_the_next_stream() {
    let mut peer = Peer::start(1);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    suspend(&mut far, &mut one, true).await;
    one.worker
        .reclaim(&one.handle.id, TaskVersion(1), Seq::ZERO);
    far.breaks().await;
    let mut far = peer.welcomed().await;
    assert!(matches!(far.next_beating().await, FromWorker::Reclaim(_)));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_bodies_make_room_and_tied_ones_are_given_back() {
    let mut peer = Peer::start(1);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    suspend(&mut far, &mut one, true).await;
    far.next_beating().await;
    let old = tokio::time::Instant::now() + limits::WARM_AGE + HEARTBEAT;
    let mut given_back = None;
    while tokio::time::Instant::now() < old && given_back.is_none() {
        given_back = timeout(HEARTBEAT, far.next_beating()).await.ok();
    }
    assert_eq!(
        given_back,
        Some(FromWorker::GiveBack {
            task: promise_id("a"),
            version: TaskVersion(1)
        })
    );
    assert!(matches!(one.event().await, ExecutionEvent::Evict));
}
