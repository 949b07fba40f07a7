//! Many calls at once: windows and policies of `map`, the first of a `race`, all of a `join_all`, whatever crashes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use resonate::{Why, prelude::*, testing::World};

/// What is under way, and the most that ever was.
#[derive(Clone, Default)]
struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    async fn hold(&self, millis: u64) {
        let now = self.0.0.fetch_add(1, Relaxed) + 1;
        self.0.1.fetch_max(now, Relaxed);
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
        self.0.0.fetch_sub(1, Relaxed);
    }

    fn most(&self) -> usize {
        self.0.1.load(Relaxed)
    }
}

#[durable(service = "fan")]
async fn double(n: u64) -> Result<u64> {
    Ok(2 * n)
}

/// Also the error of a failure of ours.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Wrong(String);

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self(error.message().to_owned())
    }
}

#[durable(service = "fan")]
async fn small(n: u64) -> Result<u64, Wrong> {
    if n < 3 {
        Ok(n)
    } else {
        Err(Wrong(format!("{n} is large")))
    }
}

#[durable(service = "fan")]
async fn wait(hours_to_wait: u64) -> Result<u64> {
    sleep(hours(hours_to_wait)).await;
    Ok(hours_to_wait)
}

#[durable(service = "fan")]
async fn doubled(count: u64, window: usize) -> Result<u64> {
    let doubled = map(0..count, |n| double(n)).concurrency(window).await?;
    assert!(doubled.is_sorted());
    Ok(doubled.iter().sum())
}

#[durable(service = "fan")]
async fn first_large(count: u64) -> Result<Vec<u64>, Wrong> {
    map(0..count, |n| small(n)).concurrency(2).await
}

#[durable(service = "fan")]
async fn enough(wanted: usize, of: Vec<u64>) -> Result<Vec<u64>> {
    map(&of, |n| wait(*n)).min_success(wanted).await
}

#[durable(service = "fan")]
async fn tolerant(tolerated: usize) -> (Vec<Option<bool>>, String) {
    let outcome = map(0..6, |n| small(n))
        .tolerate(tolerated)
        .concurrency(1)
        .outcome()
        .await;
    let results = outcome
        .results
        .iter()
        .map(|one| one.as_ref().map(Result::is_ok));
    (results.collect(), format!("{:?}", outcome.why))
}

#[durable(service = "fan")]
async fn impossible() -> Result<usize, Wrong> {
    Ok(map(0..5, |n| small(n)).min_success(4).await?.len())
}

#[durable(service = "fan")]
async fn too_few() -> Result<usize, Wrong> {
    Ok(map(0..2, |n| small(n)).min_success(4).await?.len())
}

#[durable(service = "fan")]
async fn fastest(of: Vec<u64>) -> Result<u64> {
    race(of.iter().map(|n| wait(*n))).await
}

#[durable(service = "fan")]
async fn all(of: Vec<u64>) -> Vec<bool> {
    let ended = join_all(of.iter().map(|n| small(*n))).await;
    ended.iter().map(Result::is_ok).collect()
}

#[durable(service = "fan")]
async fn nobody() -> Result<u64> {
    race(Vec::<Call<Result<u64>>>::new()).await
}

#[resonate::test]
async fn a_map_keeps_the_order_and_its_window(world: World) -> Result<()> {
    let gauge = Gauge::default();
    let held = gauge.clone();
    world.mock(&double(0), move |(n,): (u64,)| {
        let gauge = held.clone();
        async move {
            gauge.hold(1 + n * 7 % 5).await;
            Ok(2 * n)
        }
    });
    assert_eq!(doubled(50, 4).id("1").await?, 2 * 49 * 50 / 2);
    assert_eq!(gauge.most(), 4);
    assert_eq!(world.runs("fan/double"), 50);
    Ok(())
}

#[resonate::test(crash_everywhere)]
async fn a_map_survives_a_crash_at_every_turn() -> Result<()> {
    assert_eq!(doubled(6, 2).id("1").await?, 30);
    Ok(())
}

#[resonate::test]
async fn the_first_failure_ends_a_map(world: World) {
    let failed = first_large(100).id("1").await;
    assert_eq!(failed, Err(Wrong("3 is large".to_owned())));
    assert!(world.runs("fan/small") < 8, "{}", world.runs("fan/small"));
}

#[resonate::test]
async fn enough_successes_end_a_map_and_cancel_the_rest(world: World) -> Result<()> {
    assert_eq!(enough(2, vec![30, 20, 10, 40]).id("1").await?, [20, 10]);
    assert!(
        world.elapsed() >= hours(20) && world.elapsed() < hours(21),
        "{:?}",
        world.elapsed()
    );
    world.advance(hours(1)).await;
    let tree = world.resonate().tree("1").await?;
    let states = tree
        .iter()
        .filter(|found| found.id().matches('.').count() == 1);
    assert_eq!(
        states.map(|found| found.state()).collect::<Vec<_>>(),
        ["canceled", "resolved", "resolved", "canceled"]
    );
    Ok(())
}

#[resonate::test]
async fn failures_are_tolerated_up_to_a_number() {
    let (results, why) = tolerant(2).id("1").await;
    let failed = [
        Some(true),
        Some(true),
        Some(true),
        Some(false),
        Some(false),
        Some(false),
    ];
    assert_eq!(
        (results.as_slice(), why.as_str()),
        (failed.as_slice(), "TooManyFailures")
    );
    let (results, why) = tolerant(3).id("2").await;
    assert_eq!(
        (results.as_slice(), why),
        (failed.as_slice(), format!("{:?}", Why::All))
    );
    assert_eq!(tolerant(0).id("3").await.0.len(), 4);
}

#[resonate::test]
async fn what_cannot_succeed_any_more_fails_with_the_first_error() {
    assert_eq!(
        impossible().id("1").await,
        Err(Wrong("3 is large".to_owned()))
    );
    let said = too_few().id("2").await.unwrap_err().0;
    assert_eq!(
        said,
        "4 calls of a `map` were to succeed, and there were only 2"
    );
}

#[resonate::test(crash_everywhere)]
async fn the_fastest_wins_a_race_and_the_others_are_canceled(world: World) -> Result<()> {
    assert_eq!(fastest(vec![3, 1, 2]).id("1").await?, 1);
    assert!(world.elapsed() < hours(2));
    Ok(())
}

#[resonate::test]
async fn a_race_of_nothing_is_an_error_and_a_join_of_nothing_is_empty() {
    let error = nobody().id("1").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a `race` of nothing has no winner"),
        "{error}"
    );
    assert!(all(vec![]).id("2").await.is_empty());
    assert_eq!(all(vec![1, 9, 2]).id("3").await, [true, false, true]);
}

#[resonate::test]
async fn who_waits_for_a_map_is_put_aside_at_once(world: World) -> Result<()> {
    let looking = async {
        world.advance(seconds(5)).await;
        let found = world.resonate().find("1").await?.expect("it has begun");
        assert_eq!(found.task_state(), Some("suspended"));
        Ok::<_, Error>(())
    };
    let (got, looked) = resonate::join!(enough(1, vec![10, 20]).id("1"), looking);
    looked?;
    assert_eq!(got?, [10]);
    Ok(())
}

/// Far more than fit a window, or a page.
#[resonate::test]
async fn ten_thousand_items_go_through_a_window_of_ten() -> Result<()> {
    assert_eq!(doubled(10_000, 10).id("1").await?, 99_990_000);
    Ok(())
}
