//! The other side of the shop's counter: whoever gives it the orders and is told what became of them.
//!
//! This is ordinary code, not durable: if it dies, it is started again and asks again. The id of an order is the id of
//! its checkout, so asking twice is asking once.

use std::{pin::pin, time::Duration};

use futures::{StreamExt, stream};
use resonate::prelude::*;

use crate::{
    answers::{Answers, Outcome},
    orders::{Order, Orders},
    progress::Progress,
    shop::checkout,
};

/// Orders that are under way at a time.
const CONCURRENCY: usize = 100;

/// Gives the shop every order that has no answer yet, and writes down the answers.
pub(crate) async fn submit(
    orders: &Orders,
    answers: &mut Answers,
    progress: &Progress,
    pace: Duration,
) -> Result<()> {
    let mut missing = Vec::new();
    for order in orders.iter() {
        match answers.find(&order.id) {
            Some(outcome) => progress.count_earlier(outcome),
            None => missing.push(order),
        }
    }
    let paced = stream::iter(missing).then(|order| async move {
        tokio::time::sleep(pace).await;
        order
    });
    let mut told = pin!(paced.map(ask).buffer_unordered(CONCURRENCY));
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    loop {
        select! {
            next = told.next() => match next {
                Some((order, Ok(outcome))) => {
                    progress.count(&outcome);
                    answers.record(&order.id, outcome)?;
                }
                // Not an answer of the shop: the call itself failed. The verdict will miss an answer.
                Some((order, Err(error))) => progress.note(&format!("{}: {error:#}", order.id)),
                None => break,
            },
            _ = tick.tick() => progress.show(),
        }
    }
    Ok(())
}

async fn ask(order: &Order) -> (&Order, Result<Outcome>) {
    let result = checkout(order.clone()).id(&order.id).result().await;
    (order, result.map(Outcome::from))
}

/// Plays the person: says yes to every order that waits for one.
pub(crate) async fn approve_all(orders: &Orders, progress: &Progress) -> Result<()> {
    for approval in orders.iter().filter_map(Order::approval) {
        if approve(&approval).await? {
            progress.note(&format!(
                "{approval}: needs a person; this program plays that person and says yes"
            ));
        }
    }
    Ok(())
}

/// False if somebody was faster. Waits until the order is so far that it asks.
async fn approve(approval: &str) -> Result<bool> {
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    loop {
        tick.tick().await;
        match resonate::resolve(approval, &true).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            told => return told,
        }
    }
}
