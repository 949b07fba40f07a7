//! Schedules on virtual time: a year passes in milliseconds, with both changes of the clocks.

use resonate::{Overlap, prelude::*, testing::World};

#[durable(service = "nights")]
async fn report(name: String) -> String {
    format!("{name} reported")
}

#[durable(service = "nights")]
async fn slow() -> u32 {
    sleep(minutes(90)).await;
    7
}

#[resonate::test]
async fn a_year_of_nights_has_a_firing_each_through_both_changes_of_the_clocks(
    world: World,
) -> Result<()> {
    let nightly = world
        .resonate()
        .schedule("nightly", "30 2 * * *", report("sales".into()))
        .timezone("Europe/Berlin")
        .await?;
    assert!(nightly.is_changed() && nightly.next().is_some());
    let mut fired = Vec::new();
    for _ in 0..365 {
        let at = world.resonate().find_schedule("nightly").await?;
        let at = at.and_then(|nightly| nightly.next()).unwrap();
        // Its promise is created by a message, in the round after.
        world.advance(world.now().until(at.after(seconds(1)))).await;
        let answer: String = world.resonate().get(nightly.firing(at)).await?;
        assert_eq!(answer, "sales reported");
        fired.push(at.as_millis());
    }
    let nights: std::collections::BTreeSet<_> =
        fired.windows(2).map(|two| two[1] - two[0]).collect();
    // Whole days, but for the night that lacks 02:30 (fired at 03:00) and its neighbours, and the longer one.
    let minutes: Vec<_> = nights.iter().map(|night| night / 60_000).collect();
    assert_eq!(minutes, [1_410, 1_440, 1_500]);
    let nightly = world.resonate().find_schedule("nightly").await?.unwrap();
    assert_eq!((nightly.fired(), nightly.missed()), (365, 0));
    assert_eq!(world.runs("nights/report"), 365);
    Ok(())
}

#[resonate::test(crash_everywhere)]
async fn a_firing_survives_every_crash_and_comes_once(world: World) -> Result<()> {
    let resonate = world.resonate();
    let often = resonate
        .schedule("often", "0 * * * *", slow())
        .overlap(Overlap::Queue)
        .await?;
    let first = often.next().unwrap();
    let second = first.after(hours(1));
    world.advance(world.now().until(second)).await;
    // The first takes 90 minutes, so the second waits for it.
    let one: u32 = resonate.get(often.firing(first)).await?;
    while resonate.find(often.firing(second)).await?.is_none() {
        world.advance(seconds(1)).await;
    }
    resonate
        .find_schedule("often")
        .await?
        .unwrap()
        .pause("enough")
        .await?;
    let two: u32 = resonate.get(often.firing(second)).await?;
    assert_eq!((one, two), (7, 7));
    Ok(())
}

#[resonate::test]
async fn an_operator_has_the_last_word(world: World) -> Result<()> {
    let resonate = world.resonate();
    let hourly = resonate
        .schedule("hourly", "0 * * * *", report("stock".into()))
        .await?;
    let (paused, again) = (
        hourly.pause("holidays").await?,
        hourly.pause("again").await?,
    );
    assert_eq!(
        (paused.paused(), again.is_changed()),
        (Some("holidays"), false)
    );
    let began = world.now();
    world.advance(hours(5)).await;
    let paused = resonate.find_schedule("hourly").await?.unwrap();
    assert_eq!(
        (paused.fired(), paused.missed(), paused.next()),
        (0, 0, None)
    );
    let by_hand = paused.trigger().await?.unwrap();
    assert_eq!(resonate.get::<String>(&by_hand).await?, "stock reported");
    let resumed = paused.resume().await?;
    assert!(resumed.next().is_some());
    resumed.backfill(began, world.now()).await?;
    world.advance(seconds(1)).await;
    let firings = resumed.firings().await?;
    assert_eq!(firings.len(), 6, "{firings:?}");
    assert!(
        resonate
            .schedules()
            .await?
            .iter()
            .any(|one| one.id() == "hourly")
    );
    resumed.delete().await?;
    assert!(resonate.schedules().await?.is_empty());
    Ok(())
}
