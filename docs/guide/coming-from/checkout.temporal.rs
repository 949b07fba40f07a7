use std::{error::Error, time::Duration};

use serde::{Deserialize, Serialize};
use temporalio_client::{
    Client, ClientOptions, Connection, WorkflowGetResultOptions, WorkflowIdConflictPolicy,
    WorkflowStartOptions, envconfig::LoadClientConfigProfileOptions,
};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, Runtime, SyncWorkflowContext, Worker, WorkerOptions,
    WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::{join_all, select},
};

#[derive(Clone, Serialize, Deserialize)]
pub struct Order {
    card: String,
    cents: u64,
    items: Vec<String>,
}

pub struct OrderActivities;

#[activities]
impl OrderActivities {
    #[activity]
    pub async fn charge(_ctx: ActivityContext, order: Order) -> Result<String, ActivityError> {
        println!("{} from {}", order.cents, order.card);
        Ok(format!("{} from {}", order.cents, order.card))
    }

    #[activity]
    pub async fn refund(_ctx: ActivityContext, receipt: String) -> Result<(), ActivityError> {
        println!("back: {receipt}");
        Ok(())
    }

    #[activity]
    pub async fn ask(ctx: ActivityContext, cents: u64) -> Result<(), ActivityError> {
        let order = &ctx.info().workflow_id;
        println!("{cents}? Send the signal approve with true or false to {order:?}");
        Ok(())
    }

    #[activity]
    pub async fn ship(_ctx: ActivityContext, item: String) -> Result<String, ActivityError> {
        println!("{item} is on its way");
        Ok(format!("parcel with {item}"))
    }
}

#[workflow]
#[derive(Default)]
pub struct Checkout {
    approved: Option<bool>,
}

#[workflow_methods]
impl Checkout {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: Order) -> WorkflowResult<Vec<String>> {
        let receipt = ctx
            .execute_activity(OrderActivities::charge, order.clone(), options())
            .await?;
        match Self::approve_and_ship(ctx, order).await {
            Ok(parcels) => Ok(parcels),
            Err(error) => {
                ctx.execute_activity(OrderActivities::refund, receipt, options())
                    .await?;
                Err(error)
            }
        }
    }

    #[signal]
    pub fn approve(&mut self, _ctx: &mut SyncWorkflowContext<Self>, approved: bool) {
        self.approved = Some(approved);
    }

    async fn approve_and_ship(
        ctx: &WorkflowContext<Self>,
        order: Order,
    ) -> WorkflowResult<Vec<String>> {
        ctx.execute_activity(OrderActivities::ask, order.cents, options())
            .await?;
        select! {
            answered = ctx.wait_condition(|state| state.approved.is_some()) => answered?,
            _ = ctx.timer(Duration::from_secs(2 * 24 * 60 * 60)) => {}
        }
        if ctx.state(|state| state.approved) != Some(true) {
            return Err(ApplicationFailure::non_retryable("not approved").into());
        }
        let shipments = order.items.into_iter().map(|item| {
            let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(60))
                .retry_policy(RetryPolicy::builder().maximum_attempts(5).build())
                .build();
            ctx.execute_activity(OrderActivities::ship, item, options)
        });
        let parcels: Result<Vec<_>, _> = join_all(shipments).await.into_iter().collect();
        Ok(parcels?)
    }
}

fn options() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_secs(60))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::from_current_tokio(Default::default())?;
    let (connection, options) =
        ClientOptions::load_from_config(LoadClientConfigProfileOptions::default())?;
    let client = Client::new(Connection::connect(connection).await?, options)?;
    let worker = WorkerOptions::new("orders")
        .register_workflow::<Checkout>()?
        .register_activities(OrderActivities)
        .build();
    let mut worker = Worker::new(&runtime, client.clone(), worker)?;
    let order = Order {
        card: "4242".to_owned(),
        cents: 1200,
        items: vec!["tea".to_owned(), "cup".to_owned()],
    };
    let handle = client
        .start_workflow(
            Checkout::run,
            order,
            WorkflowStartOptions::new("orders", "order-42")
                .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
                .build(),
        )
        .await?;
    tokio::select! {
        ended = worker.run() => ended?,
        parcels = handle.get_result(WorkflowGetResultOptions::default()) => {
            println!("{:?}", parcels?);
        }
    }
    Ok(())
}
