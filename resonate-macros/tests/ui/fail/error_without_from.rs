use resonate::prelude::*;

#[derive(Serialize, Deserialize)]
struct Declined;

#[durable]
async fn charge(cents: u64) -> Result<u64, Declined> {
    Ok(cents)
}

fn main() {}
