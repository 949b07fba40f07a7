//! What is over a limit is refused with the promise, the size and the limit; nothing is lost by that.

use resonate::prelude::*;

use crate::world::{World, is_bincode, note};

/// Bytes of a payload; the text of one that fits has so many fewer, for its quotes or its length.
const MAX: usize = 1 << 20;

#[durable(service = "limits")]
async fn measures(text: &str) -> usize {
    text.len()
}

#[durable(service = "limits")]
async fn makes(bytes: usize) -> Result<String> {
    note("makes");
    Ok("x".repeat(bytes))
}

#[durable(service = "limits")]
async fn passes_on(bytes: usize) -> Result<usize> {
    let text = "x".repeat(bytes);
    measures(&text).result().await
}

#[durable(service = "limits")]
async fn asks_for(bytes: usize) -> Result<usize> {
    Ok(makes(bytes).await?.len())
}

#[durable(service = "limits")]
async fn steps(bytes: usize) -> Result<usize> {
    let text = step(|| async move { Ok::<_, Error>("x".repeat(bytes)) })
        .label("big")
        .await?;
    Ok(text.len())
}

#[track_caller]
fn is_too_large(error: &Error, promise: &str, what: &str) {
    assert_eq!(
        (error.kind(), error.promise()),
        (ErrorKind::TooLarge, Some(promise)),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.starts_with(what), "{text}");
    assert!(
        text.contains("at most 1048576 are allowed; store it elsewhere and pass a reference"),
        "{text}"
    );
    assert!(text.contains(&format!("`{promise}`")), "{text}");
}

#[tokio::test]
async fn arguments_over_the_limit_name_promise_and_size() {
    let world = World::serving(&["limits"]).await;
    let text = "x".repeat(MAX);
    let outside = world
        .result(measures(&text).id("outside"))
        .await
        .unwrap_err();
    is_too_large(
        &outside,
        "outside",
        "the arguments of limits/measures@1: a payload has more than 1048576 bytes with `text`; at most",
    );
    assert_eq!(world.state("outside").await, "none");
    let inside = world.call(passes_on(MAX).id("inside")).await.unwrap_err();
    is_too_large(
        &inside,
        "inside.measures",
        "the arguments of limits/measures@1: a payload has more than 1048576 bytes with `text`; at most",
    );
}

#[tokio::test]
async fn results_over_the_limit_name_promise_and_size_and_are_not_made_again() {
    let world = World::serving(&["limits"]).await;
    let outside = world.call(makes(MAX).id("outside")).await.unwrap_err();
    is_too_large(
        &outside,
        "outside",
        "the result of limits/makes@1: a payload has more than 1048576 bytes; at most",
    );
    let inside = world.call(asks_for(MAX).id("inside")).await.unwrap_err();
    is_too_large(
        &inside,
        "inside.makes",
        "the result of limits/makes@1: a payload has more than 1048576 bytes; at most",
    );
    let in_a_step = world.call(steps(MAX).id("step")).await.unwrap_err();
    is_too_large(
        &in_a_step,
        "step.big",
        "a payload has more than 1048576 bytes; at most",
    );
    assert_eq!(world.notes.count("makes"), 2);
}

#[tokio::test]
async fn what_is_just_below_the_limit_passes() {
    let world = World::serving(&["limits"]).await;
    // Two quotes, or a format number and a length of five bytes; the arguments are an array besides.
    let (argument, result) = if is_bincode() {
        (MAX - 6, MAX - 6)
    } else {
        (MAX - 4, MAX - 2)
    };
    let text = "x".repeat(argument);
    assert_eq!(world.call(measures(&text).id("argument")).await, argument);
    assert_eq!(
        world.call(makes(result).id("result")).await.unwrap().len(),
        result
    );
    assert_eq!(
        world.call(passes_on(argument).id("inside")).await.unwrap(),
        argument
    );
}

#[tokio::test]
async fn a_value_over_the_limit_settles_nothing() {
    let world = World::serving(&["limits"]).await;
    let waiting = world.begin(waits().id("waits"));
    world.until_state("waits", "suspended").await;
    let error = world
        .resonate
        .resolve("waits.text", &"x".repeat(MAX))
        .await
        .unwrap_err();
    is_too_large(
        &error,
        "waits.text",
        "a payload has more than 1048576 bytes; at most",
    );
    assert_eq!(world.state("waits.text").await, "pending");
    world.resonate.resolve("waits.text", "small").await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().unwrap(), "small");
}

#[durable(service = "limits")]
async fn waits() -> Result<String> {
    promise("text").await
}

#[tokio::test]
async fn labels_over_the_limit_are_refused() {
    let world = World::serving(&["limits"]).await;
    let labelled = measures("x")
        .label("note", "x".repeat(17 << 10))
        .id("labels");
    let error = world.result(labelled).await.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(
        text.contains(
            "17412 bytes are too many for the labels of one promise; at most 16384 are allowed"
        ),
        "{text}"
    );
}

#[durable(service = "limits")]
async fn calls_under(id: String) -> Result<usize> {
    measures("x").id(id).result().await
}

#[tokio::test]
async fn ids_that_are_none_are_refused_in_words() {
    let world = World::serving(&["limits"]).await;
    let cases = [
        (String::new(), "a promise id is empty; give it 1 to 512 bytes".to_owned()),
        ("x".repeat(401), format!("the promise id `{}…` has 401 bytes; at most 400 are allowed", "x".repeat(32))),
        ("x".repeat(513), format!("the promise id `{}…` has 513 bytes; at most 512 are allowed", "x".repeat(32))),
        ("a\nb".to_owned(), "the promise id \"a\\nb\" has a control character at byte 1; remove it".to_owned()),
        (
            "order.42".to_owned(),
            "the id \"order.42\" has a `.`, which stands between a caller and its calls; write `-` or `/` instead".to_owned(),
        ),
        (":a".to_owned(), "the promise id \":a\" begins with `.` or `:`; put a root before it".to_owned()),
    ];
    for (n, (id, says)) in cases.into_iter().enumerate() {
        let outside = world
            .result(measures("x").id(id.as_str()))
            .await
            .unwrap_err();
        assert_eq!(
            (outside.kind(), outside.message()),
            (ErrorKind::Misused, says.as_str())
        );
        let inside = world
            .call(calls_under(id).id(format!("caller-{n}")))
            .await
            .unwrap_err();
        assert_eq!(
            (inside.kind(), inside.message()),
            (ErrorKind::Misused, says.as_str())
        );
    }
    let longest = "y".repeat(400);
    assert_eq!(world.call(measures("x").id(longest.as_str())).await, 1);
    assert_eq!(
        world.call(passes_on(3).id("z".repeat(400))).await.unwrap(),
        3
    );
}

#[tokio::test]
async fn an_id_may_be_any_text_without_control_characters() {
    let world = World::serving(&["limits"]).await;
    for id in [
        "größe/7",
        "a b",
        "order-42/2026-11-24",
        "\"quoted\"",
        "日本",
        "a:b",
    ] {
        assert_eq!(world.call(measures("four").id(id)).await, 4, "{id}");
        assert_eq!(world.find(id).await.unwrap().id(), id);
    }
}
