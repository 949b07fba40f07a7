use std::time::Duration;

use resonate_sdk::prelude::*;
use serde::{Deserialize, Serialize};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Serialize, Deserialize)]
struct Order {
    card: String,
    cents: u64,
    items: Vec<String>,
}

#[resonate_sdk::function]
async fn charge(card: String, cents: u64) -> Result<String> {
    println!("{cents} from {card}");
    Ok(format!("{cents} from {card}"))
}

#[resonate_sdk::function]
async fn refund(receipt: String) -> Result<()> {
    println!("back: {receipt}");
    Ok(())
}

#[resonate_sdk::function]
async fn ask(approval: String, cents: u64) -> Result<()> {
    println!("{cents}? Resolve {approval} with true or false");
    Ok(())
}

async fn try_to_ship(item: &str) -> Result<String> {
    println!("{item} is on its way");
    Ok(format!("parcel with {item}"))
}

#[resonate_sdk::function]
async fn ship(item: String) -> Result<String> {
    for attempt in 1..5 {
        if let Ok(parcel) = try_to_ship(&item).await {
            return Ok(parcel);
        }
        tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
    }
    try_to_ship(&item).await
}

#[resonate_sdk::function]
async fn checkout(ctx: &Context, order: Order) -> Result<Vec<String>> {
    let receipt: String = ctx.run(charge, (order.card.clone(), order.cents)).await?;
    match approve_and_ship(ctx, order).await {
        Ok(parcels) => Ok(parcels),
        Err(Error::Suspended) => Err(Error::Suspended),
        Err(error) => {
            let _: () = ctx.run(refund, receipt).await?;
            Err(error)
        }
    }
}

async fn approve_and_ship(ctx: &Context, order: Order) -> Result<Vec<String>> {
    let approval = ctx.promise::<bool>().timeout(2 * DAY).create()?;
    let id = approval.id().await?;
    let _: () = ctx.run(ask, (id, order.cents)).await?;
    if !approval.await? {
        return Err(Error::Application {
            message: "not approved".to_owned(),
        });
    }
    let shipments = order
        .items
        .into_iter()
        .map(|item| ctx.run(ship, item).spawn())
        .collect::<Result<Vec<_>>>()?;
    let mut parcels = Vec::new();
    for shipment in shipments {
        parcels.push(shipment.await?);
    }
    Ok(parcels)
}

#[tokio::main]
async fn main() -> Result<()> {
    let resonate = Resonate::new(ResonateConfig {
        url: Some("http://localhost:8001".to_owned()),
        ..Default::default()
    });
    resonate.register(charge)?;
    resonate.register(refund)?;
    resonate.register(ask)?;
    resonate.register(ship)?;
    resonate.register(checkout)?;
    let order = Order {
        card: "4242".to_owned(),
        cents: 1200,
        items: vec!["tea".to_owned(), "cup".to_owned()],
    };
    let parcels: Vec<String> = resonate
        .run("order-42", checkout, order)
        .timeout(30 * DAY)
        .await?;
    println!("{parcels:?}");
    resonate.stop().await
}
