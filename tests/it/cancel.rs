//! Cancelling: a future that is dropped, a caller that ends, a word from outside; down the whole tree and on every worker.

use std::{future::pending, time::Duration};

use resonate::{prelude::*, select, try_join};

use crate::world::{World, eventually, millis, note, notes};

/// Waits at the gate; notes when it begins, when it ends, and when it is dropped.
#[durable(service = "cancel")]
async fn lingers(name: &str) -> Result<()> {
    let _guard = notes().guard(name);
    note(format_args!("{name} began"));
    notes().pass().await;
    note(format_args!("{name} ended"));
    Ok(())
}

/// The same in another service.
#[durable(service = "cancel_far", name = "lingers")]
async fn lingers_far(name: &str) -> Result<()> {
    let _guard = notes().guard(name);
    note(format_args!("{name} began"));
    notes().pass().await;
    note(format_args!("{name} ended"));
    Ok(())
}

/// What was begun has been canceled, while its caller still runs. What ran beside its caller may never have been written.
async fn is_canceled(world: &World, name: &str, id: &str) {
    world.notes.until(&format!("{name} dropped")).await;
    let is_canceled = async || ["canceled", "none"].contains(&world.state(id).await);
    eventually(&format!("{id} is canceled"), is_canceled).await;
    assert_eq!(world.notes.count(&format!("{name} ended")), 0);
}

#[durable(service = "cancel")]
async fn drops() -> Result<()> {
    let (mut here, mut there) = (lingers("here"), lingers_far("there"));
    assert!(futures::poll!(&mut here).is_pending() && futures::poll!(&mut there).is_pending());
    promise::<()>("go").await?;
    drop((here, there));
    promise::<()>("end").await
}

#[durable(service = "cancel")]
async fn selects() -> Result<()> {
    select! {
        _ = lingers("here") => return Err(Error::terminal("it ended")),
        _ = lingers_far("there") => return Err(Error::terminal("it ended")),
        told = promise::<()>("go") => told?,
    }
    promise::<()>("end").await
}

#[durable(service = "cancel")]
async fn tries_to_join() -> Result<()> {
    let go = async {
        promise::<()>("go").await?;
        Err::<(), _>(Error::terminal("told to"))
    };
    let joined = try_join!(lingers("here"), lingers_far("there"), go);
    assert_eq!(joined.unwrap_err().message(), "told to");
    promise::<()>("end").await
}

#[durable(service = "cancel")]
async fn gives_up_in_time() -> Result<()> {
    let both = async { try_join!(lingers("here"), lingers_far("there"), promise::<()>("go")) };
    assert_eq!(
        timeout(millis(600), both).await.unwrap_err().kind(),
        ErrorKind::Timeout
    );
    promise::<()>("end").await
}

/// Two calls, of which one runs here and one on another worker, are dropped at `go` and gone before the caller ends.
async fn both_are_canceled(world: &World, caller: Call<Result<()>>, id: &str) {
    let _far = world.join(&["cancel_far"]).await;
    let running = world.begin(caller.id(id));
    world.notes.until("here began").await;
    world.notes.until("there began").await;
    let go = format!("{id}.go");
    eventually("the promise is there", async || {
        world.state(&go).await != "none"
    })
    .await;
    world.resonate.resolve(&go, &()).await.unwrap();
    is_canceled(world, "here", &format!("{id}.lingers")).await;
    is_canceled(world, "there", &format!("{id}.lingers-1")).await;
    let there = world.find(&format!("{id}.lingers-1")).await.unwrap();
    let reason = there.canceled().unwrap();
    let dropped = format!("its caller {id} dropped the future of the call at tests/it/cancel.rs:");
    assert!(reason.starts_with(&dropped), "{reason}");
    assert!(!running.is_finished());
    world.until_state(&format!("{id}.end"), "pending").await;
    world
        .resonate
        .resolve(format!("{id}.end"), &())
        .await
        .unwrap();
    running.await.unwrap().unwrap().unwrap();
    world.notes.open(2);
    assert_eq!(
        world.notes.count("here began") + world.notes.count("there began"),
        2
    );
}

#[tokio::test]
async fn a_call_whose_future_is_dropped_is_canceled() {
    let world = World::serving(&["cancel"]).await;
    both_are_canceled(&world, drops(), "drops").await;
}

#[tokio::test]
async fn the_losing_branches_of_a_select_are_canceled() {
    let world = World::serving(&["cancel"]).await;
    both_are_canceled(&world, selects(), "selects").await;
}

#[tokio::test]
async fn what_an_early_error_leaves_of_a_join_is_canceled() {
    let world = World::serving(&["cancel"]).await;
    both_are_canceled(&world, tries_to_join(), "joins").await;
}

#[tokio::test]
async fn what_a_timeout_drops_is_canceled() {
    let world = World::serving(&["cancel"]).await;
    both_are_canceled(&world, gives_up_in_time(), "times").await;
}

#[durable(service = "cancel")]
async fn returns_early() -> Result<()> {
    let _handles = (lingers("here").spawn(), lingers_far("there").spawn());
    promise::<()>("go").await
}

#[tokio::test]
async fn what_still_runs_when_its_caller_returns_is_canceled() {
    let world = World::serving(&["cancel"]).await;
    let _far = world.join(&["cancel_far"]).await;
    let running = world.begin(returns_early().id("returns"));
    world.notes.until("here began").await;
    world.notes.until("there began").await;
    world.resonate.resolve("returns.go", &()).await.unwrap();
    running.await.unwrap().unwrap().unwrap();
    is_canceled(&world, "here", "returns.lingers").await;
    is_canceled(&world, "there", "returns.lingers-1").await;
    let there = world.find("returns.lingers-1").await.unwrap();
    assert_eq!(
        (there.canceled(), there.because_of()),
        (Some("returns returned"), Some("returns"))
    );
}

/// Cancels `id` from outside and looks at what who waits for it is told.
async fn cancel<R>(world: &World, id: &str, running: tokio::task::JoinHandle<Result<R>>) {
    assert!(world.resonate.cancel(id, "not wanted").await.unwrap());
    let error = running.await.unwrap().err().unwrap();
    assert_eq!(
        (error.kind(), error.promise()),
        (ErrorKind::Canceled, Some(id))
    );
    assert_eq!(error.message(), "it was canceled: not wanted");
    assert_eq!(world.state(id).await, "canceled");
    assert!(!world.resonate.cancel(id, "again").await.unwrap());
}

#[durable(service = "cancel")]
async fn plain(name: &str) -> u32 {
    note(format_args!("{name} began"));
    notes().pass().await;
    1
}

#[tokio::test]
async fn a_queued_call_that_is_canceled_never_begins() {
    let world = World::with(&[], |builder| builder).await;
    let queued = world.begin(plain("queued").id("queued"));
    world.until_state("queued", "pending").await;
    cancel(&world, "queued", queued).await;
    world.notes.open(1);
    let _worker = world.join(&["cancel"]).await;
    world.call(plain("later").id("later")).await;
    assert_eq!(world.notes.lines(), ["later began"]);
}

#[durable(service = "cancel")]
async fn ticks() -> u32 {
    let _guard = notes().guard("ticks");
    loop {
        note("tick");
        tokio::time::sleep(millis(1)).await;
    }
}

#[tokio::test]
async fn a_running_body_is_dropped_at_its_next_await() {
    let world = World::serving(&["cancel"]).await;
    let running = world.begin(ticks().id("running"));
    world.notes.until("tick").await;
    cancel(&world, "running", running).await;
    world.notes.until("ticks dropped").await;
    let lines = world.notes.lines();
    assert_eq!(lines.last().unwrap(), "ticks dropped", "it went on");
}

#[durable(service = "cancel")]
async fn sleeps() -> u32 {
    let _guard = notes().guard("sleeps");
    sleep(resonate::days(30)).await;
    1
}

#[durable(service = "cancel")]
async fn waits() -> Result<u32> {
    let _guard = notes().guard("waits");
    promise("number").await
}

#[tokio::test]
async fn who_sleeps_or_waits_is_canceled_with_what_it_waits_for() {
    let world = World::serving(&["cancel"]).await;
    let (asleep, waiting) = (
        world.begin(sleeps().id("asleep")),
        world.begin(waits().id("waiting")),
    );
    world.until_state("asleep", "suspended").await;
    world.until_state("waiting", "suspended").await;
    cancel(&world, "asleep", asleep).await;
    cancel(&world, "waiting", waiting).await;
    world.until_state("asleep.sleep", "canceled").await;
    world.until_state("waiting.number", "canceled").await;
    world.notes.until("sleeps dropped").await;
    world.notes.until("waits dropped").await;
}

#[tokio::test]
async fn who_waits_is_canceled_with_no_worker_alive() {
    let world = World::with(&[], |builder| builder).await;
    let worker = world.join(&["cancel"]).await;
    let waiting = world.begin(waits().id("waiting"));
    world.until_state("waiting", "suspended").await;
    worker.shutdown().await;
    cancel(&world, "waiting", waiting).await;
    assert_eq!(world.state("waiting.number").await, "canceled");
}

#[durable(service = "cancel", retry = Retry::fixed(Duration::from_secs(86_400)))]
async fn backs_off() -> Result<()> {
    note("tried");
    Err(Error::new("the disk is full"))
}

#[tokio::test]
async fn what_waits_for_its_next_attempt_is_canceled_and_never_tried_again() {
    let world = World::serving(&["cancel"]).await;
    let running = world.begin(backs_off().id("backs-off"));
    world.notes.until("tried").await;
    world.until_state("backs-off", "pending").await;
    cancel(&world, "backs-off", running).await;
    let continued = world.find("backs-off").await.unwrap();
    assert_eq!(continued.task_state(), Some("done"));
    assert_eq!(world.notes.lines(), ["tried"]);
}

#[durable(service = "cancel")]
async fn wants_a_state() -> u64 {
    *state::<u64>()
}

#[tokio::test]
async fn what_is_halted_is_canceled() {
    let world = World::serving(&["cancel"]).await;
    let running = world.begin(wants_a_state().id("halted"));
    world.until_state("halted", "halted").await;
    cancel(&world, "halted", running).await;
}

#[durable(service = "cancel")]
async fn lasts_a_moment() -> Result<()> {
    lingers_far("there").await
}

#[tokio::test]
async fn a_timeout_cancels_what_runs_elsewhere() {
    let world = World::serving(&["cancel"]).await;
    let _far = world.join(&["cancel_far"]).await;
    let call = lasts_a_moment().id("moment").timeout(millis(600));
    let error = world.result(call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    // Its call's time is over at the same moment, so either may be what ends it.
    let is_over = async || ["canceled", "timedout"].contains(&world.state("moment.lingers").await);
    eventually("it is over", is_over).await;
    let began = world.notes.count("there began");
    if began == 1 {
        world.notes.until("there dropped").await;
    }
    assert_eq!(world.notes.count("there ended"), 0);
}

#[durable(service = "cancel")]
async fn grandparent() -> Result<()> {
    let _guard = notes().guard("grandparent");
    parent().remote().await
}

#[durable(service = "cancel")]
async fn parent() -> Result<()> {
    let _guard = notes().guard("parent");
    try_join!(lingers("here"), lingers_far("far"), async {
        pending::<Result<()>>().await
    })?;
    Ok(())
}

#[tokio::test]
async fn a_cancel_travels_down_the_tree_to_every_worker() {
    let world = World::serving(&["cancel"]).await;
    let _far = world.join(&["cancel_far"]).await;
    let running = world.begin(grandparent().id("family"));
    world.notes.until("here began").await;
    world.notes.until("far began").await;
    cancel(&world, "family", running).await;
    for name in ["grandparent", "parent", "here", "far"] {
        world.notes.until(&format!("{name} dropped")).await;
    }
    for id in ["family.parent", "family.parent.lingers-1"] {
        world.until_state(id, "canceled").await;
        let found = world.find(id).await.unwrap();
        assert_eq!(
            (found.canceled(), found.because_of()),
            (Some("family was canceled: not wanted"), Some("family"))
        );
    }
}

#[durable(service = "cancel")]
async fn watches_a_child() -> Result<String> {
    let error = lingers("child").remote().await.unwrap_err();
    Ok(format!("{:?}: {error}", error.kind()))
}

#[tokio::test]
async fn a_caller_is_told_that_its_call_was_canceled() {
    let world = World::serving(&["cancel"]).await;
    let running = world.begin(watches_a_child().id("watches"));
    world.notes.until("child began").await;
    assert!(
        world
            .resonate
            .cancel("watches.lingers", "by hand")
            .await
            .unwrap()
    );
    let text = running.await.unwrap().unwrap().unwrap();
    assert_eq!(
        text,
        "Canceled: it was canceled: by hand (promise `watches.lingers`)"
    );
    world.notes.until("child dropped").await;
}

#[durable(service = "cancel")]
async fn lets_go() -> Result<()> {
    let _shielded = shield(lingers("shielded")).spawn();
    lingers("detached").detach().await?;
    drop(lingers("left").detach());
    let _own_id = lingers("own id").id("own").spawn();
    promise::<()>("go").await
}

#[tokio::test]
async fn a_cancel_does_not_enter_what_is_shielded_detached_or_has_an_id_of_its_own() {
    let world = World::serving(&["cancel"]).await;
    let running = world.begin(lets_go().id("lets"));
    for name in ["shielded", "detached", "left", "own id"] {
        world.notes.until(&format!("{name} began")).await;
    }
    world.until_state("lets", "suspended").await;
    cancel(&world, "lets", running).await;
    world.until_state("lets.go", "canceled").await;
    world.notes.open(4);
    for (name, id) in [
        ("shielded", "lets.lingers"),
        ("detached", "lets~lingers-1"),
        ("left", "lets~lingers-2"),
        ("own id", "own"),
    ] {
        world.notes.until(&format!("{name} ended")).await;
        world.until_state(id, "resolved").await;
    }
}
