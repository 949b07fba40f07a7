//! Connections break at any moment: nothing is said twice in effect, nothing is forgotten.

use resonate_core::{Outcome, Refusal, Settlement};

use resonate_proto::stream::ANOTHER_TIMELINE;

use super::*;

#[tokio::test(start_paused = true)]
async fn every_turn_is_repeated_after_its_answer_was_lost() {
    let mut peer = Peer::start(3);
    let mut far = peer.welcomed().await;
    let mut executions = Vec::new();
    for id in ["c", "a", "b"] {
        executions.push(far.run(&peer, id, 1).await);
    }
    for n in 1..=3 {
        executions.iter().for_each(|one| one.submit(n, End::GoOn));
        for id in ["c", "a", "b"] {
            far.turn(id, n).await;
        }
        far.breaks().await;
        let (again, hello) = peer.hello().await;
        far = again;
        let held: Vec<_> = hello
            .held
            .iter()
            .map(|held| (held.task.as_str(), held.version.0))
            .collect();
        assert_eq!(held, [("a", 1), ("b", 1), ("c", 1)]);
        far.welcome(&[]).await;
        for id in ["c", "a", "b"] {
            far.turn(id, n).await;
            // The first answer was on its way when the connection broke, and arrives beside the second.
            far.answer(id, 1, n, TurnStatus::Leased).await;
            far.answer(id, 1, n, TurnStatus::Leased).await;
        }
        for one in &mut executions {
            assert!(
                matches!(one.event().await, ExecutionEvent::TurnAnswered { n: of, answer: Ok(_) } if of == n)
            );
        }
    }
    assert!(far.is_silent().await);
    assert!(executions.iter_mut().all(Begun::has_no_event));
}

#[tokio::test(start_paused = true)]
async fn a_turn_submitted_while_nobody_is_connected_follows_those_before() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let (a, b) = (far.run(&peer, "a", 1).await, far.run(&peer, "b", 1).await);
    a.submit(1, End::GoOn);
    far.turn("a", 1).await;
    far.breaks().await;
    b.submit(1, End::GoOn);
    let mut far = peer.welcomed().await;
    far.turn("a", 1).await;
    far.turn("b", 1).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_let_go_is_dropped_unless_a_turn_is_still_to_be_answered() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let (mut lost, mut unanswered) = (
        far.run(&peer, "lost", 1).await,
        far.run(&peer, "unanswered", 1).await,
    );
    unanswered.submit(
        1,
        End::Suspend {
            tied: false,
            wake_at: None,
        },
    );
    far.turn("unanswered", 1).await;
    far.breaks().await;
    let (mut far, _) = peer.hello().await;
    far.welcome(&["lost", "unanswered"]).await;
    lost.is_dropped().await;
    far.turn("unanswered", 1).await;
    far.answer("unanswered", 1, 1, TurnStatus::Suspended).await;
    assert!(matches!(
        unanswered.event().await,
        ExecutionEvent::TurnAnswered { n: 1, .. }
    ));
    far.breaks().await;
    let (_far, hello) = peer.hello().await;
    assert_eq!(
        hello.held.len(),
        1,
        "lost is named no more: {:?}",
        hello.held
    );
}

#[tokio::test(start_paused = true)]
async fn a_suspended_body_is_named_only_if_it_is_tied() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    for (id, tied) in [("tied", true), ("free", false)] {
        let mut one = far.run(&peer, id, 4).await;
        one.handle.shown.store(9, Ordering::Release);
        one.submit(
            1,
            End::Suspend {
                tied,
                wake_at: None,
            },
        );
        far.turn(id, 1).await;
        far.answer(id, 4, 1, TurnStatus::Suspended).await;
        one.event().await;
        one.worker.set_aside(&one.handle.id, TaskVersion(4));
        std::mem::forget(one);
    }
    far.breaks().await;
    let (_far, hello) = peer.hello().await;
    let held: Vec<_> = hello
        .held
        .iter()
        .map(|held| (held.task.as_str(), held.version.0, held.shown))
        .collect();
    assert_eq!(held, [("tied", 4, Seq(9))]);
}

#[tokio::test(start_paused = true)]
async fn a_dispatch_that_comes_twice_is_acknowledged_twice_and_begun_once() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    far.dispatch("a", 1).await;
    far.acknowledged("a", 1).await;
    assert!(peer.begun_now().is_none() && one.has_no_event());
}

#[tokio::test(start_paused = true)]
async fn a_dispatch_in_pages_is_one_and_a_broken_one_is_none() {
    let mut peer = Peer::start(2);
    let far = peer.welcomed().await;
    let page = |child: &str, more| {
        ToWorker::Dispatch(Dispatch {
            children: vec![record(child, 1)],
            more,
            ..dispatch("a", 1, false)
        })
    };
    far.say(page("a.x", true)).await;
    far.breaks().await;
    let mut far = peer.welcomed().await;
    far.say(page("a.x", true)).await;
    far.say(page("a.y", true)).await;
    far.say(page("a.z", false)).await;
    far.acknowledged("a", 1).await;
    let one = peer.begun().await;
    let children: Vec<_> = one
        .dispatched
        .children
        .iter()
        .map(|child| child.promise.id.as_str())
        .collect();
    assert_eq!(children, ["a.x", "a.y", "a.z"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_turn_reaches_the_execution_and_what_it_forgets_is_not_said_again() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 1).await;
    one.submit(1, End::GoOn);
    far.turn("a", 1).await;
    let (id, version, current) = (promise_id("a"), TaskVersion(1), TaskVersion(2));
    let refusal = Refusal::StaleVersion {
        id: id.clone(),
        version,
        current,
        state: "leased",
    };
    let answer = TurnAnswer {
        task: id.clone(),
        version,
        n: 1,
        answer: Err(refusal),
    };
    far.say(ToWorker::TurnAnswer(answer)).await;
    assert!(matches!(
        one.event().await,
        ExecutionEvent::TurnAnswered { answer: Err(_), .. }
    ));
    one.worker.forget(&id, version);
    far.breaks().await;
    let (mut far, hello) = peer.hello().await;
    assert!(hello.held.is_empty());
    far.welcome(&[]).await;
    assert!(far.is_silent().await);
}

#[tokio::test(start_paused = true)]
async fn settlements_wait_joined_for_an_execution_that_is_busy() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let parent = far.run(&peer, "a", 1).await;
    let (child, mut events) = handle("a.b", 2, 1);
    parent.worker.adopt(child);
    for seq in 1..=10 {
        let settlement = Settlement {
            id: promise_id(&format!("a.b.{seq}")),
            seq: Seq(seq),
            at: Timestamp::ZERO,
            outcome: Some(Outcome::TimedOut),
        };
        let (task, version) = (promise_id("a.b"), TaskVersion(2));
        far.say(ToWorker::Settlements {
            task,
            version,
            settled: vec![settlement],
        })
        .await;
    }
    assert!(far.is_silent().await, "the stream stays open");
    let mut seen = Vec::new();
    let mut taken = 0;
    while seen.len() < 10 {
        let ExecutionEvent::Settled(settled) = events.recv().await.unwrap() else {
            panic!("only settlements")
        };
        seen.extend(settled.into_iter().map(|settlement| settlement.seq.0));
        taken += 1;
    }
    assert_eq!(seen, (1..=10).collect::<Vec<u64>>());
    assert!(taken <= 3, "{taken} events");
}

#[tokio::test(start_paused = true)]
async fn a_drop_of_an_older_claim_changes_nothing() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let mut one = far.run(&peer, "a", 3).await;
    let drop_of = |version| ToWorker::Drop {
        task: promise_id("a"),
        version: TaskVersion(version),
        why: "canceled".to_owned(),
    };
    far.say(drop_of(2)).await;
    far.dispatch("b", 1).await;
    far.acknowledged("b", 1).await;
    assert!(one.has_no_event());
    far.say(drop_of(3)).await;
    assert_eq!(one.is_dropped().await, "canceled");
}

#[tokio::test(start_paused = true)]
async fn a_child_of_an_unanswered_turn_is_named_and_begins_once() {
    let mut peer = Peer::start(3);
    let mut far = peer.welcomed().await;
    let caller = far.run(&peer, "a", 1).await;
    let child = promise_id("a.c");
    caller.worker.announce(&child, TaskVersion(2));
    caller.submit(1, End::GoOn);
    far.turn("a", 1).await;
    far.breaks().await;
    let (mut far, hello) = peer.hello().await;
    let held: Vec<_> = hello.held.iter().map(|held| held.task.as_str()).collect();
    assert_eq!(held, ["a", "a.c"]);
    far.welcome(&[]).await;
    far.turn("a", 1).await;
    let (now, _events) = handle("a.c", 2, 8);
    assert!(caller.worker.began(now.clone()));
    assert!(!caller.worker.began(now));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_was_dropped_or_claimed_again_before_it_began_does_not_begin() {
    let mut peer = Peer::start(3);
    let mut far = peer.welcomed().await;
    let caller = far.run(&peer, "a", 1).await;
    let (gone, again) = (promise_id("a.gone"), promise_id("a.again"));
    caller.worker.announce(&gone, TaskVersion(2));
    caller.worker.announce(&again, TaskVersion(2));
    far.say(ToWorker::Drop {
        task: gone,
        version: TaskVersion(2),
        why: "canceled".to_owned(),
    })
    .await;
    let newer = far.run(&peer, "a.again", 3).await;
    for id in ["a.gone", "a.again"] {
        let (late, mut events) = handle(id, 2, 8);
        assert!(!caller.worker.began(late.clone()), "{id}");
        assert!(matches!(
            events.try_recv(),
            Ok(ExecutionEvent::Dropped { .. })
        ));
        caller.worker.adopt(late);
    }
    newer.submit(1, End::GoOn);
    far.turn("a.again", 1).await;
    far.answer("a.again", 3, 1, TurnStatus::Leased).await;
    let mut newer = newer;
    assert!(matches!(
        newer.event().await,
        ExecutionEvent::TurnAnswered { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_hello_always_fits_a_message_and_who_is_not_named_is_dropped() {
    let mut peer = Peer::start(1);
    let mut far = peer.welcomed().await;
    let one = far.run(&peer, "a", 1).await;
    let long = |n| format!("b{n:05}{}", "x".repeat(resonate_core::limits::ID_BYTES - 6));
    let (mut last, adopted) = (None, 9_000);
    for n in 0..adopted {
        let (child, events) = handle(&long(n), 2, 1);
        one.worker.adopt(child);
        last = Some(events);
    }
    far.breaks().await;
    let (_far, hello) = peer.hello().await;
    let named = hello.held.len();
    assert!(named > 5_000 && named < adopted, "{named}");
    assert_eq!(hello.held[0].task, promise_id("a"));
    let hello = [FromWorker::Hello(hello), FromWorker::Drain];
    assert_eq!(
        FromWorker::batches(&hello).len(),
        1,
        "there is room for more"
    );
    let told = last.unwrap().try_recv().unwrap();
    assert!(matches!(told, ExecutionEvent::Dropped { .. }), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_held_in_another_timeline_of_the_store_is_never_heard_again() {
    let mut peer = Peer::start(2);
    let mut far = peer.welcomed().await;
    let (mut waits, mut settles) = (
        far.run(&peer, "waits", 1).await,
        far.run(&peer, "settles", 1).await,
    );
    settles.submit(
        1,
        End::Suspend {
            tied: false,
            wake_at: None,
        },
    );
    far.turn("settles", 1).await;
    far.breaks().await;
    let (far, hello) = peer.hello().await;
    assert_eq!((hello.timeline, hello.held.len()), (Some(TIMELINE), 2));
    let (kind, message) = (ANOTHER_TIMELINE.to_owned(), "restored".to_owned());
    far.say(ToWorker::Refused { kind, message }).await;
    waits.is_dropped().await;
    settles.is_dropped().await;

    let (mut far, hello) = peer.hello().await;
    assert_eq!(
        (hello.timeline, &*hello.held, hello.granted),
        (None, &[][..], 2)
    );
    far.welcome(&[]).await;
    // The same task under the same token, as the restored server counts.
    let anew = far.run(&peer, "settles", 1).await;
    // A body that has not noticed yet speaks with the number that would be the next.
    settles.submit(1, End::Fulfill(one()));
    waits.submit(1, End::Fulfill(one()));
    assert!(far.is_silent().await);
    anew.submit(1, End::GoOn);
    far.turn("settles", 1).await;
    far.breaks().await;
    let (_far, hello) = peer.hello().await;
    assert_eq!((hello.timeline, hello.held.len()), (Some(TIMELINE), 1));
}

fn one() -> Outcome {
    Outcome::Resolved(Payload::json("1"))
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_never_behind_the_server_by_what_its_word_was_under_way() {
    crate::testing::set_wall(Some(|| 500));
    let mut peer = Peer::start(1);
    let (mut far, _) = peer.hello().await;
    tokio::time::advance(Duration::from_millis(20)).await;
    far.welcome(&[]).await;
    let _run = far.run(&peer, "a", 1).await;
    // The server said 1000; both ends of the way and the server's own time are cut to milliseconds.
    assert_eq!(peer.clock.now(), Timestamp::from_millis(1_023));
}
