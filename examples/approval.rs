//! Waits for a person: a promise that somebody else settles, from the command line.
//!
//! `approval` prints what to type in another terminal and waits; `approval --auto` plays the person itself.

use resonate::prelude::*;

/// Asks for so much, and says what came of it. It could wait for weeks: that costs no thread and no memory.
#[durable]
async fn expense(euros: u32) -> Result<String> {
    let approved: bool = promise("approval").timeout(days(14)).await?;
    let verdict = if approved { "approved" } else { "turned down" };
    Ok(format!("the expense of {euros} EUR is {verdict}"))
}

#[tokio::main]
async fn main() -> Result<()> {
    let is_auto = std::env::args().any(|argument| argument == "--auto");
    let builder = Resonate::builder().in_memory();
    let builder = if is_auto {
        builder
    } else {
        builder.listen("127.0.0.1:8001")
    };
    let resonate = builder.start().await?;

    let person = async {
        if is_auto {
            while let Err(error) = resonate.resolve("expense-1.approval", &true).await {
                // Not asked for yet.
                if error.kind() != ErrorKind::NotFound {
                    return Err(error);
                }
                tokio::task::yield_now().await;
            }
        } else {
            println!("type in another terminal: resonate resolve expense-1.approval --json true");
        }
        Ok(())
    };
    let (answer, ()) = try_join!(expense(1_200).id("expense-1"), person)?;
    println!("{answer}");
    resonate.shutdown().await;
    Ok(())
}
