//! The smallest program: one durable function, called once, with a server in this process that keeps nothing.

use resonate::prelude::*;

/// Greets.
#[durable]
async fn hello(name: &str) -> Result<String> {
    Ok(format!("Hello, {name}!"))
}

#[tokio::main]
async fn main() -> Result<()> {
    let _resonate = Resonate::builder().in_memory().start().await?;
    println!("{}", hello("world").id("hello-1").await?);
    Ok(())
}
