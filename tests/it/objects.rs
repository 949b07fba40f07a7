//! Payloads that no server takes: kept in an object store, and seen whole by every function and client.

use std::{sync::Arc, time::Duration};

use futures::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _, memory::InMemory};
use resonate::{Builder, objects::Objects, prelude::*};

use crate::{codecs, sealed::encrypted, world::World};

/// More than a server takes of one payload, in each direction.
const LARGE: usize = 3 << 20;

#[durable(service = "objects", retry = Retry::fixed(Duration::from_millis(1)))]
async fn doubles(text: String) -> Result<String> {
    Ok(text.repeat(2))
}

/// Hands large values on in every way: up and down, in a step, as the value that a compensation takes.
#[durable(service = "objects", retry = Retry::fixed(Duration::from_millis(1)).max_attempts(3))]
async fn hands_on(bytes: usize, ends_well: bool) -> Result<String> {
    let text = step(|| async { Ok::<_, Error>("x".repeat(bytes)) }).await?;
    let both = join_all([doubles(text.clone()).remote(), doubles(text.clone())]).await;
    let [first, second] = <[_; 2]>::try_from(both).unwrap().map(Result::unwrap);
    let third = doubles(text).compensate(weighs).await?;
    promise::<String>("go").await?;
    assert!(first == second && second == third);
    if ends_well {
        return Ok(third);
    }
    Err(Error::terminal("it ends badly"))
}

#[durable(service = "objects")]
async fn hides() -> Result<usize> {
    Ok(doubles("secret".repeat(5_000)).id("hidden").await?.len())
}

#[durable(service = "objects")]
async fn weighs(text: String) -> Result<usize> {
    Ok(text.len())
}

async fn names(store: &dyn ObjectStore) -> Vec<String> {
    let all: Vec<_> = store.list(None).try_collect().await.unwrap();
    all.into_iter()
        .map(|object| object.location.to_string())
        .collect()
}

fn keeping(store: &Arc<InMemory>) -> impl Fn(Builder) -> Builder + use<> {
    let store: Arc<dyn ObjectStore> = Arc::clone(store) as _;
    move |builder| builder.objects(Objects::new(Arc::clone(&store)).prefix("kept").above(1_000))
}

#[tokio::test]
async fn large_values_go_everywhere_and_survive_the_worker() {
    let store = Arc::new(InMemory::new());
    let keeping = keeping(&store);
    let world = World::with(&[], &keeping).await;
    let worker = world.join_with(&["objects"], &keeping).await;
    let calling = world.begin(hands_on(LARGE, true).id("well"));
    let failing = world.begin(hands_on(LARGE, false).id("badly"));
    for id in ["well", "badly"] {
        world.until_state(&format!("{id}.go"), "pending").await;
        world.until_state(id, "suspended").await;
    }
    worker.shutdown().await;
    // Everything is fetched again, in the order of the log.
    let next = world.join_with(&["objects"], &keeping).await;
    for id in ["well.go", "badly.go"] {
        assert!(
            world
                .resonate
                .resolve(id, &"y".repeat(LARGE))
                .await
                .unwrap()
        );
    }
    assert_eq!(calling.await.unwrap().unwrap().unwrap().len(), 2 * LARGE);
    assert!(failing.await.unwrap().is_err());
    world.until_state("badly.weighs", "resolved").await;
    assert_eq!(
        world.resonate.get::<usize>("badly.weighs").await.unwrap(),
        2 * LARGE
    );
    let found = world.find("well").await.unwrap();
    assert_eq!(found.value::<String>().unwrap().unwrap().len(), 2 * LARGE);
    next.shutdown().await;
    // Below their roots; what is the same is one object.
    let names = names(&*store).await;
    assert!(
        names
            .iter()
            .all(|name| name.starts_with("kept/well/") || name.starts_with("kept/badly/")),
        "{names:?}"
    );
    // In bincode the only argument of a call is written as its value is.
    assert!((6..=8).contains(&names.len()), "{names:?}");
    // Who has no store is told so.
    let stranger = codecs::stranger(&world, &[]).await;
    let error = stranger.get::<String>("well").await.unwrap_err();
    assert!(
        error.message().contains("its bytes are in an object store"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_kept_is_sealed_and_the_same_call_is_known_again() {
    let store = Arc::new(InMemory::new());
    let keeping = keeping(&store);
    let sealing = |builder: Builder| keeping(builder).codec(encrypted(&["a"]));
    let world = World::with(&["objects"], sealing).await;
    for id in ["first", "second"] {
        let bytes = world.call(hides().id(id)).await;
        assert_eq!(bytes.unwrap(), 60_000);
    }
    for name in names(&*store).await {
        let bytes = store
            .get(&name.as_str().into())
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"secret"), "{name}");
    }
}

#[tokio::test]
async fn what_is_gone_or_changed_is_an_attempt_that_failed_and_says_so() {
    let store = Arc::new(InMemory::new());
    let keeping = keeping(&store);
    let world = World::with(&[], &keeping).await;
    let worker = world.join_with(&["objects"], &keeping).await;
    let calling = world.begin(hands_on(10_000, true).id("lost"));
    world.until_state("lost.go", "pending").await;
    world.until_state("lost", "suspended").await;
    worker.shutdown().await;
    for name in names(&*store).await {
        let path = name.as_str().into();
        store.put(&path, "something else".into()).await.unwrap();
    }
    let _next = world.join_with(&["objects"], &keeping).await;
    world.resonate.resolve("lost.go", "go").await.unwrap();
    let error = calling.await.unwrap().unwrap_err();
    let says = "is not what was put there: its bytes were changed";
    assert!(error.to_string().contains(says), "{error:#}");
}
