//! A function that takes a month, and its tests, which take milliseconds: `cargo test --example reminders`.

use resonate::prelude::*;

#[durable(service = "mail")]
async fn send(to: &str, text: &str) -> Result<()> {
    println!("to {to}: {text}");
    Ok(())
}

/// Three reminders, unless somebody pays.
#[durable(service = "dunning")]
async fn collect(customer: String) -> Result<bool> {
    let mut paid = Box::pin(promise::<u64>("paid"));
    for reminder in 1..=3 {
        send(&customer, &format!("reminder {reminder}")).await?;
        resonate::select! {
            _ = &mut paid => return Ok(true),
            () = sleep(days(10)) => {}
        }
    }
    Ok(false)
}

#[tokio::main]
async fn main() -> Result<()> {
    let resonate = Resonate::builder().in_memory().start().await?;
    let (paid, settled) = resonate::join!(collect("ada".into()).id("invoice-1"), async {
        // The first reminder asks for it; until then there is nobody to tell.
        while resonate.find("invoice-1.paid").await?.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        resonate.resolve("invoice-1.paid", &1200).await
    });
    println!("paid: {}, by this program: {}", paid?, settled?);
    resonate.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use resonate::testing::World;

    use super::*;

    #[resonate::test(crash_everywhere)]
    async fn who_does_not_pay_is_reminded_three_times(world: World) -> Result<()> {
        assert!(!collect("ada".into()).id("invoice-1").await?);
        assert!(world.elapsed() >= days(30));
        assert!(world.runs("mail/send") >= 3);
        Ok(())
    }

    #[resonate::test]
    async fn who_pays_after_fifteen_days_gets_two(world: World) -> Result<()> {
        world.mock(&send("", ""), |(to, _): (String, String)| async move {
            assert_eq!(to, "ada");
            Ok(())
        });
        let pay = async {
            world.advance(days(15)).await;
            world.resonate().resolve("invoice-1.paid", &1200).await
        };
        let (paid, settled) = resonate::join!(collect("ada".into()).id("invoice-1"), pay);
        assert!(paid? && settled?);
        assert_eq!(world.runs("mail/send"), 2);
        Ok(())
    }
}
