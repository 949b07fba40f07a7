//! Calls with the same key: one at a time, so many a second, the latest only, the last after a pause; and what would wait
//! for its own caller.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use resonate::{Builder, ErrorKind, prelude::*, testing::World};

/// How many bodies there are of each key, the most there ever were, and what began in which order.
#[derive(Debug, Default)]
struct Seen {
    now: BTreeMap<String, usize>,
    most: BTreeMap<String, usize>,
    begun: Vec<String>,
}

#[derive(Debug, Default)]
struct Log(Mutex<Seen>);

/// A body that is under way.
struct Body(Arc<Log>, String);

impl Log {
    fn begin(self: &Arc<Self>, key: &str, what: &str) -> Body {
        let mut seen = self.0.lock().unwrap();
        let now = seen.now.entry(key.to_owned()).or_default();
        *now += 1;
        let now = *now;
        let most = seen.most.entry(key.to_owned()).or_default();
        *most = now.max(*most);
        seen.begun.push(what.to_owned());
        Body(Arc::clone(self), key.to_owned())
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(now) = self.0.0.lock().unwrap().now.get_mut(&self.1) {
            *now -= 1;
        }
    }
}

thread_local! {
    static LOG: Arc<Log> = Arc::default();
}

fn logged(builder: Builder) -> Builder {
    builder.provide(LOG.with(Arc::clone))
}

fn most(key: &str) -> usize {
    LOG.with(|log| log.0.lock().unwrap().most.get(key).copied().unwrap_or(0))
}

fn begun() -> Vec<String> {
    LOG.with(|log| log.0.lock().unwrap().begun.clone())
}

#[durable(service = "keys", key = host)]
async fn one_per_host(host: &str, path: &str) -> Result<String> {
    let _body = state::<Arc<Log>>().begin(host, path);
    // It waits, and has its key all the while.
    sleep(minutes(1)).await;
    Ok(format!("{host}{path}"))
}

#[durable(service = "keys")]
async fn crawl(hosts: Vec<String>, pages: u64) -> Result<usize> {
    let pages = 0..pages;
    let urls = pages.flat_map(|page| hosts.iter().map(move |host| (host.clone(), page)));
    let urls: Vec<_> = urls.collect();
    let fetched = map(&urls, |(host, page)| {
        one_per_host(host, &format!("/{page}"))
    })
    .await?;
    Ok(fetched.len())
}

#[durable(service = "keys", key = host, per_key = 100, rate_per_key = "1/s")]
async fn one_a_second(n: u64, host: String) -> Result<u64> {
    let _body = state::<Arc<Log>>().begin(&host, "");
    Ok(n)
}

#[durable(service = "keys")]
async fn many_a_host(count: u64) -> Result<usize> {
    let calls = (0..count).flat_map(|n| ["a", "b", "c"].map(|host| (n, host)));
    let calls: Vec<_> = calls.collect();
    Ok(
        map(&calls, |(n, host)| one_a_second(*n, (*host).to_owned()))
            .await?
            .len(),
    )
}

#[durable(service = "keys", key = document, latest_wins)]
async fn render(document: u64, text: &str) -> Result<String> {
    let _body = state::<Arc<Log>>().begin(&document.to_string(), text);
    sleep(minutes(1)).await;
    Ok(text.to_uppercase())
}

#[durable(service = "keys", key = document, debounce = "5s")]
async fn save(document: u64, text: &str) -> Result<String> {
    let _body = state::<Arc<Log>>().begin(&document.to_string(), text);
    Ok(text.to_uppercase())
}

#[durable(service = "keys", debounce = "5s")]
async fn rebuild() -> Result<u64> {
    let _body = state::<Arc<Log>>().begin("", "");
    Ok(7)
}

#[durable(service = "keys", key = account)]
async fn transfer(account: u64, to: u64) -> Result<u64> {
    let _body = state::<Arc<Log>>().begin(&account.to_string(), "");
    if to == 0 {
        return Ok(account);
    }
    through_another(to).await
}

#[durable(service = "keys")]
async fn through_another(account: u64) -> Result<u64> {
    transfer(account, 0).id(format!("into-{account}")).await
}

#[resonate::test(setup = logged, workers = 3)]
async fn one_call_has_a_key_from_start_to_result(world: World) -> Result<()> {
    let hosts = ["a.com", "b.com"].map(str::to_owned).to_vec();
    assert_eq!(crawl(hosts, 5).id("1").await?, 10);
    assert_eq!((most("a.com"), most("b.com")), (1, 1));
    let elapsed = world.elapsed();
    assert!(elapsed >= minutes(5) && elapsed < minutes(6), "{elapsed:?}");
    Ok(())
}

#[resonate::test(setup = logged, crash_randomly = 30, workers = 2)]
async fn one_call_has_a_key_whatever_crashes(world: World) -> Result<()> {
    assert_eq!(crawl(vec!["a.com".to_owned()], 4).id("1").await?, 4);
    assert_eq!(most("a.com"), 1);
    assert!(world.elapsed() >= minutes(4));
    Ok(())
}

#[resonate::test(setup = logged, workers = 2)]
async fn a_server_that_comes_back_gives_no_key_to_two(world: World) -> Result<()> {
    let crash = async {
        for _ in 0..5 {
            world.advance(seconds(35)).await;
            world.crash_server();
        }
    };
    let (fetched, ()) = resonate::join!(crawl(vec!["a.com".to_owned()], 4).id("1"), crash);
    assert_eq!((fetched?, most("a.com")), (4, 1));
    assert_eq!(
        begun(),
        ["/0", "/1", "/2", "/3"],
        "nothing was replayed, nobody came twice"
    );
    Ok(())
}

#[resonate::test(setup = logged, workers = 2)]
async fn each_key_has_its_own_rate(world: World) -> Result<()> {
    world.advance(minutes(1)).await;
    let before = world.elapsed();
    assert_eq!(many_a_host(5).id("1").await?, 15);
    let took = world.elapsed() - before;
    assert!(took >= seconds(4) && took < seconds(5), "{took:?}");
    Ok(())
}

#[resonate::test(setup = logged)]
async fn the_latest_wins_also_over_one_that_runs(world: World) -> Result<()> {
    let (first, second, other, third) = resonate::join!(
        render(1, "one").id("first"),
        async {
            world.advance(seconds(10)).await;
            render(1, "two").id("second").await
        },
        render(2, "other").id("other"),
        async {
            world.advance(seconds(20)).await;
            render(1, "three").id("third").await
        },
    );
    for (early, by) in [(first, "second"), (second, "third")] {
        let error = early.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Canceled);
        assert!(error.to_string().contains(by), "{error}");
    }
    assert_eq!((third?.as_str(), other?.as_str()), ("THREE", "OTHER"));
    let begun = begun().into_iter().filter(|text| text != "other");
    assert_eq!(begun.collect::<Vec<_>>(), ["one", "two", "three"]);
    Ok(())
}

#[resonate::test(setup = logged)]
async fn the_last_of_a_burst_runs_and_all_get_its_result(world: World) -> Result<()> {
    let after = async |secs: u64, text: &'static str| {
        world.advance(seconds(secs)).await;
        save(1, text).id(format!("save-{text}")).await
    };
    let (one, two, three, late) = resonate::join!(
        after(0, "a"),
        after(4, "ab"),
        after(8, "abc"),
        after(20, "abcd")
    );
    assert_eq!([one?, two?, three?, late?], ["ABC", "ABC", "ABC", "ABCD"]);
    assert_eq!(begun(), ["abc", "abcd"]);
    Ok(())
}

#[resonate::test(setup = logged, crash_randomly = 30)]
async fn a_burst_runs_once_whatever_crashes(_world: World) -> Result<()> {
    let calls = (0..5).map(|n| rebuild().id(format!("rebuild-{n}")));
    let done = futures::future::try_join_all(calls).await?;
    assert_eq!(done, [7; 5]);
    Ok(())
}

#[durable(service = "keys", concurrency = 1)]
async fn one_by_one(tenant: String) -> Result<()> {
    let _body = state::<Arc<Log>>().begin("", &tenant);
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    Ok(())
}

#[durable(service = "keys")]
async fn import(rows: usize) -> Result<usize> {
    // Whose it is comes with the call, all the way down.
    let tenant = if rows > 10 { "large" } else { "small" };
    Ok(map(0..rows, |_| one_by_one(tenant.to_owned()))
        .concurrency(100)
        .await?
        .len())
}

#[resonate::test(setup = logged)]
async fn a_large_tenant_does_not_starve_a_small_one_whatever_roots_it_has(
    _world: World,
) -> Result<()> {
    let large = (0..5).map(|n| import(20).id(format!("large-{n}")).label("tenant", "large"));
    let large = futures::future::try_join_all(large);
    let small = import(10).id("small").label("tenant", "small");
    let (large, small) = resonate::join!(large, small);
    assert_eq!((large?, small?), (vec![20; 5], 10));
    let last_small = begun()
        .iter()
        .rposition(|tenant| tenant == "small")
        .unwrap();
    // Every other one, once both wait; by roots it would be one of six.
    assert!(last_small < 30, "{last_small}");
    Ok(())
}

#[resonate::test(setup = logged)]
async fn who_would_wait_for_its_own_caller_is_refused_at_once(world: World) -> Result<()> {
    let error = transfer(1, 1).id("from-1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock);
    let text = error.to_string();
    assert!(text.contains("into-1") && text.contains("from-1"), "{text}");
    assert_eq!(transfer(2, 3).id("from-2").await?, 3);
    assert!(world.elapsed() < seconds(5), "{:?}", world.elapsed());
    Ok(())
}
