//! The service `shop`: takes one order through approval, payment and shipping.

use futures::future::try_join_all;
use resonate::prelude::*;

use crate::{
    orders::{Order, Reason},
    payments::{PaymentError, Receipt, charge, refund},
    shelf::Label,
    warehouse::{WarehouseError, reserve, ship},
};

/// An order that is paid and on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shipped {
    pub(crate) receipt: Receipt,
    pub(crate) labels: Vec<Label>,
}

/// Why an order did not get so far.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum CheckoutError {
    #[error("declined: {0}")]
    Declined(Reason),
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Takes an order through the house. It ends paid and fully shipped, or declined and with nothing paid.
#[durable(service = "shop")]
pub(crate) async fn checkout(order: Order) -> Result<Shipped, CheckoutError> {
    if order.needs_approval && !promise::<bool>("approval").await? {
        return Err(CheckoutError::Declined(Reason::NotApproved));
    }
    let receipt = charge(&order.id, &order.card, &order.total()).await?;
    match send(&order).await {
        Ok(labels) => Ok(Shipped { receipt, labels }),
        Err(error) => {
            refund(&receipt).await?;
            Err(error.into())
        }
    }
}

/// An ordinary function: what it calls are calls of `checkout`.
async fn send(order: &Order) -> Result<Vec<Label>, WarehouseError> {
    reserve(&order.items).await?;
    let labels = try_join_all(order.items.iter().map(|item| ship(&order.id, item))).await?;
    Ok(labels)
}

impl From<PaymentError> for CheckoutError {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Declined(reason) => Self::Declined(reason),
            PaymentError::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<WarehouseError> for CheckoutError {
    fn from(error: WarehouseError) -> Self {
        match error {
            WarehouseError::OutOfStock { .. } => Self::Declined(Reason::OutOfStock),
            WarehouseError::Failed(error) => Self::Failed(error),
        }
    }
}
