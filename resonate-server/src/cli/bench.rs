//! `resonate bench`: what is asked and what came of it. The load itself is in the binary, which alone has the runtime.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    code::{Code, Failed},
    output::Output,
};

/// What to measure, and how.
#[derive(Clone, Debug, Args)]
pub struct Bench {
    /// What one operation is.
    #[arg(long, value_enum)]
    pub profile: Profile,
    /// Executions at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub concurrency: u16,
    /// How long to measure, after two seconds of warming up.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3_600))]
    pub seconds: u16,
    /// Where the server's data lie; the folder is made, and removed at the end.
    #[arg(long, default_value = "./.resonate/bench", value_name = "FOLDER")]
    pub data_dir: PathBuf,
    /// Print one object of JSON.
    #[arg(long)]
    pub json: bool,
    /// This process is the other worker, at this server.
    #[arg(long, hide = true, value_name = "URL")]
    pub leaf_of: Option<String>,
}

/// What one operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// A durable local step.
    Step,
    /// A remote call to a function in another process.
    Call,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Figures {
    /// What one operation was.
    pub profile: Profile,
    /// Executions at once.
    pub concurrency: u16,
    /// How long was measured.
    pub measured: Duration,
    /// Operations that ended in that time.
    pub operations: u64,
    /// Half of them were faster than this.
    pub p50: Duration,
    /// 99 of 100 were faster.
    pub p99: Duration,
    /// 999 of 1,000 were faster.
    pub p999: Duration,
    /// Processor time of the server in that time.
    pub server_cpu: Duration,
    /// Processor time of the workers in that time, where the system tells.
    pub worker_cpu: Option<Duration>,
    /// Batches that the server made durable in that time.
    pub commits: u64,
    /// The server's memory before the load and after it.
    pub memory: (u64, u64),
    /// From the start of the server's process until it answered.
    pub ready_after: Duration,
    /// Half of the appends of 512 bytes with fdatasync on this disk were faster.
    pub fsync_p50: Duration,
}

/// Runs a bench; errors are for people.
pub type Run = fn(Bench) -> Result<Figures, String>;

pub(super) fn run(bench: &Bench, run: Run, out: Output) -> Result<Code, Failed> {
    let figures = run(bench.clone()).map_err(|message| Failed::new(Code::Broken, message))?;
    out.show(|| figures.json(), || figures.human());
    Ok(Code::Ok)
}

impl Figures {
    fn json(&self) -> Value {
        json!({
            "profile": self.profile.name(),
            "concurrency": self.concurrency,
            "seconds": self.measured.as_secs_f64(),
            "ops": self.operations,
            "ops_per_s": self.rate(),
            "p50_us": micros(self.p50),
            "p99_us": micros(self.p99),
            "p999_us": micros(self.p999),
            "server_cpu_us_per_op": self.per_operation(self.server_cpu),
            "worker_cpu_us_per_op": self.worker_cpu.map(|cpu| self.per_operation(cpu)),
            "commits": self.commits,
            "server_rss_idle_bytes": self.memory.0,
            "server_rss_bytes": self.memory.1,
            "server_ready_us": micros(self.ready_after),
            "fsync_floor_p50_us": micros(self.fsync_p50),
        })
    }

    fn human(&self) -> String {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let worker = self.worker_cpu.map_or("unknown".to_owned(), |cpu| {
            format!("{:.1} us", self.per_operation(cpu))
        });
        format!(
            "{} x {}, {:.1} s: {} operations, {:.0}/s\n  latency  p50 {:?}  p99 {:?}  p99.9 {:?}  (fsync on this disk: p50 {:?})\n  cpu      server {:.1} us, workers {worker} per operation\n  commits  {}, {:.1} operations each\n  memory   server {:.1} MiB idle, {:.1} MiB after the load; ready after {:?}",
            self.profile.name(),
            self.concurrency,
            self.measured.as_secs_f64(),
            self.operations,
            self.rate(),
            self.p50,
            self.p99,
            self.p999,
            self.fsync_p50,
            self.per_operation(self.server_cpu),
            self.commits,
            self.operations as f64 / self.commits.max(1) as f64,
            mib(self.memory.0),
            mib(self.memory.1),
            self.ready_after,
        )
    }

    fn rate(&self) -> f64 {
        self.operations as f64 / self.measured.as_secs_f64()
    }

    fn per_operation(&self, cpu: Duration) -> f64 {
        micros(cpu) / self.operations.max(1) as f64
    }
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Call => "call",
        }
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
