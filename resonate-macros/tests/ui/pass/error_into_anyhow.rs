use resonate::prelude::*;

#[durable]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

async fn shop() -> anyhow::Result<u64> {
    Ok(charge(1200).await.map_err(Error::into_std)?)
}

pub(crate) fn main() {
    let _shopping = shop();
    let error = anyhow::Error::from(Error::terminal("declined").into_std());
    assert_eq!(error.to_string(), "declined");
}
