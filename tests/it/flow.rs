//! What a function allows the whole fleet: how many at once, and how often one starts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use resonate::{Builder, prelude::*, testing::World};

/// What runs at once, and the most that ever did.
#[derive(Debug, Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

struct Running(Arc<Gauge>);

impl Gauge {
    fn begin(self: &Arc<Self>) -> Running {
        let now = self.now.fetch_add(1, Relaxed) + 1;
        self.most.fetch_max(now, Relaxed);
        Running(Arc::clone(self))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Relaxed);
    }
}

/// Something that the server does not know of, and that many wait for.
#[derive(Debug, Default)]
struct Gate(tokio::sync::watch::Sender<bool>);

impl Gate {
    fn open(&self) {
        self.0.send_replace(true);
    }

    async fn opened(&self) {
        let opened = self.0.subscribe().wait_for(|open| *open).await.is_ok();
        assert!(opened, "the gate is kept");
    }
}

thread_local! {
    static GAUGE: Arc<Gauge> = Arc::default();
    static GATE: Arc<Gate> = Arc::default();
}

fn gauged(builder: Builder) -> Builder {
    let builder = builder.provide(GAUGE.with(Arc::clone));
    builder.provide(GATE.with(Arc::clone))
}

/// Takes a moment, counted.
async fn be_counted() {
    let _running = state::<Arc<Gauge>>().begin();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
}

fn most() -> usize {
    GAUGE.with(|gauge| gauge.most.load(Relaxed))
}

#[durable(service = "flow", concurrency = 3)]
async fn three_at_once(millis: u64) -> Result<u64> {
    let _running = state::<Arc<Gauge>>().begin();
    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    Ok(millis)
}

#[durable(service = "flow", concurrency = 1)]
async fn waits_alone(hours_to_wait: u64) -> Result<u64> {
    sleep(hours(hours_to_wait)).await;
    Ok(hours_to_wait)
}

#[durable(service = "flow", concurrency = 1)]
async fn goes_on_when_the_gate_opens() -> Result<()> {
    let gate = state::<Arc<Gate>>();
    resonate::select! {
        () = gate.opened() => {}
        never = promise::<()>("never") => never?,
    }
    be_counted().await;
    Ok(())
}

#[durable(service = "flow", rate_limit = "2/s")]
async fn two_a_second() -> Result<()> {
    Ok(())
}

#[durable(service = "flow")]
async fn all_of(count: u64) -> Result<u64> {
    let done = map(0..count, |n| three_at_once(100 + n)).await?;
    Ok(done.iter().sum())
}

#[durable(service = "flow")]
async fn waiters(count: u64) -> Result<usize> {
    Ok(map(0..count, |_| waits_alone(1)).await?.len())
}

#[durable(service = "flow")]
async fn starts(count: u64) -> Result<usize> {
    Ok(map(0..count, |_| two_a_second()).await?.len())
}

#[resonate::test(setup = gauged, workers = 4)]
async fn no_more_run_at_once_than_the_function_allows(world: World) -> Result<()> {
    assert_eq!(all_of(20).id("1").await?, 20 * 100 + 190);
    assert_eq!(most(), 3);
    // 20 of more than 100 ms by three are seven times that.
    assert!(
        world.elapsed() >= std::time::Duration::from_millis(700),
        "{:?}",
        world.elapsed()
    );
    Ok(())
}

#[resonate::test(setup = gauged, crash_randomly = 20, workers = 3)]
async fn no_more_run_at_once_whatever_crashes(world: World) -> Result<()> {
    assert_eq!(all_of(10).id("1").await?, 10 * 100 + 45);
    assert!(most() <= 3, "{}", most());
    assert!(world.runs("flow/three_at_once") >= 10);
    Ok(())
}

#[resonate::test]
async fn who_waits_counts_for_nobody(world: World) -> Result<()> {
    assert_eq!(waiters(5).id("1").await?, 5);
    assert!(world.elapsed() < hours(2), "{:?}", world.elapsed());
    Ok(())
}

#[resonate::test(setup = gauged, workers = 2)]
async fn who_is_woken_by_something_else_than_a_promise_takes_its_place_again(
    world: World,
) -> Result<()> {
    let open = async {
        // After half a minute each of them is put aside, and the next one begins.
        world.advance(minutes(5)).await;
        GATE.with(|gate| gate.open());
    };
    let (first, second, third, ()) = resonate::join!(
        goes_on_when_the_gate_opens().id("1"),
        goes_on_when_the_gate_opens().id("2"),
        goes_on_when_the_gate_opens().id("3"),
        open,
    );
    first.and(second).and(third)?;
    assert_eq!(most(), 1);
    Ok(())
}

#[resonate::test(workers = 3)]
async fn starts_keep_the_rate(world: World) -> Result<()> {
    assert_eq!(starts(10).id("1").await?, 10);
    let first = world.elapsed();
    // Nothing was saved when it began.
    assert!(first >= seconds(5) && first < seconds(6), "{first:?}");
    world.advance(minutes(1)).await;
    assert_eq!(starts(4).id("2").await?, 4);
    let second = world.elapsed() - first - minutes(1);
    // Two at once were saved meanwhile, and two more come half a second apart.
    assert!(second >= seconds(1) && second < seconds(2), "{second:?}");
    Ok(())
}

#[resonate::test]
async fn a_server_that_comes_back_has_saved_nothing_and_counts_what_runs(
    world: World,
) -> Result<()> {
    let crash = async {
        world.advance(seconds(2)).await;
        world.crash_server();
    };
    let (started, ()) = resonate::join!(starts(10).id("1"), crash);
    assert_eq!(started?, 10);
    assert!(world.elapsed() >= seconds(5), "{:?}", world.elapsed());
    Ok(())
}
