use resonate::prelude::*;

#[derive(Debug, Serialize, Deserialize)]
enum ShopError {
    Empty,
    Failed(String),
}

impl From<Error> for ShopError {
    fn from(error: Error) -> Self {
        Self::Failed(format!("{error:?}"))
    }
}

type Outcome<T> = std::result::Result<T, ShopError>;

#[durable]
async fn charge(cents: u64) -> Outcome<u64> {
    if cents == 0 {
        Err(ShopError::Empty)
    } else {
        Ok(cents)
    }
}

#[durable]
async fn checkout() -> Result<u64> {
    charge(3).await.map_err(|_| Error::terminal("declined"))
}

pub(crate) fn main() {
    let _call = checkout();
}
