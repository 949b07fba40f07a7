//! Records to rows and back: the one place where the engine's types meet the store's.

use std::sync::Arc;

use resonate_core::{Kind, Message, Mode, Outcome, Part, PromiseId, Record, TaskState, Timestamp};
use resonate_proto::{
    client::StateFilter,
    store::{self as format, Stored},
};

use super::memory::PageRow;

use crate::store::{Limit, LoadError, Mark, OutboxRow, Row, Store};

/// What was read cannot be understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store did not answer, or found damage.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The row is whole, and yet no record of ours.
    #[error("the record {key} of partition {part} cannot be read: {source}")]
    Document {
        /// Its partition.
        part: Part,
        /// Its root and number.
        key: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ReadError {
    /// True if the data is damaged, false if it could only not be read now.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Document { .. } | Self::Load(LoadError::Damaged(_)) => true,
            Self::Load(_) => false,
        }
    }
}

/// One tree as the store has it.
#[derive(Debug)]
pub(super) struct StoredTree {
    pub(super) root_no: u64,
    pub(super) rows: Vec<(u64, StoredRow)>,
}

/// One row of it.
#[derive(Debug)]
pub(super) enum StoredRow {
    Record(Box<Record>),
    Page(PageRow),
}

/// Reads a whole tree, page by page. `None` if there is no such root.
pub(super) fn load_tree(
    store: &mut dyn Store,
    part: Part,
    root: &str,
) -> Result<Option<StoredTree>, ReadError> {
    let mut found: Option<StoredTree> = None;
    loop {
        let after = found
            .as_ref()
            .and_then(|tree| tree.rows.last())
            .map(|(child_no, _)| *child_no);
        let Some(tree) = store.tree(part, root, after, Limit::default())? else {
            return Ok(found);
        };
        let stored = found.get_or_insert_with(|| StoredTree {
            root_no: tree.root_no,
            rows: Vec::new(),
        });
        let is_last = !tree.page.more || tree.page.rows.is_empty();
        for row in tree.page.rows {
            let read = match read_row(part, root, &row)? {
                Stored::Record(record) => StoredRow::Record(record),
                Stored::Awaiters(page) => StoredRow::Page(PageRow {
                    page: Arc::new(page),
                    created_at: Timestamp::from_millis(row.created_at),
                    over_at: row.settled_at.map(Timestamp::from_millis),
                }),
            };
            stored.rows.push((row.child_no, read));
        }
        if is_last {
            return Ok(found);
        }
    }
}

/// The record of a row; none if the row is a page of awaiters, which only the engine knows.
///
/// # Errors
/// Says what is wrong with the row.
pub fn read_record(part: Part, root: &str, row: &Row) -> Result<Option<Record>, ReadError> {
    Ok(match read_row(part, root, row)? {
        Stored::Record(record) => Some(*record),
        Stored::Awaiters(_) => None,
    })
}

/// What a row holds; its id must be the row's.
pub(crate) fn read_row(part: Part, root: &str, row: &Row) -> Result<Stored, ReadError> {
    let bad = |source: Box<dyn std::error::Error + Send + Sync>| ReadError::Document {
        part,
        key: format!("{root}{} ({}/{})", row.id, row.root_no, row.child_no),
        source,
    };
    let read = format::decode_row(&row.doc).map_err(|error| bad(error.into()))?;
    let id = match &read {
        Stored::Record(record) => record.promise.id.to_string(),
        Stored::Awaiters(page) => page_name(&page.of, page.number),
    };
    if id.strip_prefix(root) != Some(row.id.as_str()) {
        return Err(bad(format!("it says that it is {id}").into()));
    }
    Ok(read)
}

/// What a page of awaiters is called among the rows: for people, the document says what it is.
fn page_name(of: &PromiseId, number: u32) -> String {
    format!("{of}:.awaiters-{number}")
}

/// The row of a page of awaiters.
pub(super) fn write_page(written: &PageRow, root_no: u64, child_no: u64) -> Row {
    let page = &*written.page;
    let root = page.of.root().len();
    let name = page_name(&page.of, page.number);
    Row {
        root_no,
        child_no,
        id: name.get(root..).unwrap_or_default().to_owned(),
        state: PAGE,
        due_at: None,
        created_at: written.created_at.as_millis(),
        settled_at: written.over_at.map(Timestamp::as_millis),
        target: None,
        function: None,
        doc: format::encode_awaiters(page),
    }
}

/// The number of a page of awaiters, which has no state.
const PAGE: u8 = 0;

/// The row of a record.
#[must_use]
pub fn write_record(record: &Record, root_no: u64, child_no: u64) -> Row {
    let promise = &record.promise;
    let call = promise.call();
    Row {
        root_no,
        child_no,
        id: promise.id.rest().to_owned(),
        state: state_number(record),
        due_at: record.due_at().map(|at| at.as_millis()),
        created_at: promise.created_at.as_millis(),
        settled_at: promise.settled().map(|settled| settled.at.as_millis()),
        target: call.map(|call| call.address.service.to_string()),
        function: call.map(|call| call.address.function.to_string()),
        doc: format::encode_record(record),
    }
}

/// The number of a record's state in its row: the task's while it says more than `pending`. Written to disk; a number
/// keeps its meaning for ever.
fn state_number(record: &Record) -> u8 {
    if let Some(settled) = record.promise.settled() {
        return match settled.outcome {
            Outcome::Resolved(_) => 16,
            Outcome::Rejected(_) | Outcome::Failed(_) => 17,
            Outcome::Canceled { .. } => 18,
            Outcome::TimedOut => 19,
        };
    }
    match (
        &record.promise.kind,
        record.task.as_ref().map(|task| &task.state),
    ) {
        (Kind::Schedule(schedule), _) if schedule.mode == Mode::Deleted => DELETED,
        (Kind::Schedule(_), _) => SCHEDULE,
        (_, Some(TaskState::Leased { .. })) => LEASED,
        (_, Some(TaskState::Suspended { .. })) => 4,
        (_, Some(TaskState::Halted(_))) => 5,
        (_, Some(TaskState::Pending { .. } | TaskState::Done)) => 2,
        (Kind::Call(_) | Kind::Step | Kind::Timer | Kind::External | Kind::Proxy(_), None) => 1,
    }
}

/// The number of a schedule, and of one that was deleted.
const SCHEDULE: u8 = 6;
const DELETED: u8 = 7;

/// The number of a leased task.
const LEASED: u8 = 3;

/// True if the row's task is leased.
pub(super) fn is_leased(row: &Row) -> bool {
    row.state == LEASED
}

/// The state's number in a row; none where several numbers belong to it.
pub(crate) fn number_of(state: StateFilter) -> Option<u8> {
    match state {
        StateFilter::Pending => None,
        StateFilter::Leased => Some(LEASED),
        StateFilter::Suspended => Some(4),
        StateFilter::Halted => Some(5),
        StateFilter::Schedule => Some(SCHEDULE),
        StateFilter::Resolved => Some(16),
        StateFilter::Rejected => Some(17),
        StateFilter::Canceled => Some(18),
        StateFilter::TimedOut => Some(19),
    }
}

/// The row of a message, number `n` of its batch.
pub(crate) fn write_message(message: &Message, n: u32) -> OutboxRow {
    OutboxRow {
        n,
        dst: message.target().part(),
        doc: format::encode_message(message),
    }
}

/// All messages that a partition has written and nobody has trimmed, oldest first.
pub(super) fn load_messages(
    store: &mut dyn Store,
    part: Part,
) -> Result<Vec<(Mark, Message)>, ReadError> {
    let mut messages: Vec<(Mark, Message)> = Vec::new();
    loop {
        let after = messages.last().map(|(mark, _)| *mark);
        let page = store.outbox(part, after, Limit::default())?;
        let is_last = !page.more || page.rows.is_empty();
        for (mark, row) in page.rows {
            let message =
                format::decode_message(&row.doc).map_err(|source| ReadError::Document {
                    part,
                    key: format!("message {}/{}/{}", mark.epoch, mark.seq, mark.n),
                    source: source.into(),
                })?;
            messages.push((mark, message));
        }
        if is_last {
            return Ok(messages);
        }
    }
}

#[cfg(test)]
mod tests {
    use resonate_core::{Memory, testing::random::Draw};

    use super::*;

    #[test]
    fn the_numbers_of_states_say_what_people_search_for() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200_u8 {
            let bytes: Vec<u8> = (0..3_000_u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8 ^ seed)
                .collect();
            let (mut draw, mut state) = (Draw::new(&bytes), Memory::default());
            while let Some((at, request)) = draw.request(&state) {
                state.request(at, request);
            }
            for record in state.records() {
                for filter in StateFilter::ALL {
                    let Some(number) = number_of(filter) else {
                        continue;
                    };
                    assert_eq!(
                        filter.takes(record),
                        state_number(record) == number,
                        "{filter:?} {record:?}"
                    );
                }
                seen.insert(state_number(record));
            }
        }
        assert_eq!(
            seen.into_iter().collect::<Vec<_>>(),
            [1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19]
        );
    }
}
