#[durable]
async fn ship(item: &str, to: &[crate::model::Address], order: &Order, express: bool) -> resonate::Result<Tracking> {
    carrier(express).send(item, to, order.id).await
}
