//! A `Resonate` from its start to its end, and which of several a call goes to.

use std::{sync::Arc, time::Duration};

use resonate_core::Create;
use tokio::sync::mpsc;

use super::*;
use crate::{
    client::{
        Server as _,
        fake::{Fake, FarEnd, value},
    },
    function::{Definition, Options, Running},
    plumbing::Input,
    registry::Registry,
};

static CHARGE: Definition = Definition {
    name: "charge",
    service: "payments",
    version: 1,
    parameters: &[],
    result: "u32",
    body_fingerprint: 0,
    item: || "",
    options: Options::NONE,
    file: "src/pay.rs",
    line: 1,
    run: Some(never),
};

fn never(_: Input) -> Running {
    Box::pin(std::future::pending())
}

fn charge() -> Call<Result<u32>> {
    Call::new(
        &CHARGE,
        Output::of_result(),
        Ok(resonate_core::Payload::json("[]")).into(),
    )
}

/// A client of a server of the test's.
async fn client() -> (Resonate, Arc<Fake>, mpsc::Receiver<FarEnd>) {
    let (fake, streams) = Fake::new();
    let builder =
        Resonate::builder().with(Arc::clone(&fake) as _, Registry::of([&CHARGE]).unwrap());
    (builder.serve([]).start().await.unwrap(), fake, streams)
}

async fn external(fake: &Fake, id: &str) {
    let id = PromiseId::new(id).unwrap();
    let promise = resonate_core::NewPromise {
        id,
        call: None,
        timeout_at: resonate_core::Timestamp::NEVER,
        labels: Default::default(),
        tags: Default::default(),
    };
    fake.create(Create {
        promise,
        any: false,
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_call_outside_is_created_watched_and_decoded() {
    let (resonate, fake, _streams) = client().await;
    let calling = tokio::spawn({
        let resonate = resonate.clone();
        async move { resonate.call(charge().id("order-1")).await }
    });
    while fake.watched().is_empty() {
        tokio::task::yield_now().await;
    }
    fake.settle_now("order-1", value("7"));
    assert_eq!(calling.await.unwrap().unwrap(), 7);
    // Who uses the same id again gets the same.
    assert_eq!(resonate.call(charge().id("order-1")).await.unwrap(), 7);
    assert_eq!(resonate.get::<u32>("order-1").await.unwrap(), 7);
    let found = resonate.find("order-1").await.unwrap().unwrap();
    assert_eq!(
        (found.state(), found.function().as_deref()),
        ("resolved", Some("payments/charge@1"))
    );
    assert_eq!(found.value::<u32>().unwrap(), Some(7));
    assert!(resonate.find("order-2").await.unwrap().is_none());
    assert_eq!(resonate.tree("order-1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_call_outside_without_an_id_is_refused_with_its_place() {
    let (resonate, _fake, _streams) = client().await;
    let error = resonate.call(charge()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misused);
    assert!(error.to_string().contains("resonate/tests.rs"), "{error}");
}

#[tokio::test]
async fn promises_are_settled_once() {
    let (resonate, fake, _streams) = client().await;
    for id in ["a", "b", "c"] {
        external(&fake, id).await;
    }
    assert!(resonate.resolve("a", &7).await.unwrap());
    assert!(!resonate.resolve("a", &8).await.unwrap());
    assert_eq!(resonate.get::<u32>("a").await.unwrap(), 7);
    assert!(resonate.reject("b", "not today").await.unwrap());
    assert_eq!(
        resonate.get::<u32>("b").await.unwrap_err().message(),
        "it was rejected: not today"
    );
    assert!(resonate.cancel("c", "by hand").await.unwrap());
    assert_eq!(
        resonate.get::<u32>("c").await.unwrap_err().kind(),
        ErrorKind::Canceled
    );
    assert_eq!(
        resonate.resolve("d", &7).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        resonate.resolve("", &7).await.unwrap_err().kind(),
        ErrorKind::Misused
    );
    let found = resonate.search(Search::new()).await.unwrap();
    assert_eq!(
        found.iter().map(Found::id).collect::<Vec<_>>(),
        ["a", "b", "c"],
        "over two pages"
    );
    assert_eq!(
        resonate.search(Search::new().limit(1)).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn who_still_waits_when_it_is_shut_down_is_told_so() {
    let (resonate, fake, _streams) = client().await;
    external(&fake, "a").await;
    let waiting = tokio::spawn({
        let resonate = resonate.clone();
        async move { resonate.get::<u32>("a").await }
    });
    while fake.watched().is_empty() {
        tokio::task::yield_now().await;
    }
    let running = tokio::spawn({
        let resonate = resonate.clone();
        async move { resonate.run_until_shutdown().await }
    });
    resonate.shutdown().await;
    running.await.unwrap().unwrap();
    assert_eq!(
        waiting.await.unwrap().unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        resonate.find("a").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
}

#[tokio::test]
async fn a_service_that_is_not_linked_in_is_not_served() {
    let (fake, _streams) = Fake::new();
    let builder = Resonate::builder().with(fake as _, Registry::of([&CHARGE]).unwrap());
    let error = builder.serve(["payment"]).start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no function of the service `payment` is linked into this program; there is payments"
    );
}

#[tokio::test]
async fn a_start_that_is_refused_is_an_error() {
    let (fake, mut streams) = Fake::new();
    let refusing = tokio::spawn(async move {
        let end = streams.recv().await.unwrap();
        let (kind, message) = (
            "signature".to_owned(),
            "parameter `cents` differs".to_owned(),
        );
        end.to_worker
            .send(Ok(vec![resonate_proto::stream::ToWorker::Refused {
                kind,
                message,
            }]))
            .await
            .unwrap();
        end
    });
    let builder = Resonate::builder().with(fake as _, Registry::of([&CHARGE]).unwrap());
    let error = builder.start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server at http://fake refuses this worker (signature): parameter `cents` differs"
    );
    drop(refusing);
}

#[tokio::test]
async fn a_url_and_a_server_inside_exclude_each_other() {
    let error = Resonate::builder()
        .url("http://127.0.0.1:1")
        .in_memory()
        .start()
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StartError::TwoServers {
                what: ".in_memory()"
            }
        ),
        "{error}"
    );
    let error = Resonate::builder().in_memory().start().await.unwrap_err();
    assert!(
        matches!(error, StartError::NoServer),
        "this package has no server inside: {error}"
    );
    let error = Resonate::builder()
        .url("127.0.0.1:8001")
        .start()
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::BadUrl { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_does_not_keep_a_program_from_starting() {
    let started = Resonate::builder().url("http://127.0.0.1:1").start();
    let resonate = tokio::time::timeout(Duration::from_secs(30), started)
        .await
        .expect("it starts")
        .unwrap();
    let waiting = resonate.call(charge().id("order-1"));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), waiting)
            .await
            .is_err(),
        "calls wait"
    );
}
