//! What can be seen of promises from outside, and what to look for.

use std::{collections::BTreeMap, fmt, sync::Arc};

use resonate_core::{Outcome, PromiseId, Record, Task, TaskState, Timestamp};
use resonate_proto::client::{FunctionFilter, Search as Request, StateFilter};

use crate::{
    Error, ErrorKind, Result,
    codec::Codecs,
    plumbing::{Output, Value},
};

/// A promise as it was when it was looked at.
#[derive(Clone)]
pub struct Found {
    record: Arc<Record>,
    codecs: Codecs,
}

impl Found {
    pub(super) fn new(record: Arc<Record>, codecs: Codecs) -> Self {
        Self { record, codecs }
    }

    pub(super) fn into_record(self) -> Arc<Record> {
        self.record
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.record.promise.id.as_str()
    }

    /// `pending`, `resolved`, `rejected`, `canceled` or `timedout`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.record.promise.state_name()
    }

    /// What is done about it, if it is a call: `pending`, `leased`, `suspended`, `halted` or `done`.
    #[must_use]
    pub fn task_state(&self) -> Option<&'static str> {
        self.record.task.as_ref().map(Task::state_name)
    }

    /// Why it is halted, if it is: what happened, and what to do about it.
    #[must_use]
    pub fn halted(&self) -> Option<&str> {
        match &self.record.task.as_ref()?.state {
            TaskState::Halted(halted) => Some(&halted.reason),
            TaskState::Pending { .. }
            | TaskState::Leased { .. }
            | TaskState::Suspended { .. }
            | TaskState::Merged { .. }
            | TaskState::Done => None,
        }
    }

    /// The function, if it is a call: `service/function@version`.
    #[must_use]
    pub fn function(&self) -> Option<String> {
        self.record
            .promise
            .call()
            .map(|call| call.address.to_string())
    }

    /// The id of its caller, if it has one.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.record.promise.parent().map(PromiseId::as_str)
    }

    /// What it is labelled with.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.record.promise.labels
    }

    /// When it was created.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.record.promise.created_at
    }

    /// When it settled, if it did.
    #[must_use]
    pub fn settled_at(&self) -> Option<Timestamp> {
        self.record.promise.settled().map(|settled| settled.at)
    }

    /// Why it was canceled, if it was: what who did it said, or what became of the promise above it that it was canceled
    /// with.
    #[must_use]
    pub fn canceled(&self) -> Option<&str> {
        match &self.record.promise.settled()?.outcome {
            Outcome::Canceled { reason } => Some(reason),
            Outcome::Resolved(_)
            | Outcome::Rejected(_)
            | Outcome::Failed(_)
            | Outcome::TimedOut => None,
        }
    }

    /// The id of the promise above it whose end canceled it; none if it was canceled by itself, or not at all.
    #[must_use]
    pub fn because_of(&self) -> Option<&str> {
        let first = self.record.promise.settled()?.because_of.as_ref();
        first.map(PromiseId::as_str)
    }

    /// Its value; none while it is pending.
    ///
    /// # Errors
    /// How it ended, if not with a value, or that the value is no `T`.
    pub fn value<T: Value>(&self) -> Result<Option<T>> {
        let Some(settled) = self.record.promise.settled() else {
            return Ok(None);
        };
        Output::<T>::of_promise()
            .decode(&settled.outcome, &self.codecs, &self.record.promise.id)
            .map(Some)
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("id", &self.id())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// Which promises to look for; what is not said is not asked.
#[derive(Clone, Debug, Default)]
#[must_use = "it finds nothing until it is given to `Resonate::search`"]
pub struct Search {
    state: Option<String>,
    function: Option<String>,
    prefix: String,
    roots_only: bool,
    limit: Option<usize>,
}

/// Found at most, if nothing was said.
const LIMIT: usize = 1_000;

impl Search {
    /// Every promise.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only in this state: `pending`, `resolved`, `rejected`, `canceled`, `timedout`, `leased`, `suspended` or `halted`.
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Only calls of `service/function`, or of any function of `service/`.
    pub fn function(mut self, function: impl Into<String>) -> Self {
        self.function = Some(function.into());
        self
    }

    /// Only ids that begin so.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Only roots.
    pub fn roots(mut self) -> Self {
        self.roots_only = true;
        self
    }

    /// At most so many; 1,000 if nothing is said.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    pub(super) fn into_request(self) -> Result<(Request, usize)> {
        let misused = |message: String| Error::of(ErrorKind::Misused, message).into_terminal();
        let state = self.state.map(|state| {
            StateFilter::named(&state).ok_or_else(|| {
                let known: Vec<&str> = StateFilter::ALL.iter().map(|state| state.name()).collect();
                misused(format!(
                    "there is no state {state:?}; there are {}",
                    known.join(", ")
                ))
            })
        });
        let function = self.function.map(|function| {
            let no_function = || {
                misused(format!(
                    "{function:?} is no function; write `service/function` or `service/`"
                ))
            };
            FunctionFilter::parse(&function).ok_or_else(no_function)
        });
        let limit = self.limit.unwrap_or(LIMIT);
        let request = Request {
            state: state.transpose()?,
            function: function.transpose()?,
            prefix: self.prefix,
            roots_only: self.roots_only,
            limit: u32::try_from(limit).ok(),
            cursor: String::new(),
        };
        Ok((request, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_looked_for_says_what_can() {
        let text = |search: Search| search.into_request().unwrap_err().to_string();
        assert!(
            text(Search::new().state("running")).ends_with("timedout, leased, suspended, halted")
        );
        assert_eq!(
            text(Search::new().function("charge")),
            "\"charge\" is no function; write `service/function` or `service/`"
        );
        assert!(
            Search::new()
                .state("halted")
                .function("shop/")
                .into_request()
                .is_ok()
        );
    }
}
