//! What goes in and out of a running execution: its stream, its progress, its inbox, and what it looks for.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::StreamExt as _;
use resonate::{continue_as, prelude::*, select};

use crate::world::{World, eventually, in_time, millis, note, notes};

#[durable(service = "feeds")]
async fn counts(to: u32) -> Result<u32> {
    for n in 0..to {
        emit(&n);
        notes().pass().await;
    }
    Ok(to)
}

/// Reads so many items, and the offset behind them.
async fn read<const N: usize>(world: &World, id: &str, from: u64) -> ([u32; N], u64) {
    let mut items = world.resonate.stream::<u32>(id).from(from);
    let mut read = [0; N];
    for item in &mut read {
        *item = in_time(items.next()).await.expect("one more").unwrap();
    }
    (read, items.offset())
}

#[tokio::test]
async fn a_stream_is_read_while_it_grows_and_from_any_offset() {
    let world = World::serving(&["feeds"]).await;
    let counting = world.begin(counts(4).id("live"));
    eventually("it is there", async || world.find("live").await.is_some()).await;
    assert_eq!(read::<1>(&world, "live", 0).await, ([0], 1));
    world.notes.open(2);
    assert_eq!(read::<2>(&world, "live", 1).await, ([1, 2], 3));
    let late = world.resonate.stream::<u32>("live").from(2);
    world.notes.open(2);
    let late: Vec<_> = in_time(late.collect::<Vec<_>>()).await;
    let late: Vec<_> = late.into_iter().map(Result::unwrap).collect();
    assert_eq!(late, [2, 3]);
    assert_eq!(counting.await.unwrap().unwrap().unwrap(), 4);
    // It stays when the execution has settled, and ends at its end.
    let all = world.resonate.stream::<u32>("live");
    let all: Vec<_> = in_time(all.map(Result::unwrap).collect()).await;
    assert_eq!(all, [0, 1, 2, 3]);
    let mut beyond = world.resonate.stream::<u32>("live").from(9);
    assert!(in_time(beyond.next()).await.is_none());
    let mut unknown = world.resonate.stream::<u32>("nobody");
    let error = in_time(unknown.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(in_time(unknown.next()).await.is_none());
}

#[durable(service = "feeds")]
async fn says_twice() -> Result<u32> {
    emit("begins");
    progress(1, 2);
    let attempt = execution().attempt();
    note(format_args!("attempt {attempt}"));
    if attempt == 1 {
        return Err(Error::new("once more"));
    }
    step(|| async { Ok::<_, Error>(1) }).await?;
    emit("goes on");
    sleep(millis(20)).await;
    emit("ends");
    progress(2, 2);
    Ok(attempt)
}

#[tokio::test]
async fn an_item_is_there_once_whatever_is_replayed_or_tried_again() {
    let world = World::serving(&["feeds"]).await;
    let first = world.resonate.clone();
    assert_eq!(world.call(says_twice().id("twice")).await.unwrap(), 2);
    let items = first.stream::<String>("twice");
    let items: Vec<_> = in_time(items.map(Result::unwrap).collect()).await;
    assert_eq!(items, ["begins", "goes on", "ends"]);
    let found = world.find("twice").await.unwrap();
    assert_eq!(found.progress(), Some((2, 2)));
}

#[durable(service = "feeds")]
async fn emits_in_a_step() -> Result<u32> {
    step(|| async {
        emit(&1);
        Ok::<_, Error>(1)
    })
    .await
}

#[durable(service = "feeds")]
async fn emits_too_much() -> Result<u32> {
    emit(&"x".repeat(100_000));
    Ok(1)
}

#[tokio::test]
async fn what_cannot_be_emitted_says_where_and_why() {
    let world = World::serving(&["feeds"]).await;
    let error = world.call(emits_in_a_step().id("step")).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`emit`") && text.contains("feeds.rs"),
        "{text}"
    );
    let outside = std::panic::catch_unwind(|| emit(&1)).unwrap_err();
    let outside = outside.downcast::<String>().unwrap();
    assert!(
        outside.contains("`emit` at tests/it/feeds.rs") && outside.contains("outside of a durable"),
        "{outside}"
    );
    let error = world.call(emits_too_much().id("large")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.message().contains("65536"), "{error}");
}

#[durable(service = "feeds")]
async fn goes_round(round: u32) -> Result<u32> {
    emit(&round);
    let mut inbox = inbox::<u32>();
    let read = inbox.recv().await?;
    // The next message comes to this one while the step runs, and is not read in this round.
    assert!(futures::poll!(Box::pin(inbox.recv())).is_pending());
    step(|| async { Ok::<_, Error>(1) }).await?;
    note(format_args!("{round} reads {read}"));
    if read < 3 {
        return continue_as(goes_round(round + 1)).await;
    }
    Ok(round)
}

#[tokio::test]
async fn offsets_and_unread_messages_go_on_in_the_next_generation() {
    let world = World::serving(&["feeds"]).await;
    let going = world.begin(goes_round(1).id("round"));
    eventually("it is there", async || world.find("round").await.is_some()).await;
    for message in [1u32, 2, 3] {
        world.resonate.send("round", &message).await.unwrap();
    }
    assert_eq!(in_time(going).await.unwrap().unwrap().unwrap(), 3);
    let items = world.resonate.stream::<u32>("round");
    let items: Vec<_> = in_time(items.map(Result::unwrap).collect()).await;
    assert_eq!(items, [1, 2, 3]);
    let lines = world.notes.lines();
    let reads = |line: &&String| line.contains(" reads ");
    assert_eq!(lines.iter().filter(reads).count(), 3, "{lines:?}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Word {
    text: String,
}

#[durable(service = "feeds")]
async fn listens(words: usize) -> Result<Vec<String>> {
    let (mut inbox, mut heard) = (inbox::<Word>(), Vec::new());
    while heard.len() < words {
        match inbox.recv().await {
            Ok(word) => heard.push(word.text),
            Err(error) => heard.push(format!("{:?} at {:?}", error.kind(), error.promise())),
        }
    }
    Ok(heard)
}

#[durable(service = "feeds")]
async fn speaks(to: String) -> Result<()> {
    let word = |text: &str| Word { text: text.into() };
    send(&to, &word("from a function")).await?;
    let error = send("nobody", &word("lost")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    Ok(())
}

#[tokio::test]
async fn messages_come_once_in_their_order_to_who_waits_for_them() {
    let world = World::serving(&["feeds"]).await;
    let listening = world.begin(listens(5).id("listener"));
    world.until_state("listener", "suspended").await;
    let word = |text: &str| Word { text: text.into() };
    let here = &world.resonate;
    here.send_once("listener", "1", &word("one")).await.unwrap();
    here.send_once("listener", "1", &word("one")).await.unwrap();
    here.send("listener", &7u32).await.unwrap();
    here.send("listener", &word("two")).await.unwrap();
    world
        .call(speaks("listener".into()).id("speaker"))
        .await
        .unwrap();
    here.send("listener", &word("three")).await.unwrap();
    let heard = in_time(listening).await.unwrap().unwrap().unwrap();
    let undecodable = "Decode at Some(\"listener.inbox-1\")";
    assert_eq!(
        heard,
        ["one", undecodable, "two", "from a function", "three"]
    );
    let error = here.send("listener", &word("late")).await.unwrap_err();
    assert!(error.to_string().contains("resolved already"), "{error}");
    let error = here.send("nobody", &word("lost")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_inbox_is_full_at_some_point_and_says_so() {
    let world = World::serving(&["feeds"]).await;
    let _waits = world.begin(counts(1).id("full"));
    eventually("it is there", async || world.find("full").await.is_some()).await;
    let half = "x".repeat(1_000_000);
    for _ in 0..4 {
        world.resonate.send("full", &half).await.unwrap();
    }
    let error = world.resonate.send("full", &half).await.unwrap_err();
    assert!(error.to_string().contains("its inbox is full"), "{error}");
    world.notes.open(1);
}

#[durable(service = "feeds")]
async fn races() -> Result<Vec<u32>> {
    let (mut inbox, mut seen) = (inbox::<u32>(), Vec::new());
    loop {
        select! {
            message = inbox.recv() => seen.push(message?),
            () = sleep(millis(5)) => note("later"),
        }
        if seen.len() == 20 {
            return Ok(seen);
        }
    }
}

#[tokio::test]
async fn no_message_is_lost_to_a_receive_that_loses_a_race() {
    let world = World::serving(&["feeds"]).await;
    let racing = world.begin(races().id("races"));
    eventually("it is there", async || world.find("races").await.is_some()).await;
    for n in 0..20u32 {
        world.resonate.send("races", &n).await.unwrap();
        tokio::time::sleep(millis(u64::from(n % 4) * 2)).await;
    }
    let seen = in_time(racing).await.unwrap().unwrap().unwrap();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
}

static LOOKS: AtomicU32 = AtomicU32::new(0);

#[durable(service = "feeds")]
async fn looks() -> Result<u32> {
    let seen = poll_until(millis(5), || async {
        let looks = LOOKS.fetch_add(1, Ordering::Relaxed) + 1;
        (looks == 20).then_some(looks)
    })
    .await?;
    let raced = select! {
        never = poll_until(millis(5), || async { None::<u32> }) => never?,
        () = sleep(millis(20)) => 0,
    };
    Ok(seen + raced)
}

#[tokio::test]
async fn what_is_looked_for_again_and_again_leaves_one_record() {
    let world = World::serving(&["feeds"]).await;
    assert_eq!(world.call(looks().id("looks")).await.unwrap(), 20);
    let tree = world.tree("looks").await;
    let ids: Vec<_> = tree.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["looks", "looks.poll_until", "looks.sleep"]);
}
