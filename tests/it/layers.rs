//! `tower` layers around functions and around the calls of a process.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use resonate::{
    layer::{Below, Body, Ended, Made, NewCall},
    prelude::*,
};
use tower_layer::layer_fn;
use tower_service::Service;

use crate::world::World;

type Ready<A, E = Error> = Pin<Box<dyn Future<Output = Result<A, E>> + Send>>;
type Log = Arc<Mutex<Vec<String>>>;

/// Writes down what runs, and how it ends.
#[derive(Clone)]
struct Writes {
    name: &'static str,
    below: Below<Body, Ended>,
    log: Log,
}

impl Service<Body> for Writes {
    type Response = Ended;
    type Error = Error;
    type Future = Ready<Ended>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.below.poll_ready(cx)
    }

    fn call(&mut self, body: Body) -> Ready<Ended> {
        let (name, log) = (self.name, Arc::clone(&self.log));
        let what = format!("{name} {} {}", body.id(), body.attempt());
        let again = if body.is_replay() { " again" } else { "" };
        log.lock().unwrap().push(format!("{what} begins{again}"));
        let running = self.below.call(body);
        Box::pin(async move {
            let ended = running.await?;
            let error = ended
                .error()
                .map_or(String::new(), |error| format!(": {error}"));
            let end = format!("{what} {}{error}", ended.state());
            log.lock().unwrap().push(end);
            Ok(ended)
        })
    }
}

fn writes(
    name: &'static str,
    log: &Log,
) -> impl tower_layer::Layer<Below<Body, Ended>, Service = Writes> + use<> {
    let log = Arc::clone(log);
    layer_fn(move |below| Writes {
        name,
        below,
        log: Arc::clone(&log),
    })
}

/// Lets only bodies run whose tree was begun by somebody.
#[derive(Clone)]
struct Checks(Below<Body, Ended>);

impl Service<Body> for Checks {
    type Response = Ended;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Ready<Ended, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, body: Body) -> Self::Future {
        match body.tags().get("user").map(String::as_str) {
            Some("ferris") => {
                let running = self.0.call(body);
                Box::pin(async move { Ok(running.await?) })
            }
            other => {
                let error = format!("{} is not for {other:?}", body.function());
                Box::pin(async move { Err(Error::terminal(error).into()) })
            }
        }
    }
}

/// Says for whom a call is made: who is named at the end of its id.
#[derive(Clone)]
struct Signs(Below<NewCall, Made>);

impl Service<NewCall> for Signs {
    type Response = Made;
    type Error = Error;
    type Future = Ready<Made>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut call: NewCall) -> Ready<Made> {
        let user = call.id().rsplit('_').next().unwrap_or_default().to_owned();
        if user == "nobody" {
            return Box::pin(async { Err(Error::terminal("say who you are")) });
        }
        call.tag("user", &user);
        call.label("user", user);
        self.0.call(call)
    }
}

#[durable(service = "layers")]
async fn outer(fails: u32) -> Result<String> {
    let one = inner(fails).remote().await?;
    promise::<bool>("go").await?;
    let two = inner(0).detach().await?.await??;
    Ok(format!("{one}, {two}"))
}

#[durable(service = "layers", retry = Retry::fixed(std::time::Duration::from_millis(1)))]
async fn inner(fails: u32) -> Result<String> {
    if execution().attempt() <= fails {
        return Err(Error::new("not yet"));
    }
    Ok(format!("attempt {}", execution().attempt()))
}

#[tokio::test]
async fn layers_are_around_every_body_of_every_attempt_the_first_outermost() {
    let log = Log::default();
    let (one, two) = (writes("one", &log), writes("two", &log));
    let world = World::serving(&[]).await;
    let layered = |builder: resonate::Builder| builder.layer(one).layer(two);
    let worker = world.join_with(&["layers"], layered).await;
    let calling = world.begin(outer(1).id("a"));
    world.until_state("a.go", "pending").await;
    world.until_state("a", "suspended").await;
    worker.shutdown().await;
    let before = std::mem::take(&mut *log.lock().unwrap());
    let says = [
        "one a 1 begins",
        "two a 1 begins",
        "one a.inner 1 begins",
        "two a.inner 1 begins",
        "two a.inner 1 failed: not yet",
        "one a.inner 1 failed: not yet",
        "one a.inner 2 begins",
        "two a.inner 2 begins",
        "two a.inner 2 resolved",
        "one a.inner 2 resolved",
    ];
    assert_eq!(before, says);

    // Another worker begins it again; it is the same attempt.
    let three = writes("three", &log);
    let next = world
        .join_with(&["layers"], |builder| builder.layer(three))
        .await;
    world.resonate.resolve("a.go", &true).await.unwrap();
    assert_eq!(
        calling.await.unwrap().unwrap().unwrap(),
        "attempt 2, attempt 1"
    );
    next.shutdown().await;
    let after = log.lock().unwrap().clone();
    assert_eq!(after[0], "three a 1 begins again");
    assert_eq!(after.last().unwrap(), "three a 1 resolved");
}

#[tokio::test]
async fn what_a_layer_writes_at_the_call_is_there_at_everything_below_it() {
    let world = World::with(&[], |builder| builder.client_layer(layer_fn(Signs))).await;
    let layered = |builder: resonate::Builder| builder.layer(layer_fn(Checks));
    let _worker = world.join_with(&["layers"], layered).await;
    let calling = world.begin(outer(0).id("order_ferris"));
    world.until_state("order_ferris.go", "pending").await;
    let approved = world.resonate.resolve("order_ferris.go", &true).await;
    assert!(approved.unwrap());
    // Also of the detached root.
    assert_eq!(
        calling.await.unwrap().unwrap().unwrap(),
        "attempt 1, attempt 1"
    );
    let found = world.find("order_ferris").await.unwrap();
    assert_eq!(found.labels()["user"], "ferris");

    let error = world.call(outer(0).id("order_eve")).await.unwrap_err();
    assert_eq!(error.message(), "layers/outer@1 is not for Some(\"eve\")");
    assert_eq!(error.promise(), Some("order_eve"));
    let error = world.call(outer(0).id("order_nobody")).await.unwrap_err();
    assert_eq!(
        (error.message(), error.promise()),
        ("say who you are", Some("order_nobody"))
    );
    assert!(world.find("order_nobody").await.is_none());
}

/// Fails in every way that a layer may.
#[derive(Clone)]
struct Breaks(Below<Body, Ended>);

impl Service<Body> for Breaks {
    type Response = Ended;
    type Error = Error;
    type Future = Ready<Ended>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, body: Body) -> Ready<Ended> {
        match body.attempt() {
            1 => panic!("a layer panics"),
            2 => Box::pin(async { Err(Error::new("a layer fails")) }),
            _ => self.0.call(body),
        }
    }
}

#[tokio::test]
async fn a_layer_that_panics_or_fails_is_an_attempt_that_did() {
    let world = World::with(&["layers"], |builder| builder.layer(layer_fn(Breaks))).await;
    let ended = world.call(inner(0).id("broken")).await;
    assert_eq!(ended.unwrap(), "attempt 3");
}
