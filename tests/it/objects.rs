//! Durable objects: a state per key, one call that writes at a time, whatever crashes, waits or is canceled.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use resonate::{cancel, hours, minutes, prelude::*, testing::World};

/// How many are in there, and the most that ever were.
static READERS: (AtomicUsize, AtomicUsize) = (AtomicUsize::new(0), AtomicUsize::new(0));
static WRITERS: (AtomicUsize, AtomicUsize) = (AtomicUsize::new(0), AtomicUsize::new(0));

async fn stay(gauge: &(AtomicUsize, AtomicUsize)) {
    let now = gauge.0.fetch_add(1, Relaxed) + 1;
    gauge.1.fetch_max(now, Relaxed);
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    gauge.0.fetch_sub(1, Relaxed);
}

/// Also the error of a failure of ours.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sorry;

impl From<Error> for Sorry {
    fn from(_: Error) -> Self {
        Self
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Counter {
    count: u64,
}

#[durable(service = "objects")]
impl Counter {
    /// Counts on, and says how far it is.
    async fn add(&mut self, n: u64) -> u64 {
        self.count += n;
        self.count
    }

    async fn count(&self) -> u64 {
        self.count
    }

    async fn looks(&self) -> Result<u64> {
        stay(&READERS).await;
        assert_eq!(WRITERS.0.load(Relaxed), 0, "somebody writes");
        Ok(self.count)
    }

    async fn works(&mut self) -> Result<u64> {
        stay(&WRITERS).await;
        assert_eq!(READERS.0.load(Relaxed), 0, "somebody reads");
        self.count += 1;
        Ok(self.count)
    }

    /// Changes, and is sorry.
    async fn refuse(&mut self) -> Result<(), Sorry> {
        self.count += 1_000;
        Err(Sorry)
    }

    #[durable(retry = Retry::never())]
    async fn break_down(&mut self) -> Result<()> {
        self.count += 1_000;
        panic!("oh")
    }

    /// Changes before and after it waits: a replay begins with what it began with.
    async fn add_slowly(&mut self, n: u64) -> Result<u64> {
        self.count += n;
        let more = double(n).remote().await?;
        sleep(hours(1)).await;
        self.count += more;
        Ok(self.half_of(self.count))
    }

    async fn wait(&mut self) -> Result<()> {
        sleep(hours(24)).await;
        self.count += 1;
        Ok(())
    }

    /// Calls an object, this one if it is of the same key.
    async fn call(&mut self, key: &str) -> Result<u64> {
        Counter::at(key).add(1).result().await
    }

    async fn call_through(&mut self, key: &str) -> Result<u64> {
        ask(key).remote().await
    }

    /// Nobody calls it from elsewhere.
    fn half_of(&self, n: u64) -> u64 {
        n / 2
    }
}

#[durable(service = "objects")]
async fn double(n: u64) -> Result<u64> {
    Ok(2 * n)
}

#[durable(service = "objects")]
async fn ask(key: &str) -> Result<u64> {
    Counter::at(key).add(1).result().await
}

#[durable(service = "objects")]
async fn add_often(key: &str, times: u64) -> Result<u64> {
    let added = map(0..times, |_| Counter::at(key).add(1).result())
        .concurrency(20)
        .await?;
    Ok(added.len() as u64)
}

#[durable(service = "objects")]
async fn gives_up(key: &str) -> Result<()> {
    match resonate::timeout(minutes(5), Counter::at(key).wait()).await {
        Ok(done) => done,
        Err(_) => Ok(()),
    }
}

#[resonate::test]
async fn of_500_increments_from_many_callers_none_is_lost() -> Result<()> {
    let callers = (0..10).map(|n| add_often("c", 50).id(format!("caller-{n}")));
    let added = futures::future::try_join_all(callers).await?;
    assert_eq!(added.iter().sum::<u64>(), 500);
    assert_eq!(Counter::at("c").count().id("how-far").await, 500);
    assert_eq!(Counter::at("d").count().id("how-far").await, 0);
    Ok(())
}

#[resonate::test(crash_everywhere)]
async fn no_increment_is_lost_or_doubled_by_a_crash_at_any_turn() -> Result<()> {
    assert_eq!(add_often("c", 3).id("caller").await?, 3);
    assert_eq!(Counter::at("c").add(0).id("how-far").await, 3);
    assert_eq!(Counter::at("c").add(0).id("how-far").await, 3);
    Ok(())
}

#[resonate::test(crash_everywhere)]
async fn a_method_that_waits_is_replayed_from_what_it_began_with(world: World) -> Result<()> {
    assert_eq!(Counter::at("c").add(2).id("1").await, 2);
    assert_eq!(Counter::at("c").add_slowly(10).id("2").await?, 16);
    assert_eq!(Counter::at("c").count().id("3").await, 32);
    assert!(world.elapsed() >= hours(1));
    Ok(())
}

#[resonate::test]
async fn those_that_read_share_it_and_one_that_writes_is_alone() -> Result<()> {
    let reads = (0..6).map(|n| Counter::at("c").looks().id(format!("read-{n}")));
    let writes = (0..3).map(|n| Counter::at("c").works().id(format!("write-{n}")));
    let late = (6..12).map(|n| Counter::at("c").looks().id(format!("read-{n}")));
    let calls: Vec<_> = reads.chain(writes).chain(late).collect();
    futures::future::try_join_all(calls).await?;
    assert_eq!(WRITERS.1.load(Relaxed), 1);
    assert!(READERS.1.load(Relaxed) > 1);
    Ok(())
}

#[resonate::test]
async fn an_error_and_a_panic_change_nothing() -> Result<()> {
    let counter = Counter::at("c");
    assert_eq!(counter.add(1).id("1").await, 1);
    assert_eq!(counter.refuse().id("2").result().await?, Err(Sorry));
    assert!(counter.break_down().id("3").await.is_err());
    assert_eq!(counter.count().id("4").await, 1);
    Ok(())
}

#[resonate::test]
async fn who_repeats_a_call_is_told_the_same() -> Result<()> {
    let counter = Counter::at("a.b@c:d/e%");
    for _ in 0..3 {
        assert_eq!(counter.add(1).id("once").await, 1);
    }
    let other = counter.add(2).id("once").result().await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::AlreadyExists);
    let nameless = counter.add(1).result().await.unwrap_err();
    assert!(nameless.message().contains("has no id"), "{nameless}");
    Ok(())
}

#[resonate::test]
async fn a_call_that_its_own_callers_hold_up_is_refused_at_once(world: World) {
    for (call, who) in [
        (Counter::at("c").call("c").id("1"), "1"),
        (Counter::at("c").call_through("c").id("2"), "2"),
    ] {
        let error = call.await.unwrap_err();
        let said = format!("{error:#}");
        let holder =
            format!("objects/Counter/c.{who}, which waits for it, holds objects/Counter/c");
        assert!(said.contains(&holder), "{said}");
        assert!(said.contains("`objects/Counter/c.add%"), "{said}");
    }
    assert!(world.elapsed() < minutes(1));
    assert_eq!(Counter::at("c").call("d").id("3").await.unwrap(), 1);
    assert_eq!(Counter::at("c").call_through("d").id("4").await.unwrap(), 2);
}

#[resonate::test]
async fn a_canceled_call_lets_the_next_one_go(world: World) -> Result<()> {
    let counter = Counter::at("c");
    let running = counter.wait().id("1").spawn();
    let waiting = counter.wait().id("2").spawn();
    let last = counter.add(5).id("3").spawn();
    world.advance(hours(1)).await;
    assert!(cancel("objects/Counter/c.2").await?);
    assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::Canceled);
    world.advance(hours(1)).await;
    assert!(cancel("objects/Counter/c.1").await?);
    assert_eq!(running.await.unwrap_err().kind(), ErrorKind::Canceled);
    assert_eq!(last.await, 5);
    assert!(world.elapsed() < hours(3));
    Ok(())
}

#[resonate::test]
async fn a_caller_that_waits_no_longer_takes_its_call_out_of_the_line(world: World) -> Result<()> {
    gives_up("c").id("1").await?;
    assert_eq!(Counter::at("c").add(1).id("2").await, 1);
    assert!(world.elapsed() < hours(1), "{:?}", world.elapsed());
    Ok(())
}

#[derive(Default, Serialize, Deserialize)]
struct Session(u32);

#[durable(service = "objects", expire = hours(2))]
impl Session {
    async fn touch(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }

    async fn visits(&self) -> u32 {
        self.0
    }
}

#[resonate::test]
async fn what_is_idle_for_long_is_forgotten(world: World) {
    let session = Session::at("s");
    assert_eq!(session.touch().id("1").await, 1);
    world.advance(minutes(100)).await;
    assert_eq!(session.visits().id("2").await, 1);
    world.advance(minutes(100)).await;
    assert_eq!(session.touch().id("3").await, 2);
    world.advance(hours(3)).await;
    assert_eq!(session.visits().id("4").await, 0);
    assert_eq!(session.touch().id("5").await, 1);
}

#[durable(service = "objects")]
async fn late(n: u64) -> Result<u64> {
    Counter::at("c").add(n).delay(hours(1)).result().await
}

#[resonate::test]
async fn what_would_hold_an_object_up_is_refused() {
    let error = late(1).id("1").await.unwrap_err();
    assert!(
        error.message().contains("would hold its object up"),
        "{error}"
    );
    let empty = Counter::at("").add(1).id("1").result().await.unwrap_err();
    assert!(empty.message().contains("is no key"), "{empty}");
}
