#[durable(service = "payments")]
/// Charges a card.
pub async fn charge(card: String, cents: u64) -> Result<Receipt, PaymentError> {
    let receipt = bank(&card).await?;
    Ok(receipt.of(cents))
}
