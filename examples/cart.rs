//! A durable object: a cart per customer, whose calls wait for each other and for nobody else.
//!
//! `cargo run --example cart`

use resonate::{days, prelude::*};

/// What is kept of a cart. A customer without one has an empty one.
#[derive(Default, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
    cents: u64,
}

/// Forgotten 30 days after its last call.
#[durable(service = "shop", expire = days(30))]
impl Cart {
    /// Changes the cart: one such call at a time per customer. The change is written together with the result.
    async fn add(&mut self, item: &str, cents: u64) -> Result<usize> {
        self.items.push(item.to_owned());
        self.cents += cents;
        if self.cents > 100_000 {
            // An error changes nothing: the item is not in the cart.
            return Err(Error::terminal("that is more than we sell at once"));
        }
        Ok(self.items.len())
    }

    /// Reads it, beside others that read.
    async fn total(&self) -> u64 {
        self.cents
    }
}

#[durable(service = "shop")]
async fn fill(customer: &str) -> Result<u64> {
    let cart = Cart::at(customer);
    cart.add("a book", 2_000).await?;
    cart.add("a pen", 300).await?;
    Ok(cart.total().await)
}

#[tokio::main]
async fn main() -> Result<()> {
    let resonate = Resonate::builder().in_memory().start().await?;
    println!("in the cart: {} cents", fill("user-7").id("visit-1").await?);
    // Outside of durable functions a call has an id: who repeats it is told the same, and nothing is added twice.
    let refused = Cart::at("user-7").add("a car", 2_000_000).id("request-1");
    println!("{}", refused.await.unwrap_err());
    println!(
        "still {} cents",
        Cart::at("user-7").total().id("request-2").await
    );
    resonate.shutdown().await;
    Ok(())
}
