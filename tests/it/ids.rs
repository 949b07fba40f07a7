//! Ids that read like the code, and what is the same in every replay: time, chance, labels.

use std::collections::BTreeSet;

use resonate::{Search, is_replaying, prelude::*};

use crate::world::{World, millis, note};

#[durable(service = "ids")]
async fn ship(item: &str) -> usize {
    item.len()
}

#[durable(service = "ids_far", name = "ship")]
async fn ship_far(item: &str) -> usize {
    item.len()
}

#[durable(service = "ids")]
async fn checkout() -> Result<usize> {
    let mut shipped = ship("a").await;
    shipped += step(|| async { Ok::<_, Error>(1) }).label("quote").await?;
    shipped += ship("b").remote().await;
    sleep(millis(1)).await;
    shipped += ship_far("c").await;
    let _late = timeout(millis(1), promise::<()>("approval")).await;
    shipped += nested().await;
    Ok(shipped)
}

#[durable(service = "ids")]
async fn nested() -> usize {
    ship("d").await + ship("e").await
}

#[tokio::test]
async fn ids_read_like_the_code() {
    let world = World::serving(&["ids"]).await;
    let _far = world.join(&["ids_far"]).await;
    assert_eq!(world.call(checkout().id("order-42")).await.unwrap(), 6);
    let ids: Vec<_> = world
        .tree("order-42")
        .await
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    let expected = [
        "order-42",
        "order-42.ship",
        "order-42.quote",
        "order-42.ship-1",
        "order-42.sleep",
        "order-42.ship-2",
        "order-42.approval",
        "order-42.timeout",
        "order-42.nested",
    ];
    assert_eq!(ids[..9], expected);
    assert_eq!(
        BTreeSet::from_iter(&ids[9..]),
        BTreeSet::from_iter(
            ["order-42.nested.ship", "order-42.nested.ship-1"]
                .map(String::from)
                .iter()
        )
    );
}

#[durable(service = "ids")]
async fn digs(left: u32) -> Result<String> {
    if left == 0 {
        Ok(resonate::execution().id().to_owned())
    } else {
        digs(left - 1).await
    }
}

#[tokio::test]
async fn an_id_that_would_be_too_long_is_its_root_and_a_hash() {
    let world = World::serving(&["ids"]).await;
    let root = "r".repeat(150);
    let short = world.call(digs(8).id(root.as_str())).await.unwrap();
    assert_eq!(short, format!("{root}{}", ".digs".repeat(8)));
    let root = "s".repeat(150);
    let long = world.call(digs(20).id(root.as_str())).await.unwrap();
    assert!(
        long.starts_with(&format!("{root}.~h")) && long.len() <= 200,
        "{long}"
    );
}

/// What an execution is told, before and after it waited.
fn told() -> String {
    let kind = if is_replaying() { "replayed" } else { "new" };
    format!(
        "{kind} {} {} {} {}",
        now().as_millis(),
        random(),
        uuid(),
        random()
    )
}

#[durable(service = "ids")]
async fn draws(rounds: u32) -> Result<Vec<String>> {
    let mut all = vec![told()];
    for round in 0..rounds {
        promise::<()>(format!("go{round}")).await?;
        all.push(told());
    }
    let drawn = step(|| async { Ok::<_, Error>((random(), uuid())) }).await?;
    all.push(format!("step 0 {} {}", drawn.0, drawn.1));
    all.iter().for_each(note);
    Ok(all)
}

fn without_kind(line: &str) -> &str {
    line.split_once(' ').unwrap().1
}

#[tokio::test]
async fn time_and_chance_are_the_same_in_every_replay() {
    let world = World::serving(&[]).await;
    let running = world.begin(draws(3).id("draws"));
    let mut worker = world.join(&["ids"]).await;
    for round in 0..3 {
        world
            .until_state(&format!("draws.go{round}"), "pending")
            .await;
        world.until_state("draws", "suspended").await;
        worker.shutdown().await;
        world
            .resonate
            .resolve(format!("draws.go{round}"), &())
            .await
            .unwrap();
        worker = world.join(&["ids"]).await;
    }
    let last = running.await.unwrap().unwrap().unwrap();
    let warm = world.begin(draws(3).id("warm"));
    for round in 0..3 {
        world
            .until_state(&format!("warm.go{round}"), "pending")
            .await;
        world
            .resonate
            .resolve(format!("warm.go{round}"), &())
            .await
            .unwrap();
    }
    let other = warm.await.unwrap().unwrap().unwrap();
    assert!(
        last[0].starts_with("replayed") && last[1].starts_with("replayed"),
        "{last:?}"
    );
    assert!(
        other.iter().take(4).all(|line| line.starts_with("new")),
        "{other:?}"
    );
    let numbers: BTreeSet<_> = last
        .iter()
        .chain(&other)
        .flat_map(|line| line.split(' ').skip(2))
        .collect();
    assert_eq!(
        numbers.len(),
        2 * (4 * 3 + 2),
        "every number is its own: {last:?} {other:?}"
    );
    let again = world.call(draws(3).id("draws")).await.unwrap();
    assert_eq!(again, last);
}

#[durable(service = "ids")]
async fn notes_what_it_is_told() -> Result<()> {
    note(without_kind(&told()));
    promise::<()>("go").await?;
    note(without_kind(&told()));
    promise::<()>("end").await
}

#[tokio::test]
async fn an_attempt_is_told_what_the_one_before_was_told() {
    let world = World::serving(&[]).await;
    let first = world.join(&["ids"]).await;
    let running = world.begin(notes_what_it_is_told().id("told"));
    world.until_state("told", "suspended").await;
    world.resonate.resolve("told.go", &()).await.unwrap();
    world.until_state("told.end", "pending").await;
    world.until_state("told", "suspended").await;
    first.shutdown().await;
    let _second = world.join(&["ids"]).await;
    world.resonate.resolve("told.end", &()).await.unwrap();
    running.await.unwrap().unwrap().unwrap();
    let lines = world.notes.lines();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[..2], lines[2..]);
    assert_ne!(lines[0], lines[1]);
}

#[durable(service = "ids")]
async fn gives_a_uuid() -> String {
    uuid()
}

#[tokio::test]
async fn a_uuid_looks_like_one() {
    let world = World::serving(&["ids"]).await;
    let uuid = world.call(gives_a_uuid().id("uuid")).await;
    let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
    assert!(
        uuid.chars().all(|c| c == '-' || c.is_ascii_hexdigit()),
        "{uuid}"
    );
    assert_eq!(&uuid[14..15], "8");
}

#[durable(service = "ids")]
async fn labels_itself(customer: u32) -> Result<()> {
    label("customer", customer);
    label("phase", "waiting");
    promise::<()>("go").await?;
    label("phase", "done");
    ship("x").label("parcel", customer + 1).remote().await;
    Ok(())
}

#[durable(service = "ids")]
async fn labels_badly() -> Result<()> {
    label("a b", 1);
    Ok(())
}

#[tokio::test]
async fn labels_are_found_and_the_latest_stands() {
    let world = World::serving(&["ids"]).await;
    let running = world.begin(labels_itself(42).label("by", "test").id("labels"));
    world.until_state("labels", "suspended").await;
    let labels = async |id: &str| format!("{:?}", world.find(id).await.unwrap().labels());
    assert_eq!(
        labels("labels").await,
        r#"{"by": "test", "customer": "42", "phase": "waiting"}"#
    );
    world.resonate.resolve("labels.go", &()).await.unwrap();
    running.await.unwrap().unwrap().unwrap();
    assert_eq!(
        labels("labels").await,
        r#"{"by": "test", "customer": "42", "phase": "done"}"#
    );
    assert_eq!(labels("labels.ship").await, r#"{"parcel": "43"}"#);
    let error = world.call(labels_badly().id("bad")).await.unwrap_err();
    assert!(
        error.message().starts_with("the label \"a b\" is no name"),
        "{error}"
    );
}

#[tokio::test]
async fn a_search_finds_by_state_function_prefix_and_root() {
    let world = World::serving(&["ids"]).await;
    for n in 0..3 {
        world.call(nested().id(format!("found-{n}"))).await;
    }
    let ids = async |search: Search| {
        let found = world.resonate.search(search).await.unwrap();
        found
            .iter()
            .map(|found| found.id().to_owned())
            .collect::<BTreeSet<_>>()
    };
    let set = |ids: &[&str]| {
        ids.iter()
            .map(|id| (*id).to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        ids(Search::new().prefix("found-").roots()).await,
        set(&["found-0", "found-1", "found-2"])
    );
    assert_eq!(
        ids(Search::new().prefix("found-1.")).await,
        set(&["found-1.ship", "found-1.ship-1"])
    );
    assert_eq!(
        ids(Search::new().function("ids/ship").state("resolved"))
            .await
            .len(),
        6
    );
    assert_eq!(ids(Search::new().limit(2)).await.len(), 2);
    assert_eq!(ids(Search::new().state("halted")).await.len(), 0);
    let error = world
        .resonate
        .search(Search::new().state("odd"))
        .await
        .unwrap_err();
    assert!(
        error
            .message()
            .starts_with("there is no state \"odd\"; there are pending"),
        "{error}"
    );
}
