//! What a function may ask about its own execution, and what its process provides.

use resonate::{prelude::*, try_execution, try_state};

use crate::world::{World, millis, note};

/// What an outside system needs to tell attempts apart.
fn fence() -> (String, u64, u32) {
    let execution = resonate::execution();
    (
        execution.id().to_owned(),
        execution.version(),
        execution.attempt(),
    )
}

#[durable(service = "execution")]
async fn tells() -> (String, u64, u32) {
    fence()
}

#[durable(service = "execution")]
async fn asks() -> Result<Vec<(String, u64, u32)>> {
    let mut told = vec![fence(), tells().await, tells().remote().await];
    told.push(step(|| async { Ok::<_, Error>(fence()) }).await?);
    Ok(told)
}

#[tokio::test]
async fn an_execution_knows_its_id_its_fencing_token_and_its_attempt() {
    let world = World::serving(&["execution"]).await;
    let told = world.call(asks().id("fence")).await.unwrap();
    let ids: Vec<_> = told.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(ids, ["fence", "fence.tells", "fence.tells-1", "fence"]);
    assert!(
        told.iter()
            .all(|(_, version, attempt)| *version >= 1 && *attempt == 1),
        "{told:?}"
    );
}

fn key() -> String {
    resonate::execution().idempotency_key().to_owned()
}

#[durable(service = "execution")]
async fn tells_its_key() -> String {
    key()
}

/// In the second generation, with what the first one told.
#[durable(service = "execution")]
async fn asks_for_keys(before: Vec<String>) -> Result<Vec<String>> {
    let mut told = before;
    told.push(key());
    told.push(tells_its_key().await);
    let mut failures = 0;
    let twice = step(|| {
        failures += 1;
        let (key, is_first) = (key(), failures == 1);
        note(&key);
        async move {
            match is_first {
                true => Err(Error::new("again")),
                false => Ok::<_, Error>(key),
            }
        }
    });
    told.push(twice.label("bank").retry(Retry::fixed(millis(1))).await?);
    told.push(
        step(|| async { Ok::<_, Error>(key()) })
            .label("bank")
            .await?,
    );
    told.push(step(|| async { Ok::<_, Error>(key()) }).pure().await?);
    match told.len() {
        5 => resonate::continue_as(asks_for_keys(told)).await,
        _ => Ok(told),
    }
}

#[tokio::test]
async fn a_key_is_the_same_on_every_attempt_and_no_other_has_it() {
    let world = World::serving(&["execution"]).await;
    let told = world.call(asks_for_keys(vec![]).id("keys")).await.unwrap();
    let first = [
        "keys",
        "keys.tells_its_key",
        "keys.bank",
        "keys.bank-1",
        "keys",
    ];
    let second = [
        "keys.~2",
        "keys.~2.tells_its_key",
        "keys.~2.bank",
        "keys.~2.bank-1",
        "keys.~2",
    ];
    assert_eq!(told, [first, second].concat());
    let noted = world.notes.lines();
    assert_eq!(
        noted,
        ["keys.bank", "keys.bank", "keys.~2.bank", "keys.~2.bank"]
    );
}

#[durable(service = "execution")]
async fn writes_its_token() -> Result<u64> {
    note(resonate::execution().version());
    promise::<()>("go").await?;
    note(resonate::execution().version());
    Ok(resonate::execution().version())
}

#[tokio::test]
async fn every_claim_has_a_higher_fencing_token() {
    let world = World::serving(&[]).await;
    let first = world.join(&["execution"]).await;
    let running = world.begin(writes_its_token().id("token"));
    world.until_state("token", "suspended").await;
    first.shutdown().await;
    let _second = world.join(&["execution"]).await;
    world.resonate.resolve("token.go", &()).await.unwrap();
    let last = running.await.unwrap().unwrap().unwrap();
    let tokens: Vec<u64> = world
        .notes
        .lines()
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    assert_eq!((tokens.len(), tokens[2]), (3, last));
    assert!(
        tokens[0] < tokens[1] && tokens[1] == tokens[2],
        "{tokens:?}"
    );
}

#[durable(service = "execution", retry = Retry::fixed(std::time::Duration::from_millis(1)))]
async fn counts_its_attempts() -> Result<u32> {
    let (_, version, attempt) = fence();
    note(format_args!("{attempt} {version}"));
    if attempt < 3 {
        Err(Error::new("again"))
    } else {
        Ok(attempt)
    }
}

#[tokio::test]
async fn attempts_are_counted_and_each_has_a_token() {
    let world = World::serving(&["execution"]).await;
    assert_eq!(
        world
            .call(counts_its_attempts().id("attempts"))
            .await
            .unwrap(),
        3
    );
    let lines = world.notes.lines();
    let numbers: Vec<Vec<u64>> = lines
        .iter()
        .map(|line| line.split(' ').map(|n| n.parse().unwrap()).collect())
        .collect();
    assert_eq!(
        numbers.iter().map(|line| line[0]).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(
        numbers.is_sorted_by(|one, next| one[1] < next[1]),
        "{numbers:?}"
    );
}

#[tokio::test]
async fn outside_there_is_no_execution() {
    assert!(try_execution().is_none());
    for (panics, what) in [
        (
            tokio::spawn(async { drop(resonate::execution()) }),
            "`execution()`",
        ),
        (
            tokio::spawn(async {
                let _ = now();
            }),
            "`now()`",
        ),
        (
            tokio::spawn(async {
                let _ = random();
            }),
            "`random()`",
        ),
        (tokio::spawn(async { drop(uuid()) }), "`uuid()`"),
    ] {
        let panic = panics.await.unwrap_err().into_panic();
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap();
        assert!(
            text.starts_with(&format!("{what} is outside of a durable function")),
            "{text}"
        );
    }
}

#[derive(Debug)]
struct Pool(&'static str);

struct Nobody;

#[durable(service = "execution")]
async fn uses_the_pool() -> Result<String> {
    assert!(try_state::<Nobody>().is_none());
    let in_a_step = step(|| async { Ok::<_, Error>(state::<Pool>().0.to_owned()) }).await?;
    Ok(format!("{} {in_a_step}", state::<Pool>().0))
}

#[durable(service = "execution")]
async fn uses_what_nobody_provides() -> Result<()> {
    note("asks for it");
    let _nobody = state::<Nobody>();
    Ok(())
}

#[durable(service = "execution")]
async fn needs_it_in_a_step() -> Result<()> {
    step(|| async {
        let _nobody = state::<Nobody>();
        Ok::<_, Error>(())
    })
    .await
}

#[durable(service = "execution")]
async fn calls_who_needs_it() -> Result<()> {
    needs_it_in_a_step().local().await
}

#[tokio::test]
async fn a_function_has_what_its_process_provides() {
    let world = World::with(&[], |builder| {
        builder.provide(Pool("of the server's process"))
    })
    .await;
    let _worker = world
        .join_with(&["execution"], |builder| {
            builder.provide(Pool("first")).provide(Pool("second"))
        })
        .await;
    assert_eq!(
        world.call(uses_the_pool().id("pool")).await.unwrap(),
        "second second"
    );
}

#[tokio::test]
async fn who_asks_for_what_nobody_provides_is_halted_at_once_and_told_the_type() {
    let world = World::serving(&["execution"]).await;
    let _asks = world.begin(uses_what_nobody_provides().id("nobody"));
    let reason = world.until_halted("nobody").await;
    let says = format!(
        "no `it::execution::Nobody` is provided for `state` at {}:",
        file!()
    );
    assert!(reason.starts_with(&says), "{reason}");
    let what_to_do =
        "; give one to `Resonate::builder().provide(..)`; then `resonate continue nobody`";
    assert!(reason.ends_with(what_to_do), "{reason}");
    assert_eq!(world.notes.count("asks for it"), 1, "it is not tried again");
}

#[tokio::test]
async fn a_leaf_whose_step_asks_for_what_nobody_provides_is_halted_too() {
    let world = World::serving(&["execution"]).await;
    let _asks = world.begin(calls_who_needs_it().id("caller"));
    let reason = world.until_halted("caller.needs_it_in_a_step").await;
    assert!(
        reason.contains("no `it::execution::Nobody` is provided"),
        "{reason}"
    );
    assert_eq!(world.state("caller").await, "suspended");
}
