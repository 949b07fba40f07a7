//! Leaving: nothing new, what runs may go on until it waits, the rest is given back.

use super::*;

fn leave(peer: &Peer, grace: Duration) {
    peer.worker.orders.send_replace(Orders::Leave {
        until: Instant::now() + grace,
    });
}

async fn has_left(peer: &Peer) {
    let mut state = peer.worker.state.clone();
    timeout(LEASE * 10, state.wait_for(|state| *state == State::Left))
        .await
        .expect("it leaves")
        .unwrap();
}

impl Far {
    async fn gives_back(&mut self, id: &str) {
        let given_back = FromWorker::GiveBack {
            task: promise_id(id),
            version: TaskVersion(1),
        };
        assert_eq!(self.next_beating().await, given_back);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_leaves_at_once() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let asked = Instant::now();
    leave(&peer, LEASE);
    assert_eq!(far.next_beating().await, FromWorker::Drain);
    drop(far);
    has_left(&peer).await;
    assert!(asked.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn running_executions_are_told_and_waited_for() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    leave(&peer, LEASE);
    assert_eq!(far.next_beating().await, FromWorker::Drain);
    assert!(matches!(one.event().await, ExecutionEvent::Drain));
    assert!(
        one.worker.slots().try_take().is_none(),
        "nothing new begins"
    );
    one.slot = None;
    assert!(far.is_silent().await, "a free slot is no credit any more");
    one.submit(1, End::Release);
    far.turn("a", 1).await;
    far.answer("a", 1, 1, TurnStatus::Over).await;
    one.event().await;
    one.worker.forget(&one.handle.id, TaskVersion(1));
    assert!(
        far.end.from_worker.recv().await.is_none(),
        "the stream ends without a word"
    );
    drop(far);
    has_left(&peer).await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_in_time_is_given_back_and_dropped() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    leave(&peer, Duration::from_secs(2));
    assert_eq!(far.next_beating().await, FromWorker::Drain);
    assert_eq!(
        far.next_beating().await,
        FromWorker::GiveBack {
            task: promise_id("a"),
            version: TaskVersion(1)
        }
    );
    one.event().await;
    one.is_dropped().await;
    drop(far);
    has_left(&peer).await;
}

#[tokio::test(start_paused = true)]
async fn suspended_bodies_leave_memory_and_tasks_that_have_not_begun_are_given_back() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let mut aside = far.run(&peer, "aside", 1).await;
    let _child = aside.worker.slots().try_take().unwrap();
    aside.submit(
        1,
        End::Suspend {
            tied: false,
            wake_at: None,
        },
    );
    far.turn("aside", 1).await;
    far.answer("aside", 1, 1, TurnStatus::Suspended).await;
    aside.event().await;
    aside.worker.set_aside(&aside.handle.id, TaskVersion(1));
    far.dispatch("waiting", 1).await;
    far.acknowledged("waiting", 1).await;
    leave(&peer, LEASE);
    assert_eq!(far.next_beating().await, FromWorker::Drain);
    assert_eq!(
        far.next_beating().await,
        FromWorker::GiveBack {
            task: promise_id("waiting"),
            version: TaskVersion(1)
        }
    );
    assert!(matches!(aside.event().await, ExecutionEvent::Evict));
    drop(far);
    has_left(&peer).await;
    assert!(peer.begun_now().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_arrives_too_late_is_given_back() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let _one = far.run(&peer, "a", 1).await;
    leave(&peer, LEASE);
    assert_eq!(far.next_beating().await, FromWorker::Drain);
    far.dispatch("late", 1).await;
    far.acknowledged("late", 1).await;
    assert_eq!(
        far.next_beating().await,
        FromWorker::GiveBack {
            task: promise_id("late"),
            version: TaskVersion(1)
        }
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_to_a_worker_that_leaves_is_given_back() {
    let mut peer = Peer::start(3);
    let mut far = peer.welcomed().await;
    far.say(ToWorker::Dispatch(dispatch("history", 1, true)))
        .await;
    far.acknowledged("history", 1).await;
    let need = FromWorker::NeedHistory {
        task: promise_id("history"),
        version: TaskVersion(1),
    };
    assert_eq!(far.next_beating().await, need);
    leave(&peer, LEASE);
    assert_eq!(far.next().await, FromWorker::Drain);
    far.gives_back("history").await;
    let FromWorker::Heartbeat { n, .. } = far.next().await else {
        panic!("it asks whether it was heard");
    };
    // The server has not heard of it.
    for (id, warm) in [("cold", false), ("warm", true)] {
        far.say(ToWorker::Dispatch(dispatch(id, 1, warm))).await;
        far.acknowledged(id, 1).await;
        far.gives_back(id).await;
    }
    far.say(ToWorker::HeartbeatAnswer { n }).await;
    assert!(
        far.end.from_worker.recv().await.is_none(),
        "the stream ends"
    );
    drop(far);
    has_left(&peer).await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_cannot_reach_its_server_leaves_too() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let _one = far.run(&peer, "a", 1).await;
    far.breaks().await;
    leave(&peer, Duration::from_secs(2));
    let asked = Instant::now();
    // Nobody answers any more.
    peer.streams.close();
    has_left(&peer).await;
    assert!(asked.elapsed() < Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_the_hello_is_not_answered_leaves_in_time() {
    let mut peer = Peer::start(2);
    let (_far, _hello) = peer.hello().await;
    let began = Instant::now();
    leave(&peer, Duration::from_secs(2));
    has_left(&peer).await;
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_server_a_worker_that_only_keeps_bodies_leaves_at_once() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let one = far.run(&peer, "a", 1).await;
    one.worker.set_aside(&one.handle.id, TaskVersion(1));
    far.breaks().await;
    let began = Instant::now();
    leave(&peer, Duration::from_secs(20));
    has_left(&peer).await;
    assert!(began.elapsed() < Duration::from_secs(1));
}
