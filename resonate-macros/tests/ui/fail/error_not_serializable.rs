use resonate::prelude::*;

struct Declined;

impl From<Error> for Declined {
    fn from(_: Error) -> Self {
        Self
    }
}

#[durable]
async fn charge(cents: u64) -> Result<u64, Declined> {
    Ok(cents)
}

fn main() {}
