//! The service `warehouse`: looks whether there is enough, and writes a shipping label for each item.

use resonate::prelude::*;

use crate::{
    effects::Run,
    orders::Item,
    shelf::{Label, Shelf},
};

/// Why an order cannot be sent.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum WarehouseError {
    /// An answer: the shelf will not have more for this order later.
    #[error("{sku} is out of stock")]
    OutOfStock { sku: String },
    /// Something is broken.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Sets the items of one order aside.
#[durable(service = "warehouse")]
pub(crate) async fn reserve(items: &[Item]) -> Result<(), WarehouseError> {
    match state::<Shelf>().stock.shortage(items) {
        Some(item) => Err(WarehouseError::OutOfStock {
            sku: item.sku.clone(),
        }),
        None => Ok(()),
    }
}

/// Writes the label of one item.
#[durable(service = "warehouse")]
pub(crate) async fn ship(order: &str, item: &Item) -> Result<Label> {
    let run = Run::here();
    let label = Label {
        order: order.to_owned(),
        sku: item.sku.clone(),
        promise: run.promise.clone(),
    };
    state::<Shelf>().write(run, label.clone()).await?;
    Ok(label)
}
