use resonate::prelude::*;

#[derive(Debug, thiserror::Error)]
enum ShopError {
    #[error("the charge failed")]
    Charge(#[from] Error),
}

#[durable]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

async fn shop() -> std::result::Result<u64, ShopError> {
    Ok(charge(1200).await?)
}

pub(crate) fn main() {
    let _shopping = shop();
    let error = ShopError::from(Error::new("declined"));
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("declined"));
}
