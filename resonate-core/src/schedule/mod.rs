//! What a schedule is: when it calls what, and what came of it so far.
//!
//! A schedule is a root whose record has the kind [`Kind::Schedule`](crate::Kind). Its `timeout_at` is its next fire time:
//! so it is armed, found after a restart and touched like every other time, and a crash loses nothing. Each firing is a
//! proxy below it that creates the root `ID/FIRE-TIME`, once by its id. How firings overlap is told from the tree.

mod cron;
mod timing;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

pub use self::{
    cron::{BadCron, Cron},
    timing::{BadTiming, Timing},
};
use crate::{Call, PromiseId, SettleKey, Timestamp};

/// When to call what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// 5 fields, or 6 with the seconds first.
    pub cron: String,
    /// Its IANA name.
    pub timezone: String,
    /// What happens when a firing comes while another is under way.
    pub overlap: Overlap,
    /// A firing that is later than this, since no server was there, is missed.
    pub catch_up: Duration,
    /// What is called.
    pub call: Arc<Call>,
    /// How long each call may take; none: as its function says.
    pub timeout: Option<Duration>,
}

/// What happens when a firing comes while another is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Overlap {
    /// It is missed.
    #[default]
    Skip,
    /// It waits until the other has ended.
    Queue,
    /// They run side by side.
    Allow,
    /// The other is canceled.
    CancelRunning,
}

/// A schedule to be created, or to become this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSchedule {
    /// Its name.
    pub id: PromiseId,
    /// When to call what.
    pub plan: Plan,
}

/// When a schedule calls what, and what came of it so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// When to call what.
    pub plan: Plan,
    /// Whether it fires.
    pub mode: Mode,
    /// When it got this plan.
    pub planned_at: Timestamp,
    /// Firings that wait for the one under way, first to last.
    pub waiting: Vec<Waiting>,
    /// How many firings there were.
    pub fired: u64,
    /// How many were missed; of one long downtime, as many as were counted.
    pub missed: u64,
    /// The latest of those.
    pub latest_missed: Vec<Missed>,
}

/// Whether a schedule fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// It does.
    Active,
    /// Not until it is resumed.
    Paused {
        /// Why, for people.
        reason: String,
    },
    /// Not until it is created again. Its history stays, so that no fire time comes twice.
    Deleted,
}

/// A firing that waits for the one under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its fire time.
    pub at: Timestamp,
    /// Of the request that asked for it, if one did.
    pub key: Option<SettleKey>,
}

/// Firings that did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// The first of them.
    pub from: Timestamp,
    /// The last of them that was counted.
    pub to: Timestamp,
    /// How many; [`FIRINGS_COUNTED`](crate::limits::FIRINGS_COUNTED) stands for that many or more.
    pub count: u32,
    /// Why.
    pub why: WhyMissed,
}

/// Why a firing did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhyMissed {
    /// It came later than the catch-up window.
    Late,
    /// Another was under way.
    Overlap,
    /// As many as may wait, or be under way, did already.
    Full,
}

/// What is asked of a schedule that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleChange {
    /// It fires no more until it is resumed.
    Pause {
        /// Why, for people.
        reason: String,
    },
    /// It fires again, from now on.
    Resume,
    /// It fires no more.
    Delete,
    /// A firing of now, beside those of the clock.
    Trigger {
        /// Tells its repetition from another request that says the same.
        key: Option<SettleKey>,
    },
    /// The fire times of the past from the first up to, and without, the second, one after the other.
    Backfill {
        /// The first that may be.
        from: Timestamp,
        /// Up to here.
        to: Timestamp,
    },
}

impl Overlap {
    /// Its name on the wire and for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::Allow => "allow",
            Self::CancelRunning => "cancel-running",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Skip, Self::Queue, Self::Allow, Self::CancelRunning]
            .into_iter()
            .find(|overlap| overlap.name() == name)
    }
}

impl WhyMissed {
    /// Its name on the wire and for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Overlap => "overlap",
            Self::Full => "full",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Late, Self::Overlap, Self::Full]
            .into_iter()
            .find(|why| why.name() == name)
    }
}

impl Schedule {
    /// When it fires.
    ///
    /// # Errors
    /// This version does not know the time zone any more.
    pub fn timing(&self) -> Result<Timing, BadTiming> {
        Timing::parse(&self.plan.cron, &self.plan.timezone)
    }

    /// True if the clock makes it fire.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.mode == Mode::Active
    }
}
