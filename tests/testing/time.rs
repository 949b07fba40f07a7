//! Time is virtual, and what is mocked is what runs.

use std::sync::atomic::{AtomicU64, Ordering};

use resonate::{prelude::*, testing::World};

#[durable(service = "mail")]
async fn send(to: &str, text: &str) -> Result<u32>;

#[durable(service = "mail")]
async fn opened() -> u32 {
    1
}

#[durable]
async fn remind(customer: String) -> Result<u32> {
    let mut sent = 0;
    for month in 1..=12 {
        sleep(days(30)).await;
        sent += send(&customer, &format!("reminder {month}")).await?;
    }
    Ok(sent)
}

#[durable]
async fn approval() -> Result<bool> {
    Ok(promise::<bool>("approval")
        .timeout(days(2))
        .await
        .unwrap_or(false))
}

#[resonate::test]
async fn a_year_takes_no_time(world: World) {
    world.mock(&send("", ""), |(to, _): (String, String)| async move {
        assert_eq!(to, "ada");
        Ok(2)
    });
    let began = world.now();
    assert_eq!(remind("ada".into()).id("ada").await.unwrap(), 24);
    assert!(
        world.elapsed() >= days(360) && world.elapsed() < days(361),
        "{:?}",
        world.elapsed()
    );
    assert_eq!(began.until(world.now()), world.elapsed());
    assert_eq!(world.runs("mail/send"), 12);
}

#[resonate::test]
async fn a_function_without_parameters_is_mocked(world: World) -> Result<()> {
    assert_eq!(opened().id("1").await, 1);
    world.mock(&opened(), |()| async { 2 });
    assert_eq!(opened().id("2").await, 2);
    Ok(())
}

#[resonate::test]
async fn what_is_only_declared_says_that_it_needs_a_mock() {
    let error = send("ada", "hello").id("1").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("mail/send@1 is only declared in this program; say with `world.mock(..)`"),
        "{error}"
    );
}

#[resonate::test]
async fn a_promise_is_settled_by_the_test_or_times_out(world: World) -> Result<()> {
    let resolve = async {
        world.advance(days(1)).await;
        world.resonate().resolve("order-1.approval", &true).await
    };
    let (approved, settled) = resonate::join!(approval().id("order-1"), resolve);
    assert!(approved? && settled?);
    assert!(!approval().id("order-2").await?);
    assert!(world.elapsed() >= days(3));
    Ok(())
}

#[resonate::test]
async fn what_was_written_survives_server_and_workers(world: World) -> Result<()> {
    let crash = async {
        world.advance(hours(1)).await;
        world.crash_server();
        world.kill_workers();
    };
    let (approved, ()) = resonate::join!(approval().id("order-1"), crash);
    assert!(!approved?);
    let tree = world.resonate().tree("order-1").await?;
    assert_eq!(tree.len(), 2);
    Ok(())
}

fn with_a_greeting(builder: resonate::Builder) -> resonate::Builder {
    builder.provide("hello".to_owned())
}

#[durable]
async fn greeting() -> String {
    state::<String>().to_string()
}

#[resonate::test(setup = with_a_greeting, workers = 1)]
async fn functions_get_what_the_setup_provides() {
    assert_eq!(greeting().id("1").await, "hello");
}

static LOOKS: AtomicU64 = AtomicU64::new(0);

#[durable]
async fn looks_for_a_year() -> Result<u64> {
    let began = now();
    let looks = poll_until(hours(1), || async {
        // A body that waits for an hour does not stay in memory: what it counted would be gone.
        let looks = LOOKS.fetch_add(1, Ordering::Relaxed) + 1;
        (looks == 365 * 24).then_some(looks)
    })
    .await?;
    label("took", began.until(now()).as_secs() / 86_400);
    Ok(looks)
}

#[resonate::test(workers = 1)]
async fn a_look_each_hour_of_a_year_leaves_one_record(world: World) -> Result<()> {
    assert_eq!(looks_for_a_year().id("year").await?, 8_760);
    assert!(world.elapsed() >= days(364), "{:?}", world.elapsed());
    let tree = world.resonate().tree("year").await?;
    let ids: Vec<_> = tree.iter().map(resonate::Found::id).collect();
    assert_eq!(ids, ["year", "year.poll_until"]);
    Ok(())
}
