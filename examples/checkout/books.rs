//! The books of `payments`: a SQLite database of its own, which knows nothing of resonate but two things that every
//! entry carries. The promise's id is the key, so an entry is made once; the task's version is the fence, so what an
//! old claim still tries is refused.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use resonate::prelude::*;
use rusqlite::{
    Connection, OptionalExtension, Row, ToSql, Transaction, TransactionBehavior, params,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

use crate::{
    effects::{EffectLog, Run, What},
    orders::Money,
};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS entry (
        promise  TEXT PRIMARY KEY,                   -- the idempotency key
        version  INTEGER NOT NULL,                   -- the fence: the highest that came with this key
        what     TEXT NOT NULL CHECK (what IN ('charge', 'refund')),
        order_id TEXT NOT NULL,
        currency TEXT NOT NULL,
        cents    INTEGER NOT NULL CHECK (cents >= 0),
        refunds  TEXT UNIQUE REFERENCES entry        -- the charge that a refund gives back, once
    ) STRICT, WITHOUT ROWID;
";

/// Money that was taken or given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) promise: String,
    pub(crate) order: String,
    pub(crate) amount: Money,
    /// The charge that this gives back; none if it is a charge.
    pub(crate) refunds: Option<String>,
}

/// What the books refuse.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnterError {
    #[error("{promise} was claimed again as version {seen}; version {version} comes too late")]
    Stale {
        promise: String,
        version: u64,
        seen: u64,
    },
    #[error("{promise} is in the books with another order or amount")]
    Differs { promise: String },
    #[error("the books cannot be written")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the effect log cannot be written")]
    Log(#[from] std::io::Error),
}

/// The open database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    connection: Mutex<Connection>,
    effects: EffectLog,
}

impl Books {
    /// Opens the books of a data folder; both are made if they are not there.
    pub(crate) fn open(data_dir: &Path) -> Result<Self> {
        let effects = EffectLog::open(data_dir)?;
        let connection = Connection::open(data_dir.join("books.sqlite"))?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.execute_batch(SCHEMA)?;
        let inner = Inner {
            connection: Mutex::new(connection),
            effects,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Makes an entry, unless this promise made it already. When this returns, it is on disk.
    pub(crate) async fn enter(&self, run: Run, entry: Entry) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || inner.enter(&run, &entry)).await??;
        Ok(())
    }

    /// True if there are books in this data folder.
    pub(crate) fn are_in(data_dir: &Path) -> bool {
        data_dir.join("books.sqlite").exists()
    }

    /// All entries.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>> {
        let connection = self
            .inner
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut select = connection.prepare(
            "SELECT promise, order_id, currency, cents, refunds FROM entry ORDER BY promise",
        )?;
        let entries = select
            .query_map([], read)?
            .collect::<rusqlite::Result<_>>()?;
        Ok(entries)
    }
}

impl Inner {
    fn enter(&self, run: &Run, entry: &Entry) -> Result<(), EnterError> {
        // A panic while it was held has rolled its transaction back.
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let is_new = fence(&transaction, run, entry)?;
        self.effects.append(run, entry.what())?;
        if is_new {
            insert(&transaction, run, entry)?;
        } else {
            let fence = "UPDATE entry SET version = ?2 WHERE promise = ?1";
            transaction.execute(fence, params![run.promise, Number(run.version)])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

/// True if the books do not have the entry yet.
fn fence(transaction: &Transaction<'_>, run: &Run, entry: &Entry) -> Result<bool, EnterError> {
    let select =
        "SELECT promise, order_id, currency, cents, refunds, version FROM entry WHERE promise = ?1";
    let seen = transaction
        .query_row(select, [&run.promise], |row| Ok((row.get(5)?, read(row)?)))
        .optional()?;
    let Some((Number(seen), old)) = seen else {
        return Ok(true);
    };
    if run.version < seen {
        let promise = run.promise.clone();
        return Err(EnterError::Stale {
            promise,
            version: run.version,
            seen,
        });
    }
    if old != *entry {
        return Err(EnterError::Differs {
            promise: run.promise.clone(),
        });
    }
    Ok(false)
}

fn insert(transaction: &Transaction<'_>, run: &Run, entry: &Entry) -> Result<(), EnterError> {
    let what = if entry.refunds.is_some() {
        "refund"
    } else {
        "charge"
    };
    let Money { currency, cents } = &entry.amount;
    transaction.execute(
        "INSERT INTO entry (promise, version, what, order_id, currency, cents, refunds)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            entry.promise,
            Number(run.version),
            what,
            entry.order,
            currency,
            Number(*cents),
            entry.refunds
        ],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let Number(cents) = row.get(3)?;
    Ok(Entry {
        promise: row.get(0)?,
        order: row.get(1)?,
        amount: Money {
            currency: row.get(2)?,
            cents,
        },
        refunds: row.get(4)?,
    })
}

/// SQLite has signed integers only.
struct Number(u64);

impl ToSql for Number {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let signed = i64::try_from(self.0)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        Ok(signed.into())
    }
}

impl FromSql for Number {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let signed = value.as_i64()?;
        u64::try_from(signed)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(signed))
    }
}

impl Entry {
    fn what(&self) -> What {
        if self.refunds.is_some() {
            What::Refund
        } else {
            What::Charge
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects;

    fn run(promise: &str, version: u64) -> Run {
        Run {
            promise: promise.to_owned(),
            version,
            attempt: 1,
        }
    }

    fn entry(promise: &str, cents: u64, refunds: Option<&str>) -> Entry {
        Entry {
            promise: promise.to_owned(),
            order: "order-0001".to_owned(),
            amount: Money {
                currency: "EUR".to_owned(),
                cents,
            },
            refunds: refunds.map(str::to_owned),
        }
    }

    fn books() -> (tempfile::TempDir, Books) {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        (folder, books)
    }

    #[tokio::test]
    async fn a_promise_makes_its_entry_once_however_often_it_runs() {
        let (folder, books) = books();
        for version in [1, 1, 3] {
            books
                .enter(
                    run("order-0001.charge", version),
                    entry("order-0001.charge", 250, None),
                )
                .await
                .unwrap();
        }
        assert_eq!(
            books.entries().unwrap(),
            [entry("order-0001.charge", 250, None)]
        );
        assert_eq!(
            effects::read(folder.path()).unwrap().len(),
            3,
            "every run is on record"
        );
    }

    #[tokio::test]
    async fn an_old_claim_is_refused_and_leaves_no_trace() {
        let (folder, books) = books();
        books
            .enter(
                run("order-0001.charge", 2),
                entry("order-0001.charge", 250, None),
            )
            .await
            .unwrap();
        let late = books
            .enter(
                run("order-0001.charge", 1),
                entry("order-0001.charge", 250, None),
            )
            .await;
        assert!(
            late.unwrap_err()
                .to_string()
                .contains("version 1 comes too late")
        );
        assert_eq!(effects::read(folder.path()).unwrap().len(), 1);
    }

    #[tokio::test]
    async fn one_promise_cannot_take_two_amounts() {
        let (_folder, books) = books();
        books
            .enter(
                run("order-0001.charge", 1),
                entry("order-0001.charge", 250, None),
            )
            .await
            .unwrap();
        let other = books
            .enter(
                run("order-0001.charge", 1),
                entry("order-0001.charge", 251, None),
            )
            .await;
        assert!(
            other
                .unwrap_err()
                .to_string()
                .contains("another order or amount")
        );
    }

    #[tokio::test]
    async fn a_charge_is_given_back_once() {
        let (_folder, books) = books();
        books
            .enter(
                run("order-0001.charge", 1),
                entry("order-0001.charge", 250, None),
            )
            .await
            .unwrap();
        let refund = |promise: &str| {
            books.enter(
                run(promise, 1),
                entry(promise, 250, Some("order-0001.charge")),
            )
        };
        refund("order-0001.refund").await.unwrap();
        assert!(refund("order-0001.refund-1").await.is_err());
        assert_eq!(books.entries().unwrap().len(), 2);
    }
}
