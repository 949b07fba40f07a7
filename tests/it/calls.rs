//! Calls: what goes in and comes out, where they run, and which id is which execution.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use resonate::prelude::*;
use tokio::time::Instant;

use crate::world::{World, millis, note, notes};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Item {
    Book { title: String },
    Parcels(u32),
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    items: Vec<Item>,
    note: Option<String>,
    cents: BTreeMap<String, i64>,
}

#[derive(Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

fn order() -> Order {
    let items = vec![
        Item::Book {
            title: "größe \"7\"".to_owned(),
        },
        Item::Parcels(3),
        Item::Nothing,
    ];
    let cents = BTreeMap::from([("EUR".to_owned(), -1200), (String::new(), i64::MAX)]);
    Order {
        id: u64::MAX,
        items,
        note: None,
        cents,
    }
}

#[durable(service = "calls")]
async fn by_value(
    order: Order,
    pair: (u8, char),
    flag: bool,
    nothing: (),
) -> (Order, (u8, char), bool, ()) {
    (order, pair, flag, nothing)
}

#[durable(service = "calls")]
async fn by_reference(
    name: &str,
    numbers: &[i64],
    order: &Order,
    more: &Option<Vec<String>>,
) -> Result<String> {
    Ok(format!("{name} {numbers:?} {} {more:?}", order.id))
}

#[durable(service = "calls")]
async fn by_pattern(
    (a, b): (i32, i32),
    Point { x, y }: Point,
    mut n: i32,
    _: u8,
    [first, ..]: [i32; 3],
) -> i32 {
    n += a * b;
    n * 1000 + x * 100 + y * 10 + first
}

#[durable(service = "calls")]
async fn everything(order: Order) -> Result<(String, i32)> {
    let (mut again, pair, flag, ()) = by_value(order.clone(), (1, 'ß'), true, ()).await;
    assert_eq!((&again, pair, flag), (&order, (1, 'ß'), true));
    again.id = 7;
    let name = String::from("borrowed");
    let here = by_reference(&name, &[1, -2], &again, &Some(vec![name.clone()])).await?;
    let there = by_reference(&name, &[1, -2], &again, &Some(vec![name.clone()]))
        .remote()
        .await?;
    assert_eq!(here, there);
    Ok((
        here,
        by_pattern((2, 3), Point { x: 4, y: 5 }, 1, 0, [6, 0, 0])
            .remote()
            .await,
    ))
}

#[tokio::test]
async fn arguments_and_results_arrive_as_they_were_given() {
    let world = World::serving(&["calls"]).await;
    let (text, number) = world.call(everything(order()).id("inside")).await.unwrap();
    assert_eq!(text, r#"borrowed [1, -2] 7 Some(["borrowed"])"#);
    assert_eq!(number, 7456);
    let outside = world
        .call(by_value(order(), (1, 'x'), false, ()).id("outside"))
        .await;
    assert_eq!(outside, (order(), (1, 'x'), false, ()));
    let pattern = by_pattern((2, 3), Point { x: 4, y: 5 }, 1, 0, [6, 0, 0]);
    assert_eq!(world.call(pattern.id("pattern")).await, 7456);
}

#[durable(service = "calls")]
async fn fibonacci(n: u64) -> u64 {
    if n < 2 {
        n
    } else {
        fibonacci(n - 1).await + fibonacci(n - 2).await
    }
}

#[durable(service = "calls")]
async fn depth(left: u32) -> Result<u32> {
    if left == 0 {
        Ok(0)
    } else {
        Ok(1 + depth(left - 1).remote().await?)
    }
}

#[tokio::test]
async fn recursion_needs_nothing_special() {
    let world = World::serving(&["calls"]).await;
    assert_eq!(world.call(fibonacci(9).id("fibonacci")).await, 34);
}

#[tokio::test]
async fn callers_that_wait_hold_no_place() {
    let world = World::with(&["calls"], |builder| builder.concurrency(1)).await;
    assert_eq!(world.call(depth(12).id("deep")).await.unwrap(), 12);
}

#[durable(service = "calls")]
async fn doubled(n: u64) -> u64 {
    note(format_args!("doubled {n}"));
    n * 2
}

#[durable(service = "calls")]
async fn doubled_under(id: String, n: u64) -> Result<u64> {
    doubled(n).id(id).result().await
}

#[tokio::test]
async fn the_same_id_is_the_same_execution() {
    let world = World::serving(&["calls"]).await;
    let other = world.join(&["calls"]).await;
    let (here, there) = tokio::join!(
        world.call(doubled(4).id("once")),
        other.call(doubled(4).id("once"))
    );
    assert_eq!((here, there), (8, 8));
    assert_eq!(world.call(doubled(4).id("once")).await, 8);
    assert_eq!(
        world
            .call(doubled_under("once".to_owned(), 4).id("caller"))
            .await
            .unwrap(),
        8
    );
    assert_eq!(world.notes.count("doubled 4"), 1);
}

#[tokio::test]
async fn the_same_id_for_another_call_is_refused_with_both_sides() {
    let world = World::serving(&["calls"]).await;
    world.call(doubled(4).id("taken")).await;
    let arguments = world.result(doubled(5).id("taken")).await.unwrap_err();
    assert_eq!(
        (arguments.kind(), arguments.promise()),
        (ErrorKind::AlreadyExists, Some("taken"))
    );
    let text = arguments.to_string();
    assert!(
        text.starts_with("the id `taken` belongs to calls/doubled@1 with arguments of "),
        "{text}"
    );
    assert!(
        text.contains("this is calls/doubled@1 with arguments of "),
        "{text}"
    );
    assert!(text.ends_with("choose another id"), "{text}");
    let function = world.result(fibonacci(4).id("taken")).await.unwrap_err();
    assert_eq!(
        function.to_string(),
        "the id `taken` belongs to calls/doubled@1 already, this is calls/fibonacci@1; choose another id"
    );
    let inside = world
        .call(doubled_under("taken".to_owned(), 5).id("caller"))
        .await
        .unwrap_err();
    assert_eq!(inside.kind(), ErrorKind::AlreadyExists);
    assert_eq!(inside.message(), arguments.message());
    assert_eq!(world.notes.count("doubled 5"), 0);
}

#[tokio::test]
async fn a_call_outside_without_an_id_is_refused_with_its_place() {
    let (call, line) = (doubled(1), line!());
    let error = call.result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misused);
    let place = format!(
        "the call of calls/doubled@1 at {}:{line} is outside of a durable function and has no id",
        file!()
    );
    assert!(error.to_string().starts_with(&place), "{error}");
}

#[tokio::test]
async fn a_call_outside_that_has_no_place_for_its_error_panics_with_it() {
    let panicked = tokio::spawn(async { doubled(1).await }).await.unwrap_err();
    let panic = panicked.into_panic();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("has no id; write `.id(\"..\")`"), "{text}");
}

#[durable(service = "calls")]
async fn spawns_a_task() -> Result<String> {
    let from_a_task = tokio::spawn(doubled(1).result()).await?;
    Ok(from_a_task.unwrap_err().to_string())
}

#[tokio::test]
async fn a_call_from_a_task_that_a_function_spawned_is_refused() {
    let world = World::serving(&["calls"]).await;
    let text = world.call(spawns_a_task().id("spawns")).await.unwrap();
    assert!(
        text.contains("if this is a task that a durable function has spawned"),
        "{text}"
    );
}

#[durable(service = "calls_nowhere")]
async fn elsewhere(n: u64) -> Result<u64>;

#[durable(service = "calls")]
async fn insists() -> Result<u64> {
    elsewhere(1).local().await
}

#[tokio::test]
async fn a_function_that_must_run_here_and_is_not_here_is_told_apart() {
    let world = World::serving(&["calls"]).await;
    let error = world.call(insists().id("insists")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.promise()),
        (ErrorKind::NoSuchFunction, Some("insists.elsewhere"))
    );
    assert!(
        error
            .message()
            .starts_with("calls_nowhere/elsewhere@1 is called with `.local()`"),
        "{error}"
    );
}

#[durable(service = "calls")]
async fn where_am_i() -> String {
    "calls".to_owned()
}

#[durable(service = "calls_two", name = "where_am_i")]
async fn where_am_i_two() -> String {
    "calls_two".to_owned()
}

#[durable(service = "calls", name = "where_am_i", version = 2)]
async fn where_am_i_second() -> String {
    "version 2".to_owned()
}

#[durable(service = "calls")]
async fn asks_around() -> Vec<String> {
    let _declared = (where_am_i_two(), where_am_i_second());
    vec![
        where_am_i().await,
        where_am_i().on("calls_two").await,
        where_am_i().version(2).await,
    ]
}

#[tokio::test]
async fn a_call_names_its_service_and_function_version() {
    let world = World::serving(&["calls"]).await;
    let _other = world.join(&["calls_two"]).await;
    let found = world.call(asks_around().id("asks")).await;
    assert_eq!(found, ["calls", "calls_two", "version 2"]);
}

#[durable(service = "calls")]
async fn says_it_late() -> Result<String> {
    let mut call = doubled(3);
    let first = futures::poll!(&mut call);
    assert!(first.is_pending());
    Ok(call
        .label("late", 1)
        .result()
        .await
        .unwrap_err()
        .to_string())
}

#[tokio::test]
async fn what_is_said_after_the_first_poll_is_refused() {
    let world = World::serving(&["calls"]).await;
    let text = world.call(says_it_late().id("late")).await.unwrap();
    assert!(text.starts_with("the call has started already"), "{text}");
}

#[durable(service = "calls")]
async fn later() -> (i64, i64) {
    let began = now().as_millis();
    doubled(1).delay(millis(120)).await;
    let delayed = now().as_millis();
    doubled(1).at(now().after(millis(120))).await;
    (delayed - began, now().as_millis() - delayed)
}

#[tokio::test]
async fn a_call_starts_no_earlier_than_it_was_told() {
    let world = World::serving(&["calls"]).await;
    let (delayed, at) = world.call(later().id("later")).await;
    assert!(delayed >= 120 && at >= 120, "{delayed} {at}");
    let asked = Instant::now();
    world.call(doubled(1).delay(millis(120)).id("root")).await;
    assert!(asked.elapsed() >= millis(120), "{:?}", asked.elapsed());
}

/// Ends when two of them run at once.
#[durable(service = "calls")]
async fn meets() -> Result<()> {
    notes().meet().await;
    Ok(())
}

#[durable(service = "calls")]
async fn fans_out() -> Result<usize> {
    Ok(try_join_all((0..4).map(|_| meets())).await?.len())
}

#[tokio::test]
async fn a_fan_out_uses_every_worker_of_the_service() {
    let world = World::with(&["calls"], |builder| builder.concurrency(1)).await;
    let _other = world
        .join_with(&["calls"], |builder| builder.concurrency(1))
        .await;
    assert_eq!(world.call(fans_out().id("wide")).await.unwrap(), 4);
}

#[durable(service = "calls")]
async fn passes(n: u64) -> u64 {
    note(format_args!("passes {n}"));
    notes().pass().await;
    n
}

#[durable(service = "calls")]
async fn spawns() -> Result<(String, u64)> {
    let first = passes(1).spawn();
    let _unwatched = passes(2).spawn();
    drop(passes(3).spawn());
    let id = first.id().unwrap_or_default().to_owned();
    Ok((id, first.await))
}

#[tokio::test]
async fn spawned_calls_run_beside_their_caller_whether_their_handle_is_kept_or_not() {
    let world = World::serving(&["calls"]).await;
    let spawned = world.begin(spawns().id("spawns"));
    for n in 1..=3 {
        world.notes.until(&format!("passes {n}")).await;
    }
    world.notes.open(3);
    assert_eq!(
        spawned.await.unwrap().unwrap().unwrap(),
        ("spawns.passes".to_owned(), 1)
    );
}
