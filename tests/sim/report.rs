//! What a batch adds up to: one line of JSON for a scoreboard, and what to do about a seed that failed.

use std::time::Duration;

use crate::{
    probes::PROBES,
    shrink,
    sim::Counters,
    world::{Options, Run},
};

/// From so many seeds on a batch must have met every probe.
const ENOUGH: u64 = 60;

/// The sum of many runs.
#[derive(Default)]
pub(crate) struct Report {
    seeds: u64,
    simulated: Duration,
    counters: Counters,
    failed: Vec<Run>,
}

impl Report {
    pub(crate) fn add(&mut self, run: Run, options: Options) {
        self.seeds += 1;
        self.simulated += run.simulated;
        for (what, count) in &run.counters {
            *self.counters.entry(what).or_default() += count;
        }
        if run.wrong.is_some() {
            explain(&run);
            explain_smallest(&run, options);
            self.failed.push(run);
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    /// Prints the sum.
    pub(crate) fn print(&self, took: Duration) {
        let hours = self.simulated.as_secs_f64() / 3_600.0;
        let failed: Vec<u64> = self.failed.iter().map(|run| run.seed).collect();
        let line = serde_json::json!({
            "simulator": "tests/sim",
            "seeds": self.seeds,
            "failed_seeds": failed,
            "simulated_hours": (hours * 100.0).round() / 100.0,
            "seconds": took.as_secs_f64().round(),
            "counters": self.counters,
        });
        println!("{line}");
    }

    /// # Panics
    /// If a seed failed, or something was not met that a batch of this size must meet.
    pub(crate) fn judge(&self) {
        let failed: Vec<u64> = self.failed.iter().map(|run| run.seed).collect();
        assert!(failed.is_empty(), "seeds failed: {failed:?}; see above");
        let probes: &[&str] = if self.seeds < ENOUGH { &[] } else { &PROBES };
        let is_missing = |probe: &&&str| !self.counters.contains_key(**probe);
        let missing: Vec<&&str> = probes.iter().filter(is_missing).collect();
        assert!(missing.is_empty(), "never happened: {missing:?}");
    }
}

fn explain(run: &Run) {
    for line in &run.last_lines {
        eprintln!("{line}");
    }
    eprintln!("{:#?}", run.swarm);
    eprintln!(
        "seed {} failed after {:?}: {}\nsee it again: RESONATE_SIM_SEED={} RESONATE_SIM_TRACE=1 cargo test --release -p resonate --test sim \
         a_batch -- --nocapture\nadd it to tests/sim/seeds.txt",
        run.seed,
        run.simulated,
        run.wrong.as_deref().unwrap_or_default(),
        run.seed
    );
}

/// Says what is enough to see it fail.
fn explain_smallest(failed: &Run, options: Options) {
    let Some((less, run)) = shrink::smallest(failed, options) else {
        return;
    };
    eprintln!(
        "the smallest that still fails, after {:?}: {}\n{:?}\nsee it: RESONATE_SIM_SEED={} RESONATE_SIM_LESS={less} RESONATE_SIM_TRACE=1",
        run.simulated,
        run.wrong.as_deref().unwrap_or_default(),
        run.swarm,
        run.seed
    );
}
