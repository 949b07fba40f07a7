//! An order: paid, approved by a person, every item shipped at once; the money goes back if it does not end well.
//!
//! It prints a URL and waits for the person: `curl -d true URL`, or `resonate resolve order-42.approval --json true`.
//! End it while it waits and start it again: it goes on. docs/guide/coming-from.md has the same for other engines.

use resonate::prelude::*;

#[derive(Serialize, Deserialize)]
struct Order {
    card: String,
    cents: u64,
    items: Vec<String>,
}

#[durable(service = "payments")]
async fn charge(card: &str, cents: u64) -> Result<String> {
    println!("{cents} from {card}");
    Ok(format!("{cents} from {card}"))
}

#[durable(service = "payments")]
async fn refund(receipt: String) -> Result<()> {
    println!("back: {receipt}");
    Ok(())
}

#[durable(service = "office")]
async fn ask(cents: u64, approval: Promise<bool>) -> Result<()> {
    println!("{cents}? Answer true or false at {}", approval.url());
    Ok(())
}

#[durable(service = "warehouse", retry = Retry::exponential().max_attempts(5))]
async fn ship(item: &str) -> Result<String> {
    println!("{item} is on its way");
    Ok(format!("parcel with {item}"))
}

#[durable(service = "shop")]
async fn checkout(order: Order) -> Result<Vec<String>> {
    charge(&order.card, order.cents).compensate(refund).await?;
    let approval = promise("approval").timeout(days(2));
    ask(order.cents, approval.clone()).await?;
    if !approval.await? {
        return Err(Error::terminal("not approved"));
    }
    map(&order.items, |item| ship(item)).await
}

fn order() -> Order {
    Order {
        card: "4242".to_owned(),
        cents: 1200,
        items: vec!["tea".to_owned(), "cup".to_owned()],
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let resonate = Resonate::builder().start().await?;
    let parcels = checkout(order()).id("order-42").await?;
    println!("{parcels:?}");
    resonate.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use resonate::testing::World;

    use super::*;

    /// The order, and its person, who answers after a day.
    async fn answered(world: &World, approved: bool) -> Result<Vec<String>> {
        let answer = async {
            world.advance(days(1)).await;
            world
                .resonate()
                .resolve("order-42.approval", &approved)
                .await
        };
        let (ended, answered) = resonate::join!(checkout(order()).id("order-42"), answer);
        answered?;
        ended
    }

    #[resonate::test(crash_everywhere)]
    async fn an_approved_order_is_shipped_whatever_crashes(world: World) -> Result<()> {
        let parcels = answered(&world, true).await?;
        assert_eq!(parcels, ["parcel with tea", "parcel with cup"]);
        assert_eq!(world.runs("payments/refund"), 0);
        Ok(())
    }

    #[resonate::test(crash_everywhere)]
    async fn the_money_of_a_refused_order_goes_back(world: World) -> Result<()> {
        let error = answered(&world, false).await.expect_err("nobody wants it");
        assert!(error.to_string().contains("not approved"), "{error}");
        world.resonate().get::<()>("order-42.refund").await?;
        assert_eq!(world.runs("warehouse/ship"), 0);
        Ok(())
    }

    #[resonate::test]
    async fn without_an_answer_it_ends_after_two_days(world: World) -> Result<()> {
        let ended = checkout(order()).id("order-42").await;
        assert_eq!(ended.expect_err("nobody asked").kind(), ErrorKind::Timeout);
        assert!(world.elapsed() >= days(2));
        world.resonate().get::<()>("order-42.refund").await
    }

    #[resonate::test]
    async fn an_item_that_cannot_be_shipped_is_tried_five_times(world: World) -> Result<()> {
        world.mock(&ship(""), |(item,): (String,)| async move {
            match item.as_str() {
                "cup" => Err(Error::new("the shelf is empty")),
                other => Ok(other.to_owned()),
            }
        });
        assert!(answered(&world, true).await.is_err());
        assert!((5..=6).contains(&world.runs("warehouse/ship")));
        world.resonate().get::<()>("order-42.refund").await
    }
}
