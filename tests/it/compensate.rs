//! What was done is undone when its caller does not end well, on whatever machine, whatever crashes.

use std::sync::{Arc, Mutex};

use resonate::{prelude::*, testing::World};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Receipt {
    account: String,
    cents: i64,
}

#[durable(service = "bank")]
async fn withdraw(account: &str, cents: i64) -> Result<Receipt> {
    let account = account.to_owned();
    Ok(Receipt { account, cents })
}

#[durable(service = "bank")]
async fn slow_withdraw(account: &str, cents: i64) -> Result<Receipt> {
    sleep(hours(1)).await;
    withdraw(account, cents).await
}

#[durable(service = "bank")]
async fn refuse(_account: &str) -> Result<Receipt> {
    Err(Error::terminal("no such account"))
}

#[durable(service = "bank")]
async fn refund(receipt: &Receipt) -> Result<()>;

#[durable(service = "bank")]
async fn give_back(receipt: Receipt) -> Result<()>;

#[durable(service = "bank")]
async fn void(what: &str) -> Result<()>;

/// How a saga ends.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
enum End {
    Well,
    Error,
    Panic,
    Never,
    Drop,
    Leave,
    Again,
}

#[durable(service = "shop")]
async fn saga(end: End) -> Result<i64> {
    on_cancel(void("order").label("undoes", "order"));
    let one = withdraw("ada", 1).compensate(refund).await?;
    let two = withdraw("bob", 2).compensate(give_back).await?;
    match end {
        End::Well => {}
        End::Error => {
            refuse("eve").compensate(refund).await?;
        }
        End::Panic => panic!("on purpose"),
        End::Never => sleep(days(1000)).await,
        End::Drop | End::Leave => {
            resonate::select! {
                _ = slow_withdraw("dan", 4).compensate(refund) => {}
                () = sleep(minutes(1)) => {}
            }
            if end == End::Drop {
                sleep(hours(2)).await;
            }
        }
        End::Again => return resonate::continue_as(saga(End::Error)).await,
    }
    Ok(one.cents + two.cents)
}

/// What was undone, in order.
#[derive(Clone, Default)]
struct Undone(Arc<Mutex<Vec<String>>>);

impl Undone {
    fn mocked(world: &World) -> Self {
        let undone = Self::default();
        let (one, two, three) = (undone.clone(), undone.clone(), undone.clone());
        let receipt = Receipt {
            account: String::new(),
            cents: 0,
        };
        world.mock(&refund(&receipt), move |(receipt,): (Receipt,)| {
            one.note(format!("refund {} {}", receipt.account, receipt.cents))
        });
        world.mock(&give_back(receipt), move |(receipt,): (Receipt,)| {
            two.note(format!("give back {} {}", receipt.account, receipt.cents))
        });
        world.mock(&void(""), move |(what,): (String,)| {
            three.note(format!("void {what}"))
        });
        undone
    }

    fn note(&self, line: String) -> impl Future<Output = Result<()>> + Send + 'static + use<> {
        let undone = Arc::clone(&self.0);
        async move {
            let mut undone = undone.lock().unwrap();
            // Its worker may die before that is written, and then it runs again.
            if undone.last() != Some(&line) {
                undone.push(line);
            }
            Ok(())
        }
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

const ALL: [&str; 3] = ["give back bob 2", "refund ada 1", "void order"];

#[resonate::test(crash_everywhere)]
async fn an_error_undoes_everything_last_to_first(world: World) {
    let undone = Undone::mocked(&world);
    let error = saga(End::Error).id("1").await.unwrap_err();
    assert!(error.to_string().contains("no such account"), "{error}");
    world.advance(hours(1)).await;
    assert_eq!(undone.lines(), ALL);
    let tree = world.resonate().tree("1").await.unwrap();
    let labeled = tree
        .iter()
        .filter(|one| one.labels().get("undoes").is_some_and(|of| of == "order"));
    assert_eq!(labeled.count(), 1);
}

#[resonate::test(crash_everywhere)]
async fn who_returns_undoes_nothing(world: World) -> Result<()> {
    let undone = Undone::mocked(&world);
    assert_eq!(saga(End::Well).id("1").await?, 3);
    world.advance(hours(1)).await;
    assert_eq!(undone.lines(), [""; 0]);
    Ok(())
}

#[resonate::test(crash_everywhere)]
async fn a_cancel_undoes_it_without_a_line_of_its_code(world: World) -> Result<()> {
    let undone = Undone::mocked(&world);
    let cancel = async {
        world.advance(hours(1)).await;
        world.resonate().cancel("1", "enough").await
    };
    let (ended, canceled) = resonate::join!(saga(End::Never).id("1").result(), cancel);
    assert!(canceled?);
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Canceled);
    world.advance(hours(1)).await;
    assert_eq!(undone.lines(), ALL);
    Ok(())
}

#[resonate::test]
async fn a_timeout_undoes_it(world: World) {
    let undone = Undone::mocked(&world);
    let error = saga(End::Never)
        .id("1")
        .timeout(hours(3))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    world.advance(hours(1)).await;
    assert_eq!(undone.lines(), ALL);
}

#[resonate::test(crash_everywhere)]
async fn a_call_that_is_dropped_ends_and_is_undone(world: World) -> Result<()> {
    let undone = Undone::mocked(&world);
    assert_eq!(saga(End::Drop).id("1").await?, 3);
    assert_eq!(undone.lines(), ["refund dan 4"]);
    Ok(())
}

#[resonate::test(crash_everywhere)]
async fn a_call_that_is_left_behind_by_a_return_is_undone(world: World) -> Result<()> {
    let undone = Undone::mocked(&world);
    assert_eq!(saga(End::Leave).id("1").await?, 3);
    world.advance(hours(2)).await;
    assert_eq!(undone.lines(), ["refund dan 4"]);
    Ok(())
}

#[resonate::test]
async fn another_generation_has_a_list_of_its_own(world: World) {
    let undone = Undone::mocked(&world);
    assert!(saga(End::Again).id("1").await.is_err());
    world.advance(hours(1)).await;
    assert_eq!(undone.lines(), ALL);
}

#[resonate::test]
async fn what_panics_for_good_is_halted_and_undone_when_it_is_canceled(world: World) -> Result<()> {
    let undone = Undone::mocked(&world);
    let cancel = async {
        world.advance(days(1)).await;
        let halted = world.resonate().find("1").await?.expect("it is there");
        assert_eq!(halted.task_state(), Some("halted"));
        assert_eq!(undone.lines(), [""; 0]);
        world.resonate().cancel("1", "hopeless").await
    };
    let (ended, canceled) = resonate::join!(saga(End::Panic).id("1").result(), cancel);
    assert!(canceled? && ended.is_err());
    world.advance(hours(1)).await;
    assert_eq!(undone.lines(), ALL);
    Ok(())
}

#[durable(service = "shop")]
async fn closure() -> Result<i64> {
    let taken = withdraw("ada", 1)
        .compensate(|receipt: &Receipt| refund(receipt))
        .await?;
    Ok(taken.cents)
}

#[durable(service = "shop")]
async fn detached() -> Result<()> {
    let promise = withdraw("ada", 1).compensate(refund).detach().await?;
    let _receipt = promise.await?;
    Ok(())
}

#[durable(service = "shop")]
async fn in_time() -> Result<()> {
    on_cancel(void("order").timeout(hours(1)));
    Ok(())
}

#[resonate::test]
async fn what_cannot_be_registered_says_why() {
    let said = in_time().id("4").await.unwrap_err().to_string();
    assert!(
        said.contains("it has no id, no delay, no timeout"),
        "{said}"
    );
    let said = closure().id("1").await.unwrap_err().to_string();
    assert!(
        said.contains(
            "is no durable function; write its name, `.compensate(refund)`, and no closure"
        ),
        "{said}"
    );
    let said = detached().id("2").await.unwrap_err().to_string();
    assert!(
        said.contains("is detached, so its caller's end is not its own"),
        "{said}"
    );
    let said = withdraw("ada", 1)
        .compensate(refund)
        .id("3")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        said.contains(
            "has no caller that could end badly; write `compensate` in a durable function"
        ),
        "{said}"
    );
}
