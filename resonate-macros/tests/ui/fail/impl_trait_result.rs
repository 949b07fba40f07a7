use resonate::prelude::*;

#[durable]
async fn charge(cents: u64) -> Result<impl ToString> {
    Ok(cents)
}

fn main() {}
