//! Schedules: what is said when they cannot be, what is said when they change.

use resonate::{ErrorKind, Overlap, prelude::*};

use crate::world::World;

#[durable(service = "schedules")]
async fn tick(n: u32) -> u32 {
    n
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_named() {
    let world = World::serving(&["schedules"]).await;
    let resonate = &world.resonate;
    let wrong = async |id: &str, cron: &str, zone: &str| {
        let error = resonate.schedule(id, cron, tick(1)).timezone(zone).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misused, "{error}");
        error.to_string()
    };
    let said = wrong("a", "0 3 * *", "UTC").await;
    assert!(said.contains("`0 3 * *` has 4 fields"), "{said}");
    let said = wrong("a", "0 25 * * *", "UTC").await;
    assert!(said.contains("`25` is no hour"), "{said}");
    let said = wrong("a", "0 3 * * *", "Berlin").await;
    assert!(said.contains("no time zone `Berlin`"), "{said}");
    let said = wrong("a.b", "0 3 * * *", "UTC").await;
    assert!(said.contains("has a `.`"), "{said}");
    let said = wrong("a:b", "0 3 * * *", "UTC").await;
    assert!(said.contains("no `:`"), "{said}");
    let odd = resonate.schedule("a", "0 3 * * *", tick(1).id("own")).await;
    let said = odd.unwrap_err().to_string();
    assert!(
        said.contains("leave out the id") && said.contains("schedules.rs"),
        "{said}"
    );
    assert!(resonate.find_schedule("a").await.unwrap().is_none());
}

#[tokio::test]
async fn the_same_plan_again_changes_nothing_and_another_is_told() {
    let world = World::serving(&["schedules"]).await;
    let resonate = &world.resonate;
    let plan = |hour: u32| resonate.schedule("plan", format!("0 {hour} * * *"), tick(1));
    assert!(plan(3).await.unwrap().is_changed());
    assert!(!plan(3).await.unwrap().is_changed());
    let later = plan(4).overlap(Overlap::Allow).await.unwrap();
    assert!(later.is_changed() && later.next().is_some());
    // The id is taken, both ways.
    let error = resonate
        .call(tick(1).id("plan"))
        .result()
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("belongs to a schedule"),
        "{error}"
    );
    let error = resonate.cancel("plan", "enough").await.unwrap_err();
    assert!(
        error.to_string().contains("a schedule, which never ends"),
        "{error}"
    );
    resonate.call(tick(1).id("taken")).result().await.unwrap();
    let error = resonate
        .schedule("taken", "0 3 * * *", tick(1))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("is no schedule"), "{error}");
}

#[tokio::test]
async fn it_fires_on_the_clock_of_the_server() {
    let world = World::serving(&["schedules"]).await;
    let resonate = &world.resonate;
    let every_second = resonate
        .schedule("second", "* * * * * *", tick(5))
        .overlap(Overlap::Allow)
        .await
        .unwrap();
    let first = every_second.next().unwrap();
    crate::world::eventually("it has fired", async || {
        world.find(&every_second.firing(first)).await.is_some()
    })
    .await;
    assert_eq!(
        resonate
            .get::<u32>(every_second.firing(first))
            .await
            .unwrap(),
        5
    );
    every_second.delete().await.unwrap();
}
