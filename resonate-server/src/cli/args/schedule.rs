//! What is typed after `resonate schedule`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{One, Plain, WithReason, duration};

#[derive(Debug, Subcommand)]
pub(crate) enum Schedules {
    /// List schedules: when each fires next, and what it calls.
    List(Plain),
    /// Show a schedule: the next firings, the last ones and how they ended, what was missed.
    Get(Get),
    /// Create a schedule, or give the one of that name this plan.
    Create(Create),
    /// Let it fire no more until it is resumed; what is under way goes on.
    Pause(WithReason),
    /// Let it fire again, from now on.
    Resume(One),
    /// Fire now, beside the clock, also while it is paused; prints the promise of the firing.
    Trigger(One),
    /// Fire the times of the past that have not been, one after the other.
    Backfill(Backfill),
    /// Let it fire no more, and list it no more. Creating it again brings it back with its history.
    Delete(One),
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Which schedule.
    pub(crate) id: String,
    /// How many of the next firings to show.
    #[arg(long, default_value_t = 5, value_name = "NUMBER")]
    pub(crate) next: usize,
    /// How many of the last firings to show.
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name. Each firing is the promise NAME/FIRE-TIME.
    pub(crate) id: String,
    /// When: minute hour day month weekday, with seconds first if there are six fields.
    #[arg(long, value_name = "CRON")]
    pub(crate) cron: String,
    /// Which function: service/function or service/function@version.
    pub(crate) function: String,
    /// One argument, as JSON. Repeat it for each argument, in order.
    #[arg(long = "arg", value_name = "JSON")]
    pub(crate) args: Vec<String>,
    /// The IANA name of the time zone.
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    pub(crate) timezone: String,
    /// While another firing is under way: skip, queue, allow, cancel-running.
    #[arg(long, default_value = "skip", value_name = "POLICY")]
    pub(crate) overlap: String,
    /// How late a firing may be after a downtime; what is later is missed.
    #[arg(long, value_parser = duration, default_value = "1h", value_name = "TIME")]
    pub(crate) catch_up: Duration,
    /// Each call times out after this; without it, after what its function says.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

#[derive(Debug, Args)]
pub(crate) struct Backfill {
    /// Which schedule.
    pub(crate) id: String,
    /// The first time that may fire, such as 2026-12-01T03:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: String,
    /// Up to here, without it.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) plain: Plain,
}

impl Schedules {
    pub(super) fn is_json(&self) -> bool {
        match self {
            Self::List(plain) => plain.json,
            Self::Get(get) => get.plain.json,
            Self::Create(create) => create.plain.json,
            Self::Pause(of) => of.plain.json,
            Self::Resume(of) | Self::Trigger(of) | Self::Delete(of) => of.plain.json,
            Self::Backfill(of) => of.plain.json,
        }
    }
}
