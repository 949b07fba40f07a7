//! Lists of promises: what to look for, and one page of what was found.

use std::sync::Arc;

use resonate_core::{Mode, PromiseId, Record};

use crate::{
    convert::{BadMessage, Reading, optional_text},
    v1,
};

/// Promises by state, function and id, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Only these.
    pub state: Option<StateFilter>,
    /// Only calls of these.
    pub function: Option<FunctionFilter>,
    /// What the id begins with; empty for any.
    pub prefix: String,
    /// No children.
    pub roots_only: bool,
    /// At most that many on a page; the server has its own limit too.
    pub limit: Option<u32>,
    /// From the last page; empty for the first.
    pub cursor: String,
}

/// A promise and everything below it, callers before their calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeSearch {
    /// The uppermost.
    pub id: PromiseId,
    /// At most that many on a page; the server has its own limit too.
    pub limit: Option<u32>,
    /// From the last page; empty for the first.
    pub cursor: String,
}

/// One page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What was found.
    pub records: Vec<Arc<Record>>,
    /// For the next page; empty when there is none.
    pub cursor: String,
}

/// A promise's state, or its task's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateFilter {
    /// A promise nobody knows the answer of.
    Pending,
    /// A promise with a value.
    Resolved,
    /// A promise with an error.
    Rejected,
    /// A canceled promise.
    Canceled,
    /// A promise whose time was over.
    TimedOut,
    /// A pending promise whose task a worker has.
    Leased,
    /// A pending promise whose task waits.
    Suspended,
    /// A pending promise whose task is stopped.
    Halted,
    /// A schedule that was not deleted.
    Schedule,
}

impl StateFilter {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Resolved,
        Self::Rejected,
        Self::Canceled,
        Self::TimedOut,
        Self::Leased,
        Self::Suspended,
        Self::Halted,
        Self::Schedule,
    ];

    /// Its name, as people read and write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Resolved => "resolved",
            Self::Rejected => "rejected",
            Self::Canceled => "canceled",
            Self::TimedOut => "timedout",
            Self::Leased => "leased",
            Self::Suspended => "suspended",
            Self::Halted => "halted",
            Self::Schedule => "schedule",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether a record is in this state.
    #[must_use]
    pub fn takes(self, record: &Record) -> bool {
        let of_task = || {
            record
                .promise
                .is_pending()
                .then_some(record.task.as_ref()?.state_name())
        };
        match self {
            Self::Leased | Self::Suspended | Self::Halted => of_task() == Some(self.name()),
            Self::Schedule => {
                let schedule = record.promise.schedule();
                schedule.is_some_and(|schedule| schedule.mode != Mode::Deleted)
            }
            Self::Pending | Self::Resolved | Self::Rejected | Self::Canceled | Self::TimedOut => {
                record.promise.state_name() == self.name()
            }
        }
    }
}

/// Calls of a service, or of one function of it in any version: `payments/`, `payments/charge`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFilter {
    /// The service.
    pub service: String,
    /// The function; none for all of the service.
    pub function: Option<String>,
}

impl FunctionFilter {
    /// Reads `service/function` or `service/`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (service, function) = text
            .split_once('/')
            .filter(|(service, _)| !service.is_empty())?;
        let function = Some(function.to_owned()).filter(|function| !function.is_empty());
        Some(Self {
            service: service.to_owned(),
            function,
        })
    }

    /// Whether a record is a call of these.
    #[must_use]
    pub fn takes(&self, record: &Record) -> bool {
        record.promise.call().is_some_and(|call| {
            let is_function = |function: &String| *call.address.function == **function;
            *call.address.service == *self.service && self.function.as_ref().is_none_or(is_function)
        })
    }
}

impl std::fmt::Display for FunctionFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}/{}",
            self.service,
            self.function.as_deref().unwrap_or_default()
        )
    }
}

impl From<&Search> for v1::SearchRequest {
    fn from(search: &Search) -> Self {
        Self {
            state: search
                .state
                .map_or_else(String::new, |state| state.name().to_owned()),
            function: optional_text(search.function.as_ref()),
            prefix: search.prefix.clone(),
            roots_only: search.roots_only,
            limit: search.limit.unwrap_or(0),
            cursor: search.cursor.clone(),
        }
    }
}

impl TryFrom<v1::SearchRequest> for Search {
    type Error = BadMessage;
    fn try_from(wire: v1::SearchRequest) -> Result<Self, BadMessage> {
        const READING: Reading = Reading("SearchRequest");
        Ok(Self {
            state: READING.optional("state", wire.state, StateFilter::named)?,
            function: READING.optional("function", wire.function, FunctionFilter::parse)?,
            prefix: wire.prefix,
            roots_only: wire.roots_only,
            limit: Some(wire.limit).filter(|limit| *limit > 0),
            cursor: wire.cursor,
        })
    }
}

impl From<&Page> for v1::SearchReply {
    fn from(page: &Page) -> Self {
        Self {
            records: write_records(&page.records),
            cursor: page.cursor.clone(),
        }
    }
}

impl TryFrom<v1::SearchReply> for Page {
    type Error = BadMessage;
    fn try_from(wire: v1::SearchReply) -> Result<Self, BadMessage> {
        Ok(Self {
            records: read_records(wire.records)?,
            cursor: wire.cursor,
        })
    }
}

impl From<&TreeSearch> for v1::TreeRequest {
    fn from(search: &TreeSearch) -> Self {
        Self {
            id: search.id.to_string(),
            cursor: search.cursor.clone(),
            limit: search.limit.unwrap_or(0),
        }
    }
}

impl TryFrom<v1::TreeRequest> for TreeSearch {
    type Error = BadMessage;
    fn try_from(wire: v1::TreeRequest) -> Result<Self, BadMessage> {
        let id = Reading("TreeRequest").id("id", wire.id)?;
        Ok(Self {
            id,
            limit: Some(wire.limit).filter(|limit| *limit > 0),
            cursor: wire.cursor,
        })
    }
}

impl From<&Page> for v1::TreeReply {
    fn from(page: &Page) -> Self {
        Self {
            records: write_records(&page.records),
            cursor: page.cursor.clone(),
        }
    }
}

impl TryFrom<v1::TreeReply> for Page {
    type Error = BadMessage;
    fn try_from(wire: v1::TreeReply) -> Result<Self, BadMessage> {
        Ok(Self {
            records: read_records(wire.records)?,
            cursor: wire.cursor,
        })
    }
}

fn write_records(records: &[Arc<Record>]) -> Vec<v1::Record> {
    records.iter().map(|record| (&**record).into()).collect()
}

fn read_records(records: Vec<v1::Record>) -> Result<Vec<Arc<Record>>, BadMessage> {
    records
        .into_iter()
        .map(|record| record.try_into().map(Arc::new))
        .collect()
}
