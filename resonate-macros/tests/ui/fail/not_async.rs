use resonate::prelude::*;

#[durable]
fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[durable]
async fn checkout() -> Result<u64> {
    charge(1200).await
}

fn main() {}
