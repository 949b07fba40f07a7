//! A transfer between two banks that is undone when it does not end well: `cargo test --example saga` crashes it everywhere.

use resonate::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Receipt {
    account: String,
    cents: u64,
}

#[durable(service = "bank")]
async fn withdraw(account: &str, cents: u64) -> Result<Receipt> {
    println!("{cents} from {account}");
    let account = account.to_owned();
    Ok(Receipt { account, cents })
}

/// Takes what `withdraw` gave, so it can undo it.
#[durable(service = "bank")]
async fn put_back(receipt: &Receipt) -> Result<()> {
    println!("{} back to {}", receipt.cents, receipt.account);
    Ok(())
}

#[durable(service = "bank")]
async fn deposit(account: &str, cents: u64) -> Result<()> {
    if account == "closed" {
        return Err(Error::terminal("the account is closed"));
    }
    println!("{cents} to {account}");
    Ok(())
}

#[durable(service = "transfers")]
async fn transfer(from: String, to: String, cents: u64) -> Result<()> {
    withdraw(&from, cents).compensate(put_back).await?;
    deposit(&to, cents).await
}

#[tokio::main]
async fn main() -> Result<()> {
    let resonate = Resonate::builder().in_memory().start().await?;
    transfer("ada".into(), "bob".into(), 300)
        .id("transfer-1")
        .await?;
    let failed = transfer("ada".into(), "closed".into(), 500)
        .id("transfer-2")
        .await;
    println!(
        "transfer-2: {}",
        failed.expect_err("nobody has that account")
    );
    // Nobody waits for what undoes it, so this program does.
    resonate.get::<()>("transfer-2.put_back").await?;
    resonate.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use resonate::testing::World;

    use super::*;

    #[resonate::test(crash_everywhere)]
    async fn no_money_is_lost_whatever_crashes(world: World) -> Result<()> {
        let failed = transfer("ada".into(), "closed".into(), 500).id("1").await;
        assert!(failed.is_err());
        world.resonate().get::<()>("1.put_back").await?;
        Ok(())
    }

    #[resonate::test]
    async fn who_cancels_has_the_money_back(world: World) -> Result<()> {
        world.mock(&deposit("", 0), |(_, _): (String, u64)| {
            std::future::pending()
        });
        let cancel = async {
            world.advance(minutes(1)).await;
            world.resonate().cancel("1", "changed my mind").await
        };
        let (ended, canceled) =
            resonate::join!(transfer("ada".into(), "bob".into(), 300).id("1"), cancel);
        assert!(canceled? && ended.is_err());
        world.resonate().get::<()>("1.put_back").await
    }
}
