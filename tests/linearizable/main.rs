//! Operations are linearizable, also across `kill -9`: 32 clients against the real server process, and a checker that
//! replays everything they were told.
//!
//! [`run`] asks and kills, [`witness`] checks a history of any length by the positions that the answers carry, [`search`]
//! checks small ones and believes no position; [`forged`] has histories that must be refused. [`model`] is what both
//! believe of a promise.
//!
//! `RESONATE_OPERATIONS=1000000 cargo test --release -p resonate --test linearizable` is a long run, `RESONATE_SEED` the
//! choices of another. The order in which real processes meet is not drawn: a failed run prints what contradicts itself.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the exemption for tests ends at #[test] functions"
)]

mod client;
mod draw;
mod forged;
#[expect(dead_code, reason = "the other tests of real processes use more of it")]
#[path = "../process/harness.rs"]
mod harness;
mod history;
mod model;
mod run;
mod search;
mod witness;

use std::{collections::HashMap, env};

use tokio::time::Instant;

use self::{harness::Server, history::Operation, run::Size, witness::Checked};

/// What `cargo test` asks.
const OPERATIONS: u64 = 20_000;

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

fn size() -> Size {
    let operations = number("RESONATE_OPERATIONS").unwrap_or(OPERATIONS);
    let seed = number("RESONATE_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("RESONATE_OPERATIONS={operations} RESONATE_SEED={seed}");
    let kills = (operations / 1_000).clamp(8, 300);
    Size {
        operations,
        kills,
        seed,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_what_one_promise_after_the_other_would_give_across_kills() {
    let size = size();
    let folder = tempfile::tempdir().unwrap();
    let mut server = tokio::task::block_in_place(|| Server::start(folder.path(), &[]));
    let start = Instant::now();
    let (history, kills) = run::run(&mut server, size).await;
    let asked = start.elapsed();
    let checked = witness::check(&history).unwrap_or_else(|violation| panic!("{violation:#?}"));
    let searched = search_small(&history);
    let Checked {
        answered,
        open,
        done,
        writes,
    } = checked;
    println!(
        "FIGURES {{\"kind\":\"linearizability\",\"operations\":{answered},\"writes\":{writes},\"unanswered\":{open},\
         \"unanswered_and_done\":{done},\"searched\":{searched},\"kills\":{kills},\"seconds\":{:.1},\
         \"seconds_to_check\":{:.1},\"lost\":0}}",
        asked.as_secs_f64(),
        (start.elapsed() - asked).as_secs_f64(),
    );
    assert!(size.operations <= answered, "{checked:?}");
    assert_eq!(kills, size.kills);
    assert!(
        0 < open && 0 < done && 0 < searched,
        "nothing was under way when the server died: {checked:?}, {searched} searched"
    );
    assert!(
        answered / 14 < writes,
        "too few writes to mean anything: {checked:?}"
    );
}

/// Searches an order for every promise that was asked little of; says how many there were.
fn search_small(history: &[Operation]) -> usize {
    let mut by_key = HashMap::<u32, Vec<Operation>>::new();
    for operation in history {
        by_key
            .entry(operation.key)
            .or_default()
            .push(operation.clone());
    }
    by_key.retain(|_, operations| operations.len() <= search::MOST);
    for operations in by_key.values() {
        assert!(
            search::is_linearizable(operations),
            "no order explains {operations:#?}"
        );
    }
    by_key.len()
}
