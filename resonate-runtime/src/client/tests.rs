//! Requests are repeated until there is an answer, and a refusal is one.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use resonate_core::{NewPromise, Timestamp};

use super::{fake::Fake, *};

fn new(id: &str) -> Create {
    let id = PromiseId::new(id).unwrap();
    let (labels, tags) = (BTreeMap::new(), BTreeMap::new());
    Create {
        promise: NewPromise {
            id,
            call: None,
            timeout_at: Timestamp::NEVER,
            labels,
            tags,
        },
        any: false,
    }
}

fn client(fake: &Arc<Fake>) -> Client {
    Client::new(Arc::clone(fake) as _, Arc::default(), Handle::current())
}

#[tokio::test(start_paused = true)]
async fn a_request_is_repeated_while_nobody_is_there() {
    let (fake, _streams) = Fake::new();
    fake.fail((0..5).map(|_| CallError::Unavailable("refused".to_owned())));
    let reply = client(&fake).create(new("a")).await.unwrap();
    assert!(reply.new);
    assert_eq!(fake.asked.load(Ordering::Relaxed), 6);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer() {
    let (fake, _streams) = Fake::new();
    let error = client(&fake)
        .find(PromiseId::new("a").unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.promise(), Some("a"));
    assert_eq!(fake.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn who_stops_waiting_stops_asking() {
    let (fake, _streams) = Fake::new();
    fake.fail((0..1_000).map(|_| CallError::Unavailable("refused".to_owned())));
    let client = client(&fake);
    let waited = tokio::time::timeout(Duration::from_secs(20), client.create(new("a"))).await;
    assert!(waited.is_err());
    tokio::task::yield_now().await;
    let asked = fake.asked.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(fake.asked.load(Ordering::Relaxed), asked);
}

#[tokio::test]
async fn a_client_whose_thread_has_ended_says_so() {
    let (fake, _streams) = Fake::new();
    let io = IoThread::start().unwrap();
    let client = Client::new(Arc::clone(&fake) as _, Arc::default(), io.handle().clone());
    client.create(new("a")).await.unwrap();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.settled(PromiseId::new("a").unwrap(), None).await }
    });
    while fake.watched().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(io);
    assert_eq!(
        waiting.await.unwrap().unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        client.create(new("b")).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
}
