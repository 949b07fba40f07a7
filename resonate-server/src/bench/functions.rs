//! What the bench calls, and the meter in it.

use std::sync::Mutex;

use hdrhistogram::Histogram;
use resonate_macros::durable;
use resonate_runtime::{Error, Result, step};
use tokio::time::Instant;

/// The service of this process.
pub(crate) const CALLER: &str = "bench";
/// The service of the other one.
pub(crate) const LEAF: &str = "bench_leaf";

/// Latencies in nanoseconds, while somebody measures.
pub(crate) static METER: Meter = Meter(Mutex::new(None));

/// Gathers latencies.
#[derive(Debug)]
pub(crate) struct Meter(Mutex<Option<Histogram<u64>>>);

impl Meter {
    /// From now on latencies count.
    pub(crate) fn begin(&self) {
        *self.0.lock().expect("nothing panics under this lock") = Some(empty());
    }

    /// What was gathered.
    pub(crate) fn end(&self) -> Histogram<u64> {
        self.0
            .lock()
            .expect("nothing panics under this lock")
            .take()
            .unwrap_or_else(empty)
    }

    fn record(&self, since: Instant) {
        let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if let Some(histogram) = &mut *self.0.lock().expect("nothing panics under this lock") {
            histogram.saturating_record(nanos);
        }
    }
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 600_000_000_000, 3)
        .expect("the bounds are in order and the digits at most 5")
}

/// Durable steps, one after the other.
#[durable(service = "bench", allow = "time")]
pub(crate) async fn steps(n: u32) -> Result<u32> {
    for i in 0..n {
        let start = Instant::now();
        step(|| async move { Ok::<u32, Error>(i) })
            .label("one")
            .await?;
        METER.record(start);
    }
    Ok(n)
}

/// Calls of a function in another process, one after the other.
#[durable(service = "bench", allow = "time")]
pub(crate) async fn calls(n: u32) -> Result<u32> {
    for i in 0..n {
        let start = Instant::now();
        leaf(i).await?;
        METER.record(start);
    }
    Ok(n)
}

/// The least that a call can be.
#[durable(service = "bench_leaf")]
pub(crate) async fn leaf(i: u32) -> Result<u32> {
    Ok(i)
}
