//! Exactly once in a database of your own: the result of a step is kept in the very transaction that moves the money, so
//! a step that runs again after a crash finds it. `cargo test --example transfer` crashes it at every turn.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use resonate::prelude::*;
use rusqlite::{Connection, OptionalExtension};

const SCHEMA: &str = "
    CREATE TABLE accounts (name TEXT PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0));
    CREATE TABLE steps (key TEXT PRIMARY KEY, result TEXT NOT NULL);
    INSERT INTO accounts VALUES ('ada', 10000), ('bob', 0);";

static BOOKS: LazyLock<Mutex<Connection>> = LazyLock::new(|| Mutex::new(opened()));

fn opened() -> Connection {
    let books = Connection::open_in_memory().expect("memory");
    books.execute_batch(SCHEMA).expect("the schema is SQL");
    books
}

fn books() -> MutexGuard<'static, Connection> {
    BOOKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves money and gives what is left. Effect and result are committed together, under the step's own key.
fn transfer(books: &mut Connection, from: &str, to: &str, cents: i64) -> Result<i64> {
    let key = execution().idempotency_key().to_owned();
    let tx = books.transaction()?;
    let find = "SELECT result FROM steps WHERE key = ?1";
    let kept: Option<String> = tx.query_row(find, [&key], |row| row.get(0)).optional()?;
    if let Some(kept) = kept {
        return Ok(kept.parse()?);
    }
    let change = "UPDATE accounts SET cents = cents + ?2 WHERE name = ?1 RETURNING cents";
    let left: i64 = tx.query_row(change, (from, -cents), |row| row.get(0))?;
    let _has_now: i64 = tx.query_row(change, (to, cents), |row| row.get(0))?;
    // Of two workers that come to this, the second one meets the first one's key, and is rolled back.
    let keep = "INSERT INTO steps (key, result) VALUES (?1, ?2)";
    tx.execute(keep, (&key, left.to_string()))?;
    tx.commit()?;
    Ok(left)
}

/// Three rates, a day apart.
#[durable(service = "bank")]
async fn pay_off(from: String, to: String, rate: i64) -> Result<i64> {
    let mut left = 0;
    for _ in 0..3 {
        left = step(|| async { transfer(&mut books(), &from, &to, rate) })
            .label("transfer")
            .await?;
        sleep(seconds(1)).await;
    }
    Ok(left)
}

#[tokio::main]
async fn main() -> Result<()> {
    let resonate = Resonate::builder().in_memory().start().await?;
    let paid = pay_off("ada".into(), "bob".into(), 1_500).id("loan-7");
    println!("ada has {} cents left", paid.await?);
    resonate.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[resonate::test(crash_everywhere)]
    async fn money_moves_once_whatever_crashes() -> Result<()> {
        *books() = opened();
        let left = pay_off("ada".into(), "bob".into(), 1_500).id("loan-7");
        assert_eq!(left.await?, 5_500);
        let bob = "SELECT cents FROM accounts WHERE name = 'bob'";
        let cents: i64 = books().query_row(bob, [], |row| row.get(0))?;
        assert_eq!(cents, 4_500);
        Ok(())
    }
}
