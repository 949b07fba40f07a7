//! Everybody who waits is answered once, whatever happens to the streams.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use resonate_core::{Create, NewPromise, Timestamp};
use resonate_proto::{
    client::ServedFunction,
    stream::{Defaults, Function},
};

use super::*;
use crate::{
    ErrorKind,
    client::{
        Server as _,
        fake::{Fake, value},
    },
};

fn id(text: &str) -> PromiseId {
    PromiseId::new(text).unwrap()
}

async fn created(fake: &Fake, id: PromiseId) {
    let (labels, tags) = (BTreeMap::new(), BTreeMap::new());
    let promise = NewPromise {
        id,
        call: None,
        timeout_at: Timestamp::NEVER,
        labels,
        tags,
    };
    fake.create(Create {
        promise,
        any: false,
    })
    .await
    .unwrap();
}

fn watcher(fake: &Arc<Fake>) -> Watcher {
    Watcher::start(Arc::clone(fake) as _, Arc::default(), &Handle::current())
}

fn waiting(watcher: &Watcher, text: &str) -> tokio::task::JoinHandle<Result<Arc<Record>>> {
    let (watcher, id) = (watcher.clone(), id(text));
    tokio::spawn(async move { watcher.settled(id, None).await })
}

/// Lets all tokio tasks run until none can go on; time is paused, so that is when it moves.
async fn settle_down() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_at_once_are_few_streams() {
    let (fake, _streams) = Fake::new();
    let watcher = watcher(&fake);
    let ids: Vec<String> = (0..10_000).map(|n| format!("order-{n}")).collect();
    join_all(ids.iter().map(|text| created(&fake, id(text)))).await;
    let all: Vec<_> = ids.iter().map(|text| waiting(&watcher, text)).collect();
    settle_down().await;
    let open = fake.watched();
    assert!(open.len() <= 40, "{} streams", open.len());
    assert_eq!(open.iter().map(Vec::len).sum::<usize>(), 10_000);
    ids.iter()
        .for_each(|text| fake.settle_now(text, value("1")));
    for record in join_all(all).await {
        assert_eq!(record.unwrap().unwrap().promise.state_name(), "resolved");
    }
}

#[tokio::test(start_paused = true)]
async fn two_who_wait_for_one_share_its_stream_and_both_hear() {
    let (fake, _streams) = Fake::new();
    let watcher = watcher(&fake);
    created(&fake, id("a")).await;
    let both = [waiting(&watcher, "a"), waiting(&watcher, "a")];
    settle_down().await;
    assert_eq!(fake.watched(), [["a"]]);
    fake.settle_now("a", value("1"));
    for one in both {
        assert!(one.await.unwrap().is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn what_settles_while_the_stream_is_broken_is_heard_after_it() {
    let (fake, _streams) = Fake::new();
    let watcher = watcher(&fake);
    created(&fake, id("a")).await;
    created(&fake, id("b")).await;
    let (a, b) = (waiting(&watcher, "a"), waiting(&watcher, "b"));
    settle_down().await;
    fake.break_watches();
    fake.settle_now("a", value("1"));
    assert!(a.await.unwrap().is_ok());
    settle_down().await;
    fake.settle_now("b", value("2"));
    assert!(b.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_promise_that_does_not_exist_fails_alone() {
    let (fake, _streams) = Fake::new();
    let watcher = watcher(&fake);
    created(&fake, id("a")).await;
    let (a, missing) = (waiting(&watcher, "a"), waiting(&watcher, "missing"));
    assert_eq!(
        missing.await.unwrap().unwrap_err().kind(),
        ErrorKind::NotFound
    );
    settle_down().await;
    fake.settle_now("a", value("1"));
    assert!(a.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_is_watched_no_more() {
    let (fake, _streams) = Fake::new();
    let watcher = watcher(&fake);
    created(&fake, id("a")).await;
    let a = waiting(&watcher, "a");
    settle_down().await;
    assert_eq!(fake.watched().len(), 1);
    a.abort();
    tokio::time::sleep(limits::LOOK_AROUND * 2).await;
    assert_eq!(fake.watched().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_nobody_serves_is_said_once_until_somebody_does() {
    let (fake, _streams) = Fake::new();
    let (news, _items) = mpsc::channel(1);
    let address = Address::new("payments", "charge", 1);
    let mut watching = Watching::new(Arc::clone(&fake) as _, Arc::default(), news);
    let (answer, _answered) = oneshot::channel();
    created(&fake, id("a")).await;
    watching.add(
        [Wanted {
            id: id("a"),
            waits_for: Some(address.clone()),
            answer,
        }]
        .into_iter(),
    );
    watching.look_around().await;
    assert!(watching.unserved.is_empty(), "too early");
    tokio::time::advance(limits::LOOK_AROUND).await;
    watching.look_around().await;
    assert!(watching.unserved.contains(&address));
    fake.serve(vec![served(&address)]);
    watching.look_around().await;
    assert!(watching.unserved.is_empty());
}

fn served(address: &Address) -> ServedFunction {
    let function = Function {
        address: address.clone(),
        parameters: vec![],
        result: "()".to_owned(),
        signature: 0,
        body_fingerprint: 0,
        served: true,
        location: "src/pay.rs:1".to_owned(),
        defaults: Defaults::default(),
    };
    ServedFunction {
        keys: resonate_core::keys::KeysLook::default(),
        tenants: Vec::new(),
        function,
        workers: 1,
        ready: 0,
        waiting_since: None,
        running: 0,
        opens_at: None,
    }
}
