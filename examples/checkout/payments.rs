//! The service `payments`: takes money from cards and gives it back.

use resonate::prelude::*;

use crate::{
    books::{Books, Entry},
    effects::Run,
    orders::{Money, Reason},
};

/// Proof that money was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    /// The charge, by the id of its promise.
    pub(crate) charge: String,
    pub(crate) order: String,
    pub(crate) amount: Money,
}

/// Why money was not taken.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum PaymentError {
    /// The bank says no, and will say so again: an answer.
    #[error("the card is declined: {0}")]
    Declined(Reason),
    /// Something is broken; another attempt may succeed.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl PaymentError {
    fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

/// Takes `amount` from a card.
#[durable(service = "payments", retry = Retry::exponential().when(PaymentError::is_failure))]
pub(crate) async fn charge(
    order: &str,
    card: &str,
    amount: &Money,
) -> Result<Receipt, PaymentError> {
    if let Some(reason) = refusal(card) {
        return Err(PaymentError::Declined(reason));
    }
    let run = Run::here();
    let receipt = Receipt {
        charge: run.promise.clone(),
        order: order.to_owned(),
        amount: amount.clone(),
    };
    state::<Books>().enter(run, Entry::charge(&receipt)).await?;
    Ok(receipt)
}

/// Gives all of it back.
#[durable(service = "payments")]
pub(crate) async fn refund(receipt: &Receipt) -> Result<()> {
    let run = Run::here();
    let entry = Entry::refund(receipt, &run.promise);
    state::<Books>().enter(run, entry).await
}

/// What the bank has against a card: published test numbers that belong to nobody.
pub(crate) fn refusal(card: &str) -> Option<Reason> {
    match card {
        "4000000000009995" => Some(Reason::InsufficientFunds),
        "4000000000000069" => Some(Reason::ExpiredCard),
        "4000000000009979" => Some(Reason::StolenCard),
        "4000000000009987" => Some(Reason::LostCard),
        "4000000000000002" => Some(Reason::RefusedByBank),
        _ => None,
    }
}

impl Entry {
    fn charge(receipt: &Receipt) -> Self {
        Self {
            promise: receipt.charge.clone(),
            order: receipt.order.clone(),
            amount: receipt.amount.clone(),
            refunds: None,
        }
    }

    fn refund(receipt: &Receipt, promise: &str) -> Self {
        Self {
            promise: promise.to_owned(),
            refunds: Some(receipt.charge.clone()),
            ..Self::charge(receipt)
        }
    }
}
