//! Searches and trees: pages of committed rows, read beside the engine so that a long list holds up nobody.
//!
//! A store shows a row only after its commit is durable, so a list never shows what a crash could take back.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use resonate_core::{Part, PromiseId, Record, limits};
use resonate_proto::client::{Page, Search, TreeSearch};

use crate::{
    engine::disk::{ReadError, number_of, read_record},
    limits::{LIST_BYTES, SEARCH_ROWS},
    store::{self, Hits, Key, Limit, LoadError, Order, Place, Reader},
};

/// Reads lists. Cheap to clone; one list is read at a time.
#[derive(Clone, Debug)]
pub(crate) struct Lists {
    reader: Arc<Mutex<Box<dyn Reader>>>,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    /// The cursor is none of ours.
    #[error(
        "{0:?} is no cursor of this list; take it from the last page, or leave it out for the first"
    )]
    Cursor(String),
    /// There is no such promise.
    #[error("there is no promise `{0}`")]
    NotFound(PromiseId),
    /// The rows cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Reading was interrupted.
    #[error("the list was not read to its end; ask again")]
    Interrupted,
}

impl From<LoadError> for ListError {
    fn from(error: LoadError) -> Self {
        Self::Read(error.into())
    }
}

impl Lists {
    pub(crate) fn new(reader: Box<dyn Reader>) -> Self {
        Self {
            reader: Arc::new(Mutex::new(reader)),
        }
    }

    /// Promises by state, function and id, newest first.
    pub(crate) async fn search(&self, asked: Search) -> Result<Page, ListError> {
        self.read(move |reader| search(reader, &asked)).await
    }

    /// A promise and everything below it, callers before their calls.
    pub(crate) async fn tree(&self, asked: TreeSearch) -> Result<Page, ListError> {
        self.read(move |reader| tree(reader, &asked)).await
    }

    async fn read(
        &self,
        list: impl FnOnce(&mut dyn Reader) -> Result<Page, ListError> + Send + 'static,
    ) -> Result<Page, ListError> {
        let reader = Arc::clone(&self.reader);
        let read = tokio::task::spawn_blocking(move || {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            list(&mut **reader)
        });
        read.await.unwrap_or(Err(ListError::Interrupted))
    }
}

pub(crate) fn search(reader: &mut dyn Reader, asked: &Search) -> Result<Page, ListError> {
    let function = asked.function.as_ref();
    let root = asked.prefix.split(['.', ':']).next().unwrap_or_default();
    let mut search = store::Search {
        order: Order::NewestFirst,
        after: (!asked.cursor.is_empty())
            .then(|| place(&asked.cursor))
            .transpose()?,
        root_prefix: root.to_owned(),
        // A root by its id alone has number 0 in its tree, but `user:42` has no caller either.
        roots_only: false,
        state: asked.state.and_then(number_of),
        function: function.and_then(|filter| filter.function.clone()),
        target: function.map(|filter| filter.service.clone()),
        examine: SEARCH_ROWS,
    };
    let limit = limit(asked.limit);
    let (mut records, mut bytes, mut examined) = (Vec::new(), 0, 0);
    // What is filtered here leaves a page short, so it is filled from the next ones, as far as a search may look.
    let next = loop {
        let Hits { rows, next } = reader.search(&search, limit)?;
        let is_whole = rows.len() >= limit.rows;
        examined += rows.len();
        let mut rows = rows.into_iter();
        while let Some(found) = rows.next() {
            let read = read_record(found.part, &found.root, &found.row)?;
            let Some(record) = read.filter(|record| wants(asked, record)) else {
                continue;
            };
            bytes += found.row.doc.len();
            records.push(Arc::new(record));
            if records.len() >= limit.rows || bytes >= limit.bytes {
                let rest = !rows.as_slice().is_empty();
                let place = if rest {
                    Some(found.created_place())
                } else {
                    next
                };
                return Ok(page(records, place));
            }
        }
        // A page that the store left short has looked at as much as a search may.
        if next.is_none() || !is_whole || examined >= SEARCH_ROWS {
            break next;
        }
        search.after = next;
    };
    Ok(page(records, next))
}

fn wants(asked: &Search, record: &Record) -> bool {
    record.promise.id.as_str().starts_with(&asked.prefix)
        && (!asked.roots_only || record.promise.origin.is_none())
        && asked.state.is_none_or(|state| state.takes(record))
}

fn page(records: Vec<Arc<Record>>, next: Option<Place>) -> Page {
    Page {
        records,
        cursor: next
            .map(|place| Cursor(place).to_string())
            .unwrap_or_default(),
    }
}

pub(crate) fn tree(reader: &mut dyn Reader, asked: &TreeSearch) -> Result<Page, ListError> {
    let bad = || ListError::Cursor(asked.cursor.clone());
    let last = if asked.cursor.is_empty() {
        None
    } else {
        Some(asked.cursor.parse::<u64>().map_err(|_| bad())?)
    };
    if asked.id.rest().is_empty() {
        whole_tree(reader, &asked.id, last, limit(asked.limit))
    } else {
        branch(reader, &asked.id, last, limit(asked.limit))
    }
}

fn whole_tree(
    reader: &mut dyn Reader,
    id: &PromiseId,
    last: Option<u64>,
    limit: Limit,
) -> Result<Page, ListError> {
    let (part, root) = (id.part(), id.root());
    let tree = reader
        .tree(part, root, last, limit)?
        .ok_or_else(|| ListError::NotFound(id.clone()))?;
    let cursor = tree
        .page
        .rows
        .last()
        .filter(|_| tree.page.more)
        .map(|row| row.child_no.to_string());
    let records: Result<Vec<_>, _> = tree
        .page
        .rows
        .iter()
        .filter_map(|row| read_record(part, root, row).transpose())
        .map(|read| read.map(Arc::new))
        .collect();
    Ok(Page {
        records: records?,
        cursor: cursor.unwrap_or_default(),
    })
}

/// What lies below a promise is told by the rows before it, so a branch is read from the beginning of its tree.
fn branch(
    reader: &mut dyn Reader,
    id: &PromiseId,
    last: Option<u64>,
    limit: Limit,
) -> Result<Page, ListError> {
    let (part, root): (Part, &str) = (id.part(), id.root());
    let (mut members, mut records, mut after) = (HashSet::new(), Vec::new(), None);
    let mut bytes = 0;
    loop {
        let Some(tree) = reader.tree(part, root, after, Limit::default())? else {
            break;
        };
        for row in &tree.page.rows {
            after = Some(row.child_no);
            let read = read_record(part, root, row)?;
            let Some(record) = read.filter(|record| is_below(record, id, &members)) else {
                continue;
            };
            members.insert(record.promise.id.clone());
            if last.is_some_and(|last| row.child_no <= last) {
                continue;
            }
            bytes += row.doc.len();
            records.push(Arc::new(record));
            if records.len() >= limit.rows || bytes >= limit.bytes {
                return Ok(Page {
                    records,
                    cursor: row.child_no.to_string(),
                });
            }
        }
        if !tree.page.more {
            break;
        }
    }
    if members.is_empty() {
        return Err(ListError::NotFound(id.clone()));
    }
    Ok(Page {
        records,
        cursor: String::new(),
    })
}

fn is_below(record: &Record, top: &PromiseId, members: &HashSet<PromiseId>) -> bool {
    record.promise.id == *top
        || record
            .promise
            .parent()
            .is_some_and(|parent| members.contains(parent))
}

/// A page must fit a message; the row that crosses this is the last, and may be large itself.
fn limit(rows: Option<u32>) -> Limit {
    let asked = rows.and_then(|rows| usize::try_from(rows).ok());
    Limit {
        rows: asked.map_or(limits::PAGE, |rows| rows.clamp(1, limits::PAGE)),
        bytes: LIST_BYTES,
    }
}

/// A place as text: `at-root-part-child`.
struct Cursor(Place);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place {
            at,
            key:
                Key {
                    root_no,
                    part,
                    child_no,
                },
        } = self.0;
        write!(f, "{at}-{root_no}-{part}-{child_no}")
    }
}

fn place(cursor: &str) -> Result<Place, ListError> {
    let bad = || ListError::Cursor(cursor.to_owned());
    let mut parts = cursor.split('-');
    let mut next = || parts.next().ok_or_else(bad);
    let (at, root_no) = (
        next()?.parse().map_err(|_| bad())?,
        next()?.parse().map_err(|_| bad())?,
    );
    let part = Part(next()?.parse().map_err(|_| bad())?);
    let child_no = next()?.parse().map_err(|_| bad())?;
    Ok(Place {
        at,
        key: Key {
            root_no,
            part,
            child_no,
        },
    })
}
