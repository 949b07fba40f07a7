use std::time::Duration;

use dbos::{Config, DBOS, Error, RunOptions, StepOptions, recv, step, step_with, workflow_id};
use futures::future::join_all;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Order {
    card: String,
    cents: u64,
    items: Vec<String>,
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
#[error("{0}")]
struct OrderError(String);

type Result<T> = dbos::Result<T, OrderError>;

async fn charge(card: &str, cents: u64) -> Result<String> {
    println!("{cents} from {card}");
    Ok(format!("{cents} from {card}"))
}

async fn refund(receipt: &str) -> Result<()> {
    println!("back: {receipt}");
    Ok(())
}

async fn ask(order: Option<&str>, cents: u64) -> Result<()> {
    println!("{cents}? Send true or false to {order:?}");
    Ok(())
}

async fn ship(item: &str) -> Result<String> {
    println!("{item} is on its way");
    Ok(format!("parcel with {item}"))
}

async fn checkout(order: Order) -> Result<Vec<String>> {
    let receipt = step("charge", || charge(&order.card, order.cents)).await?;
    match approve_and_ship(&order).await {
        Err(error @ (Error::Application(_) | Error::MaxStepRetriesExceeded { .. })) => {
            step("refund", || refund(&receipt)).await?;
            Err(error)
        }
        ended => ended,
    }
}

async fn approve_and_ship(order: &Order) -> Result<Vec<String>> {
    let id = workflow_id();
    step("ask", || ask(id.as_deref(), order.cents)).await?;
    let approved: Option<bool> = recv(None, Duration::from_secs(2 * 24 * 60 * 60)).await?;
    if approved != Some(true) {
        return Err(Error::Application(OrderError("not approved".to_owned())));
    }
    let shipments = order.items.iter().map(|item| {
        let options = StepOptions {
            max_attempts: 5,
            ..Default::default()
        };
        step_with("ship", options, move || ship(item))
    });
    join_all(shipments).await.into_iter().collect()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let dbos = DBOS::new(Config {
        app_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        ..Config::from_env("orders")
    });
    let checkout = dbos.register_workflow("checkout", checkout)?;
    dbos.launch().await?;
    let order = Order {
        card: "4242".to_owned(),
        cents: 1200,
        items: vec!["tea".to_owned(), "cup".to_owned()],
    };
    let options = RunOptions {
        workflow_id: Some("order-42"),
        ..Default::default()
    };
    let parcels = checkout.run_with(order, options).await?;
    println!("{parcels:?}");
    dbos.shutdown().await;
    Ok(())
}
