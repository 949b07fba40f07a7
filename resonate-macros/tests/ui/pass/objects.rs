#![deny(missing_docs, unused)]
//! A durable object: methods that read and write, helpers, attributes, and a handle that can be passed on.

use resonate::{days, prelude::*};

/// A cart.
#[derive(Default, Serialize, Deserialize)]
pub struct Cart {
    items: Vec<String>,
}

#[durable(service = "shop", name = "Basket", codec = "bincode", expire = days(30))]
impl Cart {
    /// How many fit.
    pub const ROOM: usize = 10;

    /// One more.
    #[durable(retry = Retry::never(), timeout = hours(1))]
    pub async fn add(&mut self, item: &str, (cents, count): (u64, usize)) -> Result<usize> {
        let _ = cents;
        self.items
            .extend(std::iter::repeat_n(item.to_owned(), count));
        Ok(self.len())
    }

    /// All of it.
    pub async fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    pub(crate) async fn is_full(&self) -> bool {
        self.len() >= Self::ROOM
    }

    fn len(&self) -> usize {
        self.items.len()
    }
}

#[durable]
async fn visit(customer: &str) -> Result<usize> {
    let cart: CartObject = Cart::at(customer);
    if cart.is_full().await {
        let old: Cart = cart.take().await;
        return Ok(old.len());
    }
    cart.add("book", (100, 2)).await
}

pub fn main() {
    let _call = visit("user-7");
}
