//! [`Resonate`]: a process's tie to a server.

mod builder;
mod embedded;
mod found;
mod planned;
mod process;
mod schedule;
mod start_error;
#[cfg(test)]
mod tests;
mod through;

use std::sync::Arc;

use resonate_core::{Outcome, Payload, PromiseId};
use resonate_proto::history;
use serde::Serialize;
use tokio::signal;

#[doc(hidden)]
pub use self::embedded::{Embedded, EmbeddedError, EmbeddedPlace, EmbeddedServer};
pub(crate) use self::process::Process;
pub use self::{
    builder::Builder,
    found::{Found, Search},
    schedule::{Schedule, ScheduleBuilder},
    start_error::StartError,
    through::Through,
};

use crate::{
    Error, ErrorKind, Result, ambient,
    call::Call,
    limits, outside,
    plumbing::{Output, Value},
};

/// A process's tie to a server: it serves the durable functions of this program, and calls outside of durable functions
/// go through it.
///
/// Calls that name no `Resonate` go to the one that was started first and is still there. Clones are the same one;
/// dropping the last one ends it without a word, as if the process had crashed: nothing is lost, but its tasks wait for
/// their lease to end. [`shutdown`](Self::shutdown) is the polite way.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// # extern crate resonate_runtime as resonate;
/// use resonate::Resonate;
///
/// let resonate = Resonate::builder().url("http://127.0.0.1:8001").start().await?;
/// resonate.run_until_shutdown().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "dropping the last handle ends what was started"]
pub struct Resonate {
    process: Arc<Process>,
}

impl Resonate {
    /// Begins to say what to start.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(process: Arc<Process>) -> Self {
        Self { process }
    }

    /// Where the server is.
    #[must_use]
    pub fn url(&self) -> &str {
        self.process.url()
    }

    /// A call outside of durable functions that goes through this one, whichever was started first.
    ///
    /// Its arguments were written when it was made: with the function's codec, else with that of the process's first.
    pub fn call<R>(&self, call: Call<R>) -> Through<R> {
        Through::new(Arc::clone(&self.process), call)
    }

    /// Waits for a promise of this id and gives its value.
    ///
    /// # Errors
    /// How it ended, if not with a value, or that there is no such promise.
    pub async fn get<T: Value>(&self, id: impl AsRef<str>) -> Result<T> {
        let id = promise_id(id.as_ref())?;
        let outcome = outside::outcome(&self.process, id.clone(), None, None).await?;
        Output::<T>::of_promise().decode(&outcome, &self.process.settings().codecs, &id)
    }

    /// Looks at a promise without waiting; none if there is no such promise.
    ///
    /// # Errors
    /// The id is none, or the server refused.
    pub async fn find(&self, id: impl AsRef<str>) -> Result<Option<Found>> {
        match self.process.client().find(promise_id(id.as_ref())?).await {
            Ok(reply) => Ok(Some(self.found(reply.record))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The URL by which whoever has it settles a promise, as [`Promise::url`](crate::Promise::url) gives it inside of
    /// durable functions.
    ///
    /// # Errors
    /// There is no such promise, or the server refused.
    pub async fn promise_url(&self, id: impl AsRef<str>) -> Result<String> {
        self.process.client().url_of(promise_id(id.as_ref())?).await
    }

    /// Settles a promise with a value. Gives `false` if it was settled already.
    ///
    /// # Errors
    /// There is no such promise, or the value cannot be written.
    pub async fn resolve<T: Serialize + ?Sized>(
        &self,
        id: impl AsRef<str>,
        value: &T,
    ) -> Result<bool> {
        let (id, payload) = self.written(id.as_ref(), value)?;
        self.process.tell(id, Outcome::Resolved(payload)).await
    }

    /// Settles a promise with an error: any value, a text for instance. Gives `false` if it was settled already.
    ///
    /// # Errors
    /// There is no such promise, or the value cannot be written.
    pub async fn reject<E: Serialize + ?Sized>(
        &self,
        id: impl AsRef<str>,
        error: &E,
    ) -> Result<bool> {
        let (id, payload) = self.written(id.as_ref(), error)?;
        self.process.tell(id, Outcome::Rejected(payload)).await
    }

    /// Cancels a promise and everything pending below it. Gives `false` if it was settled already.
    ///
    /// # Errors
    /// There is no such promise.
    pub async fn cancel(&self, id: impl AsRef<str>, reason: impl Into<String>) -> Result<bool> {
        let outcome = Outcome::Canceled {
            reason: reason.into(),
        };
        self.process.tell(promise_id(id.as_ref())?, outcome).await
    }

    /// Calls a function whenever a cron expression says so: 5 fields (minute, hour, day, month, weekday), or 6 with the
    /// seconds first. Nothing happens before what this gives is awaited, best at every start: the same plan again
    /// changes nothing, another takes its place and keeps the history.
    ///
    /// Each firing is the promise `ID/FIRE-TIME`, such as `nightly/20261201T020000Z`, so a time fires once.
    ///
    /// ```no_run
    /// # extern crate resonate_runtime as resonate;
    /// # use resonate::{Call, Resonate, hours};
    /// # async fn run(resonate: Resonate, report: impl Fn(&str) -> Call<()>) -> resonate::Result<()> {
    /// let nightly = resonate
    ///     .schedule("nightly", "0 3 * * *", report("sales"))
    ///     .timezone("Europe/Berlin")
    ///     .catch_up(hours(6))
    ///     .await?;
    /// println!("next at {:?}", nightly.next());
    /// # Ok(()) }
    /// ```
    pub fn schedule<R>(
        &self,
        id: impl Into<String>,
        cron: impl Into<String>,
        call: Call<R>,
    ) -> ScheduleBuilder {
        let call = call.into_scheduled(self.process.settings().retry);
        ScheduleBuilder::new(Arc::clone(&self.process), id.into(), cron.into(), call)
    }

    /// A schedule as it is now; none if there is none of this name.
    ///
    /// # Errors
    /// The promise of this name is no schedule, or the server refused.
    pub async fn find_schedule(&self, id: impl AsRef<str>) -> Result<Option<Schedule>> {
        let id = schedule::schedule_id(id.as_ref())?;
        match self.process.client().find(id).await {
            Ok(reply) => Schedule::new(Arc::clone(&self.process), &reply.record, false).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All schedules that were not deleted, newest first.
    ///
    /// # Errors
    /// The server refused.
    pub async fn schedules(&self) -> Result<Vec<Schedule>> {
        let mut search = resonate_proto::client::Search {
            state: Some(resonate_proto::client::StateFilter::Schedule),
            roots_only: true,
            ..Default::default()
        };
        let mut found = Vec::new();
        loop {
            let page = self.process.client().search(search.clone()).await?;
            for record in page.records {
                found.push(Schedule::new(Arc::clone(&self.process), &record, false)?);
            }
            if page.cursor.is_empty() {
                return Ok(found);
            }
            search.cursor = page.cursor;
        }
    }

    /// Promises that look like this, newest first.
    ///
    /// # Errors
    /// The server refused.
    pub async fn search(&self, search: Search) -> Result<Vec<Found>> {
        let (mut request, limit) = search.into_request()?;
        let mut found = Vec::new();
        loop {
            let page = self.process.client().search(request.clone()).await?;
            found.extend(page.records.into_iter().map(|record| self.found(record)));
            if limit <= found.len() || page.cursor.is_empty() {
                found.truncate(limit);
                return Ok(found);
            }
            request.cursor = page.cursor;
        }
    }

    /// A promise and everything below it, callers before their calls.
    ///
    /// # Errors
    /// There is no such promise.
    pub async fn tree(&self, id: impl AsRef<str>) -> Result<Vec<Found>> {
        let id = promise_id(id.as_ref())?;
        let mut request = resonate_proto::client::TreeSearch {
            id,
            limit: None,
            cursor: String::new(),
        };
        let mut found = Vec::new();
        loop {
            let page = self.process.client().tree(request.clone()).await?;
            found.extend(page.records.into_iter().map(|record| self.found(record)));
            if page.cursor.is_empty() {
                return Ok(found);
            }
            request.cursor = page.cursor;
        }
    }

    /// The history of a promise and everything below it as text, for [`replay`](crate::Builder::replay): what
    /// `resonate export` writes.
    ///
    /// It is read until it is twice the same, so it is as it was at one moment.
    ///
    /// # Errors
    /// There is no such promise, or the tree changes all the time.
    pub async fn export(&self, id: impl AsRef<str>) -> Result<String> {
        let id = promise_id(id.as_ref())?;
        let mut before = Vec::new();
        for _ in 0..limits::EXPORTS {
            let found = self.tree(id.as_str()).await?;
            let records: Vec<_> = found.into_iter().map(Found::into_record).collect();
            if records == before {
                return Ok(history::write(&id, records.iter().map(|record| &**record)));
            }
            before = records;
        }
        let message = format!(
            "`{id}` changes faster than it can be read; try again later, or halt it before"
        );
        Err(Error::of(ErrorKind::Unavailable, message))
    }

    /// Stops: takes no more work, lets executions run until they wait, gives the rest back, and leaves. A server inside
    /// of this process is stopped then. Calls that name no `Resonate` do not come here any more, and those that still wait
    /// end with [`ErrorKind::Unavailable`]; what they wait for goes on.
    pub async fn shutdown(&self) {
        ambient::stopped(&self.process);
        if self.process.has_worker() {
            self.process.order_to_leave(false);
            // A worker that was refused has left too.
            let _refused = self.process.left().await.is_err();
        }
        self.process.end();
        self.process.stop_server().await;
    }

    /// Serves until SIGTERM or Ctrl-C, then stops as [`shutdown`](Self::shutdown) does. A second one stops at once.
    ///
    /// # Errors
    /// The server will not have this worker any more, or signals cannot be waited for.
    pub async fn run_until_shutdown(&self) -> Result<()> {
        tokio::select! {
            signaled = interrupted() => signaled?,
            left = self.process.left() => return left,
        }
        let again = async {
            let _signaled = interrupted().await.is_ok();
            self.process.order_to_leave(true);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = self.shutdown() => {}
            () = again => {}
        }
        Ok(())
    }

    /// What a promise is to be settled with.
    fn written<T: Serialize + ?Sized>(&self, id: &str, value: &T) -> Result<(PromiseId, Payload)> {
        let id = promise_id(id)?;
        match self.process.settings().encode(None, value) {
            Ok(payload) => Ok((id, payload)),
            Err(error) => Err(error.at(&id)),
        }
    }

    fn found(&self, record: Arc<resonate_core::Record>) -> Found {
        Found::new(record, self.process.settings().codecs.clone())
    }
}

fn promise_id(text: &str) -> Result<PromiseId> {
    PromiseId::new(text).map_err(|bad| Error::of(ErrorKind::Misused, bad).into_terminal())
}

/// Somebody wants the process to end.
#[cfg(unix)]
async fn interrupted() -> Result<()> {
    let mut terminated = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = signal::ctrl_c() => Ok(pressed?),
        _ = terminated.recv() => Ok(()),
    }
}

/// Somebody wants the process to end.
#[cfg(not(unix))]
async fn interrupted() -> Result<()> {
    Ok(signal::ctrl_c().await?)
}
