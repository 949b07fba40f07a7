use resonate::prelude::*;

struct Receipt;

#[durable]
async fn charge() -> Result<Receipt> {
    Ok(Receipt)
}

fn main() {}
