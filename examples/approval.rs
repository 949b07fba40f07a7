//! Waits for a person, who is sent a URL and answers with a browser, `curl`, or on the command line.
//!
//! `approval` prints the URL and waits; `approval --auto` plays the person itself.

use resonate::prelude::*;

/// Asks for so much, and says what came of it. It could wait for weeks: that costs no thread and no memory.
#[durable]
async fn expense(euros: u32) -> Result<String> {
    let approval = promise::<bool>("approval").timeout(days(14));
    ask(euros, approval.clone()).await?;
    let verdict = if approval.await? {
        "approved"
    } else {
        "turned down"
    };
    Ok(format!("the expense of {euros} EUR is {verdict}"))
}

/// Would send a mail. The URL is made here: it is a secret, and what a call is given is recorded.
#[durable]
async fn ask(euros: u32, approval: Promise<bool>) -> Result<()> {
    println!("{euros} EUR? Answer true or false at");
    println!("    {}", approval.url());
    println!("or: resonate resolve {} --json true", approval.id());
    Ok(())
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
        while is_auto && let Err(error) = resonate.resolve("expense-1.approval", &true).await {
            // Not asked for yet.
            if error.kind() != ErrorKind::NotFound {
                return Err(error);
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    };
    let (answer, ()) = try_join!(expense(1_200).id("expense-1"), person)?;
    println!("{answer}");
    resonate.shutdown().await;
    Ok(())
}
