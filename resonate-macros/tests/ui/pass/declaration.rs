use resonate::prelude::*;

#[derive(Clone, Serialize, Deserialize)]
pub struct Entry {
    cents: u64,
}

#[durable(service = "ledger")]
pub async fn post(entry: &Entry, (from, to): (String, String)) -> Result<u64>;

#[durable]
async fn checkout(cents: u64) -> Result<u64> {
    post(&Entry { cents }, ("a".to_owned(), "b".to_owned())).await
}

pub(crate) fn main() {
    let _call = checkout(1200);
}
