use std::{error::Error, time::Duration};

use restate_sdk::{ingress::ReqwestClient, prelude::*};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Order {
    card: String,
    cents: u64,
    items: Vec<String>,
}

async fn charge(card: &str, cents: u64) -> HandlerResult<String> {
    println!("{cents} from {card}");
    Ok(format!("{cents} from {card}"))
}

async fn refund(receipt: &str) -> HandlerResult<()> {
    println!("back: {receipt}");
    Ok(())
}

async fn ask(order: &str, cents: u64) -> HandlerResult<()> {
    println!("{cents}? Answer true or false at /restate/call/Checkout/{order}/approve");
    Ok(())
}

struct Warehouse;

#[restate_sdk::service(invocation_retry_policy(max_attempts = 5, on_max_attempts = "kill"))]
impl Warehouse {
    #[handler]
    async fn ship(&self, _ctx: Context<'_>, item: String) -> HandlerResult<String> {
        println!("{item} is on its way");
        Ok(format!("parcel with {item}"))
    }
}

struct Checkout;

#[restate_sdk::workflow]
impl Checkout {
    #[handler]
    async fn run(
        &self,
        ctx: WorkflowContext<'_>,
        Json(order): Json<Order>,
    ) -> HandlerResult<Json<Vec<String>>> {
        let receipt: String = ctx
            .run(|| charge(&order.card, order.cents))
            .name("charge")
            .await?;
        match approve_and_ship(&ctx, &order).await {
            Ok(parcels) => Ok(Json(parcels)),
            Err(error) => {
                ctx.run(|| refund(&receipt)).name("refund").await?;
                Err(error.into())
            }
        }
    }

    #[handler]
    async fn approve(&self, ctx: SharedWorkflowContext<'_>, approved: bool) -> HandlerResult<()> {
        ctx.resolve_promise("approval", approved);
        Ok(())
    }
}

async fn approve_and_ship(
    ctx: &WorkflowContext<'_>,
    order: &Order,
) -> Result<Vec<String>, TerminalError> {
    ctx.run(|| ask(ctx.key(), order.cents)).name("ask").await?;
    let approved = restate_sdk::select! {
        approved = ctx.promise::<bool>("approval") => approved?,
        _ = ctx.sleep(Duration::from_secs(2 * 24 * 60 * 60)) => false,
    };
    if !approved {
        return Err(TerminalError::new("not approved"));
    }
    let warehouse = ctx.service_client::<WarehouseClient>();
    let shipments: Vec<_> = order
        .items
        .iter()
        .map(|item| warehouse.ship(item.clone()).call())
        .collect();
    let mut parcels = Vec::new();
    for shipment in shipments {
        parcels.push(shipment.await?);
    }
    Ok(parcels)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = Endpoint::builder().bind(Warehouse).bind(Checkout).build();
    tokio::spawn(HttpServer::new(endpoint).listen_and_serve("0.0.0.0:9080".parse()?));
    let client = ReqwestClient::connect("http://localhost:8080".parse()?)?;
    let order = Order {
        card: "4242".to_owned(),
        cents: 1200,
        items: vec!["tea".to_owned(), "cup".to_owned()],
    };
    let checkout = CheckoutIngressClient::from_client(client, "order-42");
    let sent = checkout.run(Json(order)).send().await?;
    let Json(parcels) = sent.invocation_handle().attach().await?.into_body();
    println!("{parcels:?}");
    Ok(())
}
