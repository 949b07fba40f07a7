#[durable(service = "ledger", version = 3)]
/// Lives in the ledger's own binary.
pub(crate) async fn post(entry: &Entry) -> Result<u64>;
