//! Schedules: [`Resonate::schedule`](super::Resonate::schedule) says when to call what; [`Schedule`] is what came of it.

use std::{fmt, future::IntoFuture, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use resonate_core::{
    Kind, Mode, NewSchedule, Overlap, Plan, PromiseId, Record, ScheduleChange, SettleKey,
    Timestamp, Timing,
};
use resonate_proto::client::ChangeSchedule;

use super::{Found, Process};
use crate::{Error, ErrorKind, Result};

/// A firing that is later than this, since no server was there, is missed, unless the schedule says otherwise.
const CATCH_UP: Duration = Duration::from_secs(3_600);

/// How long a firing by hand is waited for before it is looked for again.
const ASK_AGAIN: Duration = Duration::from_millis(10);

/// A schedule to be created: a future, once everything is said. Made by
/// [`Resonate::schedule`](super::Resonate::schedule).
///
/// Awaiting it creates the schedule, or gives the one of that name this plan. The same plan again changes nothing, so
/// it may be awaited at every start of a program.
///
/// # Errors
/// The cron expression or the time zone is none, the name belongs to a promise that is no schedule, or the call says
/// what no schedule can do: an id, a delay, labels, what undoes it.
#[must_use = "a schedule is not created unless it is awaited"]
pub struct ScheduleBuilder {
    process: Arc<Process>,
    id: String,
    cron: String,
    timezone: String,
    overlap: Overlap,
    catch_up: Duration,
    call: Result<(resonate_core::Call, Option<Duration>)>,
}

impl ScheduleBuilder {
    pub(super) fn new(
        process: Arc<Process>,
        id: String,
        cron: String,
        call: Result<(resonate_core::Call, Option<Duration>)>,
    ) -> Self {
        Self {
            process,
            id,
            cron,
            timezone: "UTC".to_owned(),
            overlap: Overlap::Skip,
            catch_up: CATCH_UP,
            call,
        }
    }

    /// The IANA name of the time zone in which the cron expression is meant, such as `Europe/Berlin`; UTC otherwise.
    pub fn timezone(mut self, name: impl Into<String>) -> Self {
        self.timezone = name.into();
        self
    }

    /// What happens when a firing comes while another is under way; it is skipped otherwise.
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = overlap;
        self
    }

    /// How late a firing may be after a downtime; what is later is missed, and shown as such. One hour otherwise; less
    /// than ten seconds counts as ten.
    pub fn catch_up(mut self, window: Duration) -> Self {
        self.catch_up = window;
        self
    }

    async fn create(self) -> Result<Schedule> {
        let id = schedule_id(&self.id)?;
        // Before the server is asked: what is wrong with them is the program's, whether a server is there or not.
        if let Err(bad) = Timing::parse(&self.cron, &self.timezone) {
            return Err(Error::of(ErrorKind::Misused, bad).into_terminal().at(&id));
        }
        let (call, timeout) = self.call.map_err(|error| error.at(&id))?;
        let plan = Plan {
            cron: self.cron,
            timezone: self.timezone,
            overlap: self.overlap,
            catch_up: self.catch_up,
            call: Arc::new(call),
            timeout,
        };
        let reply = self
            .process
            .client()
            .schedule(NewSchedule { id, plan })
            .await?;
        Schedule::new(self.process, &reply.record, reply.new)
    }
}

impl IntoFuture for ScheduleBuilder {
    type Output = Result<Schedule>;
    type IntoFuture = BoxFuture<'static, Result<Schedule>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.create())
    }
}

impl fmt::Debug for ScheduleBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduleBuilder")
            .field("id", &self.id)
            .field("cron", &self.cron)
            .field("timezone", &self.timezone)
            .finish_non_exhaustive()
    }
}

/// A schedule as it was when it was last asked for, and what can be done with it.
#[derive(Clone)]
pub struct Schedule {
    process: Arc<Process>,
    id: PromiseId,
    next: Option<Timestamp>,
    is_new: bool,
    schedule: resonate_core::Schedule,
}

impl Schedule {
    pub(super) fn new(process: Arc<Process>, record: &Record, is_new: bool) -> Result<Self> {
        let id = record.promise.id.clone();
        match record.promise.schedule() {
            Some(schedule) => Ok(Self {
                process,
                next: Some(record.promise.timeout_at).filter(|at| !at.is_never()),
                is_new,
                schedule: schedule.clone(),
                id,
            }),
            None => Err(no_schedule(&id)),
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// The request that gave this made a difference: it created the schedule, gave it another plan, brought it back.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.is_new
    }

    /// When it fires next; none while it is paused.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// Why it is paused, if it is.
    #[must_use]
    pub fn paused(&self) -> Option<&str> {
        match &self.schedule.mode {
            Mode::Paused { reason } => Some(reason),
            Mode::Active | Mode::Deleted => None,
        }
    }

    /// How many firings there were.
    #[must_use]
    pub fn fired(&self) -> u64 {
        self.schedule.fired
    }

    /// How many firings were missed: later than the catch-up window, or while another was under way.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.schedule.missed
    }

    /// Fire times that wait for the firing under way.
    pub fn waiting(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.schedule.waiting.iter().map(|waiting| waiting.at)
    }

    /// The id of the promise of this fire time, which exists once it has fired.
    #[must_use]
    pub fn firing(&self, at: Timestamp) -> String {
        self.id.firing(at).to_string()
    }

    /// It fires no more until it is resumed; what is under way goes on. The reason is for people.
    ///
    /// # Errors
    /// The server refused.
    pub async fn pause(&self, reason: impl Into<String>) -> Result<Self> {
        let reason = reason.into();
        self.change(ScheduleChange::Pause { reason }).await
    }

    /// It fires again from now on. What was missed meanwhile can be [backfilled](Self::backfill).
    ///
    /// # Errors
    /// The server refused.
    pub async fn resume(&self) -> Result<Self> {
        self.change(ScheduleChange::Resume).await
    }

    /// It fires no more and is not listed any more. Creating it again brings it back with its history.
    ///
    /// # Errors
    /// The server refused.
    pub async fn delete(&self) -> Result<Self> {
        self.change(ScheduleChange::Delete).await
    }

    /// A firing of now, beside those of the clock, also of a paused schedule. Gives the id of its promise, or none if it
    /// waits for the one under way.
    ///
    /// # Errors
    /// Another is under way and the overlap policy is to skip, or the server refused.
    pub async fn trigger(&self) -> Result<Option<String>> {
        // The client repeats it until it has an answer; it must not be two firings.
        let key = Some(SettleKey(fastrand::u128(..)));
        let change = ScheduleChange::Trigger { key };
        let record = self.asked(change).await?.record;
        let firing = match &record.promise.kind {
            Kind::Proxy(link) => link.target().clone(),
            Kind::Call(_) | Kind::Step | Kind::Timer | Kind::External | Kind::Schedule(_) => {
                return Ok(None);
            }
        };
        // A message creates it, in the next round of the server; who is given the id may ask for it at once.
        loop {
            match self.process.client().find(firing.clone()).await {
                Ok(_) => return Ok(Some(firing.to_string())),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The fire times from `from` on and before `to`, both in the past, one after the other. Those that have been are
    /// left out.
    ///
    /// # Errors
    /// There are more than 1,000 of them, `to` is not in the past, or the server refused.
    pub async fn backfill(&self, from: Timestamp, to: Timestamp) -> Result<Self> {
        self.change(ScheduleChange::Backfill { from, to }).await
    }

    /// Its firings under way and the latest that have ended, as proxies of their promises.
    ///
    /// # Errors
    /// The server refused.
    pub async fn firings(&self) -> Result<Vec<Found>> {
        let resonate = super::Resonate::new(Arc::clone(&self.process));
        let mut found = resonate.tree(self.id.as_str()).await?;
        found.retain(|found| found.id() != self.id.as_str());
        Ok(found)
    }

    async fn change(&self, change: ScheduleChange) -> Result<Self> {
        let reply = self.asked(change).await?;
        Self::new(Arc::clone(&self.process), &reply.record, reply.new)
    }

    async fn asked(&self, change: ScheduleChange) -> Result<resonate_proto::client::PromiseReply> {
        let id = self.id.clone();
        let asked = ChangeSchedule { id, change };
        self.process.client().change_schedule(asked).await
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("id", &self.id)
            .field("next", &self.next)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

pub(super) fn schedule_id(text: &str) -> Result<PromiseId> {
    PromiseId::user_root(text).map_err(|bad| Error::of(ErrorKind::Misused, bad).into_terminal())
}

fn no_schedule(id: &PromiseId) -> Error {
    let message = format!("`{id}` is no schedule");
    Error::of(ErrorKind::Misused, message).into_terminal()
}
