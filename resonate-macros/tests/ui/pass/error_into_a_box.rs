use resonate::prelude::*;

#[durable]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

async fn shop() -> std::result::Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    Ok(charge(1200).await?)
}

async fn alone() -> std::result::Result<u64, Box<dyn std::error::Error>> {
    Ok(charge(1200).await?)
}

pub(crate) fn main() {
    let _shopping = (shop(), alone());
    let boxed: Box<dyn std::error::Error + Send + Sync> = Error::new("declined").into();
    assert_eq!(boxed.to_string(), "declined");
}
