//! An agent: a model that asks for tools, a person who allows what is dangerous, and a user who may interrupt.
//!
//! Tools are durable functions, so nothing is done twice if a process dies in the middle; the conversation is a stream. The
//! model is a script here. `cargo run --example agent` plays user and person itself.

use resonate::{prelude::*, select};

/// What a model answers with.
#[derive(Debug, Serialize, Deserialize)]
enum Reply {
    Tool { name: String, input: String },
    Say(String),
}

/// Would ask a model. A call of its own: what it answered once it has answered for good.
#[durable]
async fn model(conversation: &[String]) -> Result<Reply> {
    let tool = |name: &str, input: &str| Reply::Tool {
        name: name.into(),
        input: input.into(),
    };
    Ok(match conversation.len() {
        1 => tool("search", "flights to Oslo"),
        2 => tool("book", "flight SK 1462"),
        _ => Reply::Say("You fly at nine, by the window.".to_owned()),
    })
}

#[durable]
async fn search(input: &str) -> Result<String> {
    Ok(format!("{input}: SK 1462, 09:00"))
}

#[durable]
async fn book(input: &str) -> Result<String> {
    Ok(format!("{input}: booked"))
}

/// Works on a task until the model has an answer and the user has nothing more to say.
#[durable]
async fn agent(task: String) -> Result<String> {
    let (mut conversation, mut inbox) = (vec![task], inbox::<String>());
    loop {
        progress(conversation.len() as u64, 4);
        let next = match model(&conversation).await? {
            Reply::Tool { name, input } => {
                emit(&format!("{name}: {input}"));
                match name.as_str() {
                    "search" => search(&input).await?,
                    _ if promise::<bool>("allowed").timeout(days(2)).await? => book(&input).await?,
                    _ => "not allowed".to_owned(),
                }
            }
            Reply::Say(answer) => select! {
                message = inbox.recv() => message?,
                () = sleep(seconds(1)) => return Ok(answer),
            },
        };
        emit(&next);
        conversation.push(next);
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let resonate = Resonate::builder().in_memory().start().await?;
    let trip = agent("Book me a flight to Oslo".into())
        .id("trip-7")
        .spawn();

    let mut lines = resonate.stream::<String>("trip-7");
    while let Some(line) = lines.next().await {
        match line {
            // It is created a moment after it was called.
            Err(error) if error.kind() == ErrorKind::NotFound => lines = resonate.stream("trip-7"),
            line => {
                let line = line?;
                println!("{:>2}  {line}", lines.offset());
                if line.starts_with("book") {
                    resonate.send("trip-7", "by the window, please").await?;
                    while let Err(error) = resonate.resolve("trip-7.allowed", &true).await {
                        assert_eq!(error.kind(), ErrorKind::NotFound);
                    }
                }
            }
        }
    }
    println!("    {}", trip.await?);
    resonate.shutdown().await;
    Ok(())
}
