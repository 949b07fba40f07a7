//! Promises that somebody else settles, promises that are handed on, and calls that outlive their caller.

use resonate::{Search, cancel, days, prelude::*, reject, resolve};

use crate::world::{World, millis, note, notes};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Approval {
    by: String,
    level: u8,
}

#[durable(service = "promises")]
async fn asks() -> Result<Approval> {
    promise::<Approval>("approval").timeout(days(2)).await
}

fn approval() -> Approval {
    Approval {
        by: "Ada".to_owned(),
        level: 3,
    }
}

#[tokio::test]
async fn a_promise_is_resolved_from_outside_once() {
    let world = World::serving(&["promises"]).await;
    let asking = world.begin(asks().id("asks"));
    world.until_state("asks", "suspended").await;
    assert!(
        world
            .resonate
            .resolve("asks.approval", &approval())
            .await
            .unwrap()
    );
    assert!(
        !world
            .resonate
            .resolve("asks.approval", &approval())
            .await
            .unwrap()
    );
    let other = Approval {
        by: "Eve".to_owned(),
        level: 9,
    };
    assert!(
        !world
            .resonate
            .resolve("asks.approval", &other)
            .await
            .unwrap()
    );
    assert!(!world.resonate.reject("asks.approval", "no").await.unwrap());
    assert_eq!(asking.await.unwrap().unwrap().unwrap(), approval());
    assert_eq!(
        world
            .resonate
            .get::<Approval>("asks.approval")
            .await
            .unwrap(),
        approval()
    );
    let found = world.find("asks.approval").await.unwrap();
    assert_eq!(found.value::<Approval>().unwrap(), Some(approval()));
    assert_eq!((found.parent(), found.function()), (Some("asks"), None));
}

#[tokio::test]
async fn a_rejected_a_canceled_and_a_mistyped_promise_are_errors() {
    let world = World::serving(&["promises"]).await;
    let begin = |id: &str| world.begin(asks().id(id));
    let (rejected, canceled, mistyped) = (begin("rejected"), begin("canceled"), begin("mistyped"));
    for id in ["rejected", "canceled", "mistyped"] {
        world.until_state(id, "suspended").await;
    }
    world
        .resonate
        .reject("rejected.approval", "no budget")
        .await
        .unwrap();
    world
        .resonate
        .cancel("canceled.approval", "nobody is left")
        .await
        .unwrap();
    world
        .resonate
        .resolve("mistyped.approval", &7u8)
        .await
        .unwrap();
    let rejected = rejected.await.unwrap().unwrap_err();
    assert_eq!(
        (rejected.kind(), rejected.promise()),
        (ErrorKind::Failed, Some("rejected.approval"))
    );
    assert!(rejected.message().contains("no budget"), "{rejected}");
    let canceled = canceled.await.unwrap().unwrap_err();
    assert_eq!(canceled.message(), "it was canceled: nobody is left");
    let mistyped = mistyped.await.unwrap().unwrap_err();
    assert_eq!(
        (mistyped.kind(), mistyped.promise()),
        (ErrorKind::Decode, Some("mistyped.approval"))
    );
}

#[durable(service = "promises")]
async fn asks_in_haste() -> Result<Approval> {
    promise::<Approval>("approval").timeout(millis(50)).await
}

#[tokio::test]
async fn a_promise_that_nobody_settles_in_time_is_an_error() {
    let world = World::serving(&["promises"]).await;
    let error = world.call(asks_in_haste().id("haste")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.promise()),
        (ErrorKind::Timeout, Some("haste.approval"))
    );
    assert_eq!(world.state("haste.approval").await, "timedout");
}

#[tokio::test]
async fn what_is_not_there_cannot_be_settled() {
    let world = World::serving(&[]).await;
    for error in [
        world.resonate.resolve("nothing", &1).await.unwrap_err(),
        world.resonate.cancel("nothing", "").await.unwrap_err(),
        world.resonate.get::<u8>("nothing").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), "there is no promise `nothing`");
    }
    assert!(world.find("nothing").await.is_none());
}

#[durable(service = "promises")]
async fn answers(id: String) -> Result<(bool, bool)> {
    let first = resolve(format!("{id}.approval"), &approval()).await?;
    let again = reject(format!("{id}.approval"), "too late").await?;
    Ok((first, again))
}

#[durable(service = "promises")]
async fn stops(id: String) -> Result<bool> {
    let nothing = cancel("nothing").await.unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::NotFound);
    cancel(id).await
}

#[tokio::test]
async fn a_function_settles_promises_of_other_trees() {
    let world = World::serving(&["promises"]).await;
    let (asking, stopped) = (
        world.begin(asks().id("asking")),
        world.begin(asks().id("stopped")),
    );
    world.until_state("asking", "suspended").await;
    world.until_state("stopped", "suspended").await;
    assert_eq!(
        world
            .call(answers("asking".to_owned()).id("answers"))
            .await
            .unwrap(),
        (true, false)
    );
    assert_eq!(asking.await.unwrap().unwrap().unwrap(), approval());
    assert!(
        world
            .call(stops("stopped".to_owned()).id("stops"))
            .await
            .unwrap()
    );
    let error = stopped.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Canceled);
    assert!(error.message().contains("by `cancel` at "), "{error}");
}

#[durable(service = "promises_far")]
async fn awaits_for_others(what: Promise<Approval>, times: u32) -> Result<u32> {
    note("waits elsewhere");
    Ok(u32::from(what.await?.level) * times)
}

#[durable(service = "promises")]
async fn shares() -> Result<u32> {
    let approval = promise::<Approval>("approval");
    assert_eq!(approval.id(), "shares.approval");
    let (first, second) = (
        awaits_for_others(approval.clone(), 10),
        awaits_for_others(approval.clone(), 100),
    );
    let (own, first, second) = resonate::try_join!(approval, first, second)?;
    Ok(u32::from(own.level) + first + second)
}

#[tokio::test]
async fn a_promise_is_an_argument_that_is_awaited_elsewhere() {
    let world = World::serving(&["promises"]).await;
    let _far = world.join(&["promises_far"]).await;
    let sharing = world.begin(shares().id("shares"));
    world.notes.until("waits elsewhere").await;
    world.until_state("shares", "suspended").await;
    world
        .resonate
        .resolve("shares.approval", &approval())
        .await
        .unwrap();
    assert_eq!(sharing.await.unwrap().unwrap().unwrap(), 333);
    let outside = Promise::<Approval>::of("shares.approval").unwrap();
    let held = awaits_for_others(outside, 1).id("held");
    assert_eq!(world.call(held).await.unwrap(), 3);
}

#[durable(service = "promises")]
async fn slow(n: u32) -> Result<u32> {
    note(format_args!("slow {n}"));
    notes().pass().await;
    if n == 0 {
        Err(Error::terminal("nothing to do"))
    } else {
        Ok(n * 2)
    }
}

#[durable(service = "promises")]
async fn starts_and_leaves(n: u32) -> Result<Promise<Result<u32>>> {
    slow(n).detach().await
}

#[durable(service = "promises")]
async fn starts_and_waits() -> Result<u32> {
    let (good, bad) = (starts_and_leaves(5).await?, starts_and_leaves(0).await?);
    assert_eq!(
        (good.id(), bad.id()),
        (
            "waits~starts_and_leaves~slow",
            "waits~starts_and_leaves-1~slow"
        )
    );
    let good = good.await??;
    assert_eq!(bad.await.unwrap_err().message(), "nothing to do");
    Ok(good)
}

#[tokio::test]
async fn a_detached_call_outlives_its_caller_and_its_promise_is_a_result() {
    let world = World::serving(&["promises"]).await;
    let left = world.call(starts_and_leaves(4).id("leaves")).await.unwrap();
    assert_eq!(left.id(), "leaves~slow");
    world.notes.until("slow 4").await;
    assert_eq!(world.state("leaves").await, "resolved");
    world.until_state("leaves~slow", "leased").await;
    world.notes.open(1);
    assert_eq!(world.resonate.get::<u32>("leaves~slow").await.unwrap(), 8);
    let roots = world
        .resonate
        .search(Search::new().roots().prefix("leaves"))
        .await
        .unwrap();
    assert_eq!(roots.len(), 2);
}

#[tokio::test]
async fn the_promise_of_a_detached_call_gives_what_it_ended_with() {
    let world = World::serving(&["promises"]).await;
    world.notes.open(2);
    assert_eq!(
        world.call(starts_and_waits().id("waits")).await.unwrap(),
        10
    );
}

#[durable(service = "promises")]
async fn names_it_badly() -> Result<()> {
    promise::<()>("not a name").await
}

#[tokio::test]
async fn a_promise_has_a_name() {
    let world = World::serving(&["promises"]).await;
    let error = world.call(names_it_badly().id("bad")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misused);
    assert!(
        error
            .message()
            .contains("\"not a name\" is no name; use letters, digits and `_`"),
        "{error}"
    );
    let outside = promise::<()>("outside").await.unwrap_err();
    assert!(
        outside
            .message()
            .contains("is outside of a durable function"),
        "{outside}"
    );
}

#[derive(Serialize, Deserialize)]
struct Request {
    title: String,
    approval: Promise<Approval>,
}

#[durable(service = "promises_far")]
async fn handles(requests: Vec<Request>) -> Result<Vec<String>> {
    note("handles");
    let mut lines = Vec::new();
    for Request { title, approval } in requests {
        lines.push(format!("{title} by {}", approval.await?.by));
    }
    Ok(lines)
}

#[durable(service = "promises")]
async fn hands_on() -> Result<Vec<String>> {
    let request = |title: &str| Request {
        title: title.to_owned(),
        approval: promise("approval"),
    };
    handles(vec![request("first"), request("second")]).await
}

#[tokio::test]
async fn a_promise_is_a_field_of_what_is_passed_down() {
    let world = World::serving(&["promises"]).await;
    let _far = world.join(&["promises_far"]).await;
    let handed = world.begin(hands_on().id("hands"));
    world.notes.until("handles").await;
    for id in ["hands.approval-1", "hands.approval"] {
        world.until_state(id, "pending").await;
        assert!(world.resonate.resolve(id, &approval()).await.unwrap());
    }
    assert_eq!(
        handed.await.unwrap().unwrap().unwrap(),
        ["first by Ada", "second by Ada"]
    );
}

#[durable(service = "promises")]
async fn returns_its_own(is_asked: bool) -> Result<Promise<Approval>> {
    let own = promise("approval");
    if is_asked {
        note(own.id());
    }
    Ok(own)
}

#[durable(service = "promises")]
async fn passes_back(of_its_caller: Promise<Approval>) -> Result<Promise<Approval>> {
    Ok(of_its_caller)
}

#[durable(service = "promises")]
async fn gets_back() -> Result<u8> {
    let passed = passes_back(promise("approval")).await?;
    Ok(passed.await?.level)
}

#[tokio::test]
async fn a_promise_that_ends_with_its_function_is_not_returned() {
    let world = World::serving(&["promises"]).await;
    for (id, is_asked) in [("fresh", false), ("asked", true)] {
        let error = world
            .call(returns_its_own(is_asked).id(id))
            .await
            .unwrap_err();
        let said = format!("{error:#}");
        assert!(
            said.contains("the result of promises/returns_its_own"),
            "{said}"
        );
        let wanted =
            format!("the promise `{id}.approval` ends with the function that returns it; await it");
        assert!(said.contains(&wanted), "{said}");
    }
    // It does not end with who is below the function that made it.
    let back = world.begin(gets_back().id("back"));
    world.until_state("back.approval", "pending").await;
    world
        .resonate
        .resolve("back.approval", &approval())
        .await
        .unwrap();
    assert_eq!(back.await.unwrap().unwrap().unwrap(), 3);
}
