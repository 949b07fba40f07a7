//! Encrypting and compressing codecs, and calls that must be known again although nothing looks the same twice.

use resonate::{
    Builder, StartError,
    codec::{Bincode, Codec as _, Compressed, Encrypted, Json, Key, Stack},
    prelude::*,
};

use crate::{
    codecs,
    world::{PATIENCE, World},
};

/// With keys of these ids. Every process here reads what `a` encrypts.
pub(crate) fn encrypted(ids: &[&str]) -> Stack {
    let key = |id: &&str| Key::new(*id, [id.len().try_into().unwrap(); 32]).unwrap();
    Encrypted::new(ids.iter().map(key)).unwrap().into()
}

/// Calls under an id of its own what others call under it, too.
#[durable(service = "sealed")]
async fn asks(of: String) -> Result<usize> {
    Ok(keeps(of).id("kept").await?.len())
}

#[durable(service = "sealed")]
async fn keeps(text: String) -> Result<String> {
    Ok(text.repeat(1_000))
}

#[durable(service = "sealed", codec = "bincode")]
async fn counts(numbers: Vec<u64>) -> Result<usize> {
    Ok(numbers.len())
}

#[durable(service = "sealed")]
async fn has_counted() -> Result<usize> {
    counts(vec![7; 100]).remote().await
}

/// A larger result than a payload may have, if it is not compressed.
#[durable(service = "sealed")]
async fn zeros(bytes: usize) -> Result<String> {
    Ok("0".repeat(bytes))
}

#[durable(service = "sealed")]
async fn has_zeros(bytes: usize) -> Result<usize> {
    Ok(zeros(bytes).remote().await?.len())
}

/// Emits what it is sent.
#[durable(service = "sealed")]
async fn echoes() -> Result<String> {
    let said: String = inbox().recv().await?;
    emit(&said);
    Ok(said)
}

#[tokio::test]
async fn what_is_emitted_and_sent_is_sealed() {
    let world = World::with(&["sealed"], |builder| builder.codec(encrypted(&["a"]))).await;
    let echoing = world.begin(echoes().id("echo"));
    world.until_state("echo", "suspended").await;
    world.resonate.send("echo", "hush").await.unwrap();
    assert_eq!(echoing.await.unwrap().unwrap().unwrap(), "hush");
    let mut items = world.resonate.stream::<String>("echo").from(0);
    assert_eq!(items.next().await.unwrap().unwrap(), "hush");
    let stranger = codecs::stranger(&world, &[]).await;
    let item = stranger.stream::<String>("echo").from(0).next().await;
    let message = stranger.get::<String>("echo.inbox").await;
    for error in [item.unwrap().unwrap_err(), message.unwrap_err()] {
        assert!(
            error.message().contains("encoded as `encrypted`"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_same_call_is_known_again_whoever_seals_it_with_keys_in_common() {
    let world = World::with(&["sealed"], |builder| builder.codec(encrypted(&["a"]))).await;
    for id in ["first", "second"] {
        let kept = world.call(asks("seven".to_owned()).id(id)).await;
        assert_eq!(kept.unwrap(), 5_000);
    }
    let other = world.call(asks("eight".to_owned()).id("third")).await;
    assert_eq!(other.unwrap_err().kind(), ErrorKind::AlreadyExists);
    world.resonate.shutdown().await;
}

#[tokio::test]
async fn what_a_client_says_twice_is_the_same() {
    let world = World::with(&["sealed"], |builder| {
        builder.codec(encrypted(&["a"]).over(Compressed::new()))
    })
    .await;
    let call = keeps("x".to_owned()).id("late").delay(PATIENCE);
    let calling = world.begin(call);
    world.until_state("late", "pending").await;
    assert!(world.resonate.resolve("late", "said").await.unwrap());
    // The same again changes nothing; something else comes too late, and is told so in the same way.
    assert!(!world.resonate.resolve("late", "said").await.unwrap());
    assert_eq!(calling.await.unwrap().unwrap().unwrap(), "said");
    // Whoever has no key learns which one it needs.
    let stranger = world.join_with(&[], |builder| {
        builder.codec(encrypted(&["bb"]).over(Compressed::new()))
    });
    let stranger = stranger.await;
    let error = stranger.get::<String>("late").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("with the key `a`; this process has `bb`"),
        "{error:#}"
    );
    let stranger = codecs::stranger(&world, &[]).await;
    let error = stranger.get::<String>("late").await.unwrap_err();
    assert!(
        error
            .message()
            .contains("encoded as `encrypted`, which nobody reads here"),
        "{error}"
    );
    // Reading is enough, whatever is written here.
    let reader = world.join(&[]).await;
    assert_eq!(reader.get::<String>("late").await.unwrap(), "said");
}

#[tokio::test]
async fn a_function_that_chooses_a_format_is_sealed_like_the_others() {
    let world = World::with(&["sealed"], |builder| builder.codec(encrypted(&["a"]))).await;
    assert_eq!(world.call(has_counted().id("counted")).await.unwrap(), 100);
    let stranger = codecs::stranger(&world, &[]).await;
    let error = stranger.get::<usize>("counted.counts").await.unwrap_err();
    assert!(
        error.message().contains("encoded as `encrypted`"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_compressed_may_be_larger_than_a_payload() {
    let world = World::with(&["sealed"], |builder| {
        builder.codec(Compressed::new().over(Bincode))
    })
    .await;
    let bytes = 5 << 20;
    assert_eq!(
        world.call(has_zeros(bytes).id("large")).await.unwrap(),
        bytes
    );
    let error = world
        .call(has_zeros(65 << 20).id("too_large"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(
        error.message().contains("before the codec `lz4` seals it"),
        "{error}"
    );
}

#[tokio::test]
async fn codecs_that_do_not_go_together_do_not_start() {
    let problem = async |codec: Stack| {
        let builder: Builder = Resonate::builder().in_memory().serve([]).codec(codec);
        let error = builder.start().await.unwrap_err();
        let StartError::Codecs(problem) = error else {
            panic!("{error}")
        };
        problem
    };
    let over = problem(Json.over(Compressed::new())).await;
    assert_eq!(
        over,
        "`json` is a format and seals nothing; it can only be the innermost codec"
    );
    let twice = problem(Compressed::new().over(Compressed::new())).await;
    assert_eq!(twice, "the codec `lz4` is around itself");
}
